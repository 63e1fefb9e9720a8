"""Lineage over HTTP: an administrator sees all, a system what its agreements cover, and every look is on the ledger."""

from urllib.parse import quote

import pytest
from exchange_api_hub import ITEMS, KEY, PERSON, citizen
from sqlalchemy import text

from audit.recording import record_administration
from base_libraries.storage import create_tables
from catalog.repository import Catalogue
from catalog.system import System
from infra.database import Role
from schemas.resource import resources_shipped

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def lineage_hub(served_hub):
    """The served hub with an administrator's system, and tables for every resource."""
    with served_hub.database.engine(Role.OWNER).begin() as connection:
        for resource in resources_shipped().values():
            create_tables(connection, resource)
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        public = KEY.as_dict(private=False)
        added = System("office", "11500000009275123M", "office", (public,), administrator=True)
        Catalogue(connection, record_administration).add_system(added, actor="test")
    served_hub.knows("office")
    return served_hub


@pytest.fixture(scope="module")
def ask(lineage_hub):
    tokens = {system: lineage_hub.token(system) for system in ("permits", "stranger", "office")}

    def _ask(system, path, **changed):
        headers = lineage_hub.headers(tokens[system], **changed)
        return lineage_hub.http.get(f"/v1/lineage/{path}", headers=headers)

    return _ask


def _record(number=1, query=""):
    return f"resources/{PERSON}/records/{citizen(number)}{query}"


def test_a_system_sees_where_its_agreed_items_come_from_and_no_more(ask, lineage_hub):
    answer = ask("permits", _record())

    assert answer.status_code == 200, answer.text
    told = {item["item"]: item for item in answer.json()["items"]}
    assert tuple(told) == ITEMS
    origin = told["name"]["origin"]
    assert (origin["source"], origin["columns"], origin["rule"]) == ("public_security", ["xm"], "only")
    assert not {"row", "dataset", "value"} & (origin.keys() | told["name"].keys())
    assert "window" not in origin["batch"]
    assert "测试" not in answer.text

    entry = lineage_hub.entry(answer)
    assert (entry["kind"], entry["action"], entry["agreement"]) == ("call", "lineage.record", "a-1")
    assert (tuple(entry["items"]), entry["keys"], entry["records"]) == (ITEMS, 1, 1)
    assert len(entry["subjects"]) == 16


@pytest.mark.parametrize(
    ("system", "path", "changed", "status", "code"),
    [
        ("permits", _record(query="?items=marital_status"), {}, 403, "item_not_agreed"),
        ("permits", _record(query="?values=masked"), {}, 403, "access_denied"),
        ("permits", _record(query="?version=0"), {}, 400, "malformed_request"),
        ("permits", _record(query="?as_of=yesterday"), {}, 400, "malformed_request"),
        ("permits", _record(query="?colour=red"), {}, 400, "malformed_request"),
        ("permits", _record(), {"Hub-Purpose": None}, 400, "missing_purpose"),
        ("permits", _record(), {"Hub-Purpose": "other"}, 403, "purpose_not_agreed"),
        ("permits", _record(999), {}, 404, "record_not_found"),
        ("permits", _record(query="?version=7"), {}, 404, "record_not_found"),
        ("permits", f"resources/{PERSON}/records/12", {}, 400, "malformed_key"),
        ("stranger", _record(), {}, 403, "access_denied"),
        ("office", _record(), {"Hub-Case-Code": None}, 400, "missing_purpose"),
        ("stranger", f"resources/{PERSON}", {}, 403, "access_denied"),
        ("permits", f"resources/{PERSON}?limit=0", {}, 400, "malformed_request"),
        ("permits", f"resources/{PERSON}?since=2026", {}, 400, "malformed_request"),
        ("permits", "resources/nothing", {}, 404, "unknown_resource"),
        ("permits", "sources/nothing", {}, 403, "access_denied"),
        ("office", "sources/nothing", {}, 404, "unknown_source"),
        ("permits", "sources/public_security/columns/hyzk", {}, 403, "access_denied"),
        ("permits", "sources/public_security/columns/none", {}, 403, "access_denied"),
        ("office", "sources/public_security/columns/none", {}, 404, "unknown_column"),
    ],
)  # fmt: skip
def test_what_is_not_to_be_seen_is_refused_and_the_refusal_is_on_the_ledger(
    ask, lineage_hub, system, path, changed, status, code
):
    answer = ask(system, path, **changed)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert lineage_hub.entry(answer)["problem"] == code
    assert citizen(1) not in answer.text


def test_an_administrator_sees_all_items_and_masked_values(ask):
    answer = ask("office", _record(query="?values=masked")).json()

    told = {item["item"]: item for item in answer["items"]}
    assert len(told) == len(resources_shipped()[PERSON].items)
    assert (told["name"]["value"], told["mobile_phone"]["value"]) == ("测**", "138****0001")
    assert told["name"]["origin"]["dataset"]["namespace"]
    assert told["education"]["origin"] is None


def test_impact_is_bounded_by_agreements_and_pages(ask):
    own = ask("permits", f"resources/{PERSON}").json()
    assert [item["item"] for item in own["items"]] == [
        item.name for item in resources_shipped()[PERSON].items if item.name in ITEMS
    ]
    assert [reader["agreement"] for reader in own["agreements"]] == ["a-1"]
    assert not any("dataset" in source for source in own["sources"])

    every = ask("office", f"resources/{PERSON}?limit=2").json()
    assert ([reader["agreement"] for reader in every["agreements"]], every["next"]) == (["a-1", "a-3"], "a-3")
    rest = ask("office", f"resources/{PERSON}?limit=2&after=a-3").json()
    assert ([reader["agreement"] for reader in rest["agreements"]], rest["next"]) == (["a-4"], None)


def test_a_column_an_item_and_a_source_are_followed(ask, lineage_hub):
    column = ask("permits", f"sources/social_security/columns/{quote('手机号码')}").json()
    assert [item["item"] for item in column["items"]] == ["mobile_phone"]
    assert column["of"] == {"kind": "column", "source": "social_security", "column": "手机号码"}

    item = ask("office", f"resources/{PERSON}?item=marital_status").json()
    assert {edge["source"] for edge in item["items"][0]["from"]} == {
        "public_security",
        "civil_affairs_marriage",
    }
    source = ask("office", "sources/civil_affairs_death")
    assert source.json()["dags"] == ["ingest_civil_affairs_death", f"scorecard_{PERSON}", "seal"]
    assert lineage_hub.entry(source)["action"] == "lineage.source"


def test_looking_at_lineage_is_no_use_of_the_data(ask, lineage_hub, settled):
    from audit.notes import ledger_signer
    from audit.sealer import seal
    from audit.use import check_counts

    lineage_hub.record(citizen(1), lineage_hub.token(), params={"items": "name"})
    settled()
    engine = lineage_hub.database.engine(Role.APPLICATION)
    seal(engine, ledger_signer(lineage_hub.keyring, lineage_hub.settings.hub_id))

    found = {one["item"]: one["calls"] for one in ask("permits", f"resources/{PERSON}").json()["calls"]}
    with engine.connect() as connection:
        check_counts(connection)
        query = text(
            "SELECT count(*) FROM ledger.entry WHERE action = 'record' AND items @> '{name}' AND kind = 'call'"
        )
        assert found == {"name": connection.execute(query).scalar_one()}
