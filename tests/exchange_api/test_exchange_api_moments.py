"""Records as of a moment: as the hub knew them then, or as they held then; and what no date brings back."""

import asyncio
from datetime import UTC, datetime

import httpx
import pyarrow as pa
import pytest
from exchange_api_hub import KEY, PERSON, agreement, citizen, persons
from sqlalchemy import text

from audit.recording import record_administration
from base_libraries.vault import Vault
from catalog.conditions import rows_from
from catalog.repository import Catalogue
from catalog.system import System
from exchange_api.app import create_app
from exchange_api.moments import Moment, moment_of
from infra.database import Role
from schemas.errors import MalformedRequest
from schemas.resource import resource_named

pytestmark = pytest.mark.server
ITEMS = ("citizen_number", "name", "registered_division")
CHANGED, CLOSED, MOVED_IN, MOVED_OUT = 400, 401, 402, 403
HERE, THERE = "500103001002", "500104001002"
# version, valid from, recorded at, valid to, name, division; the last without an end is in force
VERSIONS = {
    CHANGED: [(1, "2025-01-01", "2025-01-10", "2025-06-01", "甲", HERE), (2, "2025-06-01", "2025-07-01", "2026-01-01", "乙", HERE),
              (3, "2026-01-01", "2026-01-05", None, "丙", HERE)],
    CLOSED: [(1, "2025-01-01", "2025-01-10", "2025-06-01", "丁", HERE)],
    MOVED_IN: [(1, "2025-01-01", "2025-01-10", "2025-06-01", "戊", THERE), (2, "2025-06-01", "2025-07-01", None, "戊", HERE)],
    MOVED_OUT: [(1, "2025-01-01", "2025-01-10", "2025-06-01", "己", HERE), (2, "2025-06-01", "2025-07-01", None, "己", THERE)],
}  # fmt: skip
SYSTEMS = {"past": {}, "here": {"rows": rows_from([{"item": "registered_division", "within": "500103"}])}}


def day(told):
    return None if told is None else datetime.fromisoformat(told).replace(tzinfo=UTC)


def store(hub, number, version, valid_from, recorded_at, valid_to, name, division):
    """Write a version as consolidation does: in force to the golden records, else to history."""
    resource = resource_named(PERSON)
    vault = Vault(resource, hub.keyring)
    row = {**persons(number + 1)[number], "name": name, "registered_division": division}
    table = vault.described(pa.Table.from_pylist([row], schema=resource.arrow_schema))
    table = table.append_column("_subject", vault.subjects(table))
    sealed = vault.seal("golden", table, pa.chunked_array([pa.array([version], pa.int32())]))
    told = {
        "_subject": table["_subject"][0].as_py(), "_version": version, "_valid_from": day(valid_from), "_recorded_at": day(recorded_at),
        "_digest": table["_digest"][0].as_py(), "_sealed": sealed[0].as_py(), "_provenance": [0] * len(resource.items),
    } | {item.name: row.get(item.name) for item in resource.open_items}  # fmt: skip
    told |= {} if valid_to is None else {"_valid_to": day(valid_to)}
    names, values = ", ".join(f'"{name}"' for name in told), ", ".join(f":{name}" for name in told)
    place = "golden" if valid_to is None else "history"
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(text(f"INSERT INTO library.{place}_{PERSON} ({names}) VALUES ({values})"), told)


@pytest.fixture(scope="module")
def hub(served_hub):
    for number, versions in VERSIONS.items():
        for version in versions:
            store(served_hub, number, *version)
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        for system, terms in SYSTEMS.items():
            key = KEY.as_dict(private=False)
            catalogue.add_system(System(system, "11500000009275123M", system, (key,)), actor="test")
            catalogue.add_agreement(agreement(f"m-{system}", system, PERSON, ITEMS, **terms), actor="test")
    served_hub.knows("here")
    return served_hub


def names(hub, system, numbers, **asked):
    """The name and version of each record that a query finds, by number; and of each that is missing, None."""
    answer = hub.query({"keys": [citizen(number) for number in numbers], **asked}, hub.token(system))
    assert answer.status_code == 200, answer.text
    found = {one["key"]: (one["data"]["name"], one["version"]) for one in answer.json()["records"]}
    assert set(answer.json()["missing"]) == {citizen(number) for number in numbers} - found.keys()
    return [found.get(citizen(number)) for number in numbers]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ("丙", 3)),
        ({"as_of": "2025-01-09"}, None),
        ({"as_of": "2025-01-11"}, ("甲", 1)),
        ({"as_of": "2025-06-15"}, ("甲", 1)),  # the second was valid, and not known yet
        ({"valid_at": "2025-06-15"}, ("乙", 2)),
        ({"as_of": "2025-07-02T00:00:00+08:00"}, ("乙", 2)),
        ({"valid_at": "2024-12-31"}, None),
        ({"valid_at": "2025-01-05"}, ("甲", 1)),
        ({"valid_at": "2026-01-01T00:00:00Z"}, ("丙", 3)),
        ({"as_of": "2026-01-01T00:00:00Z"}, ("乙", 2)),
        ({"as_of": "2999-01-01"}, ("丙", 3)),
    ],
)
def test_the_version_of_the_moment_is_answered(hub, asked, found):
    assert names(hub, "past", [CHANGED], **asked) == [found]
    answer = hub.record(citizen(CHANGED), hub.token("past"), params=asked)
    if found is None:
        assert (answer.status_code, answer.json()["code"]) == (404, "record_not_found")
    else:
        assert (answer.json()["data"]["name"], answer.json()["version"]) == found


def test_what_is_no_more_does_not_come_back_by_a_date(hub):
    for asked in ({}, {"as_of": "2025-02-01"}, {"valid_at": "2025-02-01"}):
        assert names(hub, "past", [CLOSED, CHANGED], **asked)[0] is None


def test_a_record_has_to_be_agreed_as_it_is_and_as_it_was(hub):
    for asked in ({"as_of": "2025-02-01"}, {"valid_at": "2025-02-01"}):
        assert names(hub, "here", [CHANGED, MOVED_IN, MOVED_OUT], **asked) == [("甲", 1), None, None]
    assert names(hub, "here", [CHANGED, MOVED_IN, MOVED_OUT]) == [("丙", 3), ("戊", 2), None]


def test_the_ledger_says_for_which_moment_it_was(hub):
    answer = hub.record(citizen(CHANGED), hub.token("past"), params={"as_of": "2025-02-01"})
    assert hub.entry(answer)["facts"] == {"as_of": "2025-01-31T16:00:00+00:00"}


def test_moments_are_read_as_people_write_them():
    assert moment_of({}) is None
    assert moment_of({"as_of": "2025-02-01"}) == Moment("as_of", datetime(2025, 1, 31, 16, tzinfo=UTC))
    assert moment_of({"valid_at": "2025-02-01T08:00:00Z"}) == Moment(
        "valid_at", datetime(2025, 2, 1, 8, tzinfo=UTC)
    )
    for told in (
        {"as_of": "soon"},
        {"as_of": 5},
        {"as_of": "2025-01-01", "valid_at": "2025-01-01"},
        {"as_of": ""},
        {"as_of": "0001-01-01"},
    ):
        with pytest.raises(MalformedRequest):
            moment_of(told)


def test_a_moment_goes_with_every_form(hub):
    async def ask():
        app = create_app(hub.settings)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://hub") as http,
        ):
            headers = hub.headers(hub.token("past"), Accept="text/csv")
            body = {"keys": [citizen(CHANGED), citizen(CLOSED)], "items": ["name"], "valid_at": "2025-06-15"}
            return await http.post(f"/v1/resources/{PERSON}/query", headers=headers, json=body)

    header, one, missing, _ = asyncio.run(ask()).text.split("\r\n")
    assert header == "_key,_version,_valid_from,name,_doubts"
    assert one.endswith(',"乙",')
    assert missing == f'"{citizen(CLOSED)}",,,,'
