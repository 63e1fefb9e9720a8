"""Records by filter, over the real server: what comes, page by page and as a stream, and what no filter may tell."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exchange_api_hub import (
    CASE,
    COMPANY_CREDIT,
    KEY,
    LAW,
    PERSON,
    PURPOSE,
    agreement,
    citizen,
    golden,
    persons,
)
from sqlalchemy import text
from typer.testing import CliRunner

from audit.recording import record_administration
from catalog.answer_form import answer_from
from catalog.conditions import rows_from
from catalog.repository import Catalogue
from catalog.system import System
from exchange_api import library, selection
from exchange_api.app import create_app
from exchange_api.cursors import LIFE, Cursors
from exchange_api.formats import ARROW, CSV, JSON_LINES, PARQUET
from hub.caller import new_private_key
from hub.cli import app as cli
from hub.commands.calling import reachable, stored
from infra.database import Role
from schemas.errors import AnswerUnfinished, ConfigurationError, CursorExpired, MalformedCursor

pytestmark = pytest.mark.server
ITEMS = ("citizen_number", "name", "sex", "registered_division", "date_of_birth")
INSIDE, OUTSIDE = "500103001002", "500104001002"
AGREED = {
    "bulk": {"bulk": True},
    "keys": {},
    "hidden": {"bulk": True, "masked": frozenset({"registered_division", "citizen_number"})},
    "asker": {"bulk": True, "answer": answer_from({"form": "yes_no"})},
    "district": {"bulk": True, "rows": rows_from([{"item": "registered_division", "within": "500103"}])},
    "born": {"bulk": True, "rows": rows_from([{"item": "name", "in": ["测试305"]}])},  # on a sealed item
    "few": {"bulk": True, "quota_per_day": 20},
    "credit": {"bulk": True, "resource": COMPANY_CREDIT, "items": ("record_number", "kind", "subject_code", "status")},
}  # fmt: skip
NUMBERS = range(300, 340)
WITHIN = "registered_division LIKE '500103%'"


@pytest.fixture(scope="module")
def hub(served_hub):
    rows = persons(340)[300:]
    for number, row in zip(NUMBERS, rows, strict=True):
        row["registered_division"] = INSIDE if number % 2 else OUTSIDE
        row["sex"] = str(1 + number % 4 // 2)
    golden(served_hub.database, served_hub.keyring, PERSON, rows)
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        for system, terms in AGREED.items():
            key = KEY.as_dict(private=False)
            catalogue.add_system(System(system, "11500000009275123M", system, (key,)), actor="test")
            agreed = agreement(f"f-{system}", system, PERSON, ITEMS)
            told = {"resource": PERSON, "items": ITEMS} | terms
            made = {
                name: getattr(agreed, name)
                for name in ("id", "system", "purposes", "legal_bases", "valid_from", "valid_to")
            }
            catalogue.add_agreement(type(agreed)(**made, **told), actor="test")
    served_hub.knows("credit")
    return served_hub


def read(hub, system="bulk", code=PERSON, accept="application/json", **asked):
    headers = hub.headers(hub.token(system), Accept=accept)
    return hub.http.get(f"/v1/resources/{code}/records", headers=headers, params=asked)


def posted(hub, body, system="bulk", code=PERSON):
    return hub.http.post(f"/v1/resources/{code}/records", headers=hub.headers(hub.token(system)), json=body)


def numbers(answer):
    """Whose records an answer holds."""
    assert answer.status_code == 200, answer.text
    return sorted(record["data"]["citizen_number"] for record in answer.json()["records"])


def citizens(wanted):
    return sorted(citizen(number) for number in NUMBERS if wanted(number))


# ── what comes ───────────────────────────────────────────────────────────────────────────────────────

FILTERS = [
    (f"registered_division = '{INSIDE}'", lambda n: n % 2),
    (WITHIN, lambda n: n % 2),
    (f"registered_division IN ('{INSIDE}', '{OUTSIDE}')", lambda n: True),
    ("registered_division BETWEEN '500104' AND '500105'", lambda n: not n % 2),
    ("registered_division > '500103' AND registered_division < '500104'", lambda n: n % 2),
    (f"{WITHIN} AND sex = '2'", lambda n: n % 2 and n % 4 > 1),
    (f"{WITHIN} AND NOT sex = '2'", lambda n: n % 2 and n % 4 < 2),
    (f"{WITHIN} AND (sex = '2' OR sex = '9')", lambda n: n % 2 and n % 4 > 1),
    (f"{WITHIN} AND sex IS NULL", lambda n: False),
    (f"{WITHIN} AND sex <> '2'", lambda n: n % 2 and n % 4 < 2),
    (f"citizen_number IN ('{citizen(301)}', '{citizen(302)}')", lambda n: n in (301, 302)),
    (f"citizen_number = '{citizen(301).lower()}'", lambda n: n == 301),
    (f"registered_division = '{INSIDE}' OR citizen_number = '{citizen(302)}'", lambda n: n % 2 or n == 302),
    (f"{WITHIN} AND citizen_number <> '{citizen(301)}'", lambda n: n % 2 and n != 301),
    ("registered_division = '500103'' OR ''1''=''1'", lambda n: False),
    ("registered_division = '\"; DROP TABLE library.golden_natural_person; --'", lambda n: False),
]  # fmt: skip


@pytest.mark.parametrize(("filter_", "wanted"), FILTERS)
def test_what_the_filter_wants_comes_and_nothing_else(hub, filter_, wanted):
    answer = read(hub, filter=filter_)
    assert numbers(answer) == citizens(wanted)
    assert answer.json()["next"] is None
    entry = hub.entry(answer)
    assert (entry["action"], entry["records"], entry["keys"]) == (
        "records",
        len(citizens(wanted)),
        len(citizens(wanted)),
    )
    assert "5001" not in str(entry["facts"])


def test_a_filter_as_json_is_the_same_and_its_values_are_in_no_address(hub):
    told = {"op": "and", "args": [
        {"op": "like", "args": [{"property": "registered_division"}, "500103%"]},
        {"op": "=", "args": [{"property": "sex"}, "2"]},
    ]}  # fmt: skip
    answer = posted(hub, {"filter": told, "items": ["citizen_number", "sex"], "provenance": True})
    assert numbers(answer) == citizens(lambda n: n % 2 and n % 4 > 1)
    assert set(answer.json()["records"][0]["data"]) == {"citizen_number", "sex"}
    assert answer.json()["records"][0]["provenance"]["sex"]["batch"] == 1
    assert hub.entry(answer)["facts"] == {"filter": "(registered_division LIKE ? AND sex = ?)"}


def test_records_are_found_by_a_sealed_lookup_item(hub):
    answer = read(hub, "credit", COMPANY_CREDIT, filter=f"subject_code = '{citizen(2)}' AND kind = '01'")
    assert sorted(one["data"]["record_number"] for one in answer.json()["records"]) == [
        "01:渝/许4",
        "01:渝/许5",
    ]


def test_a_recall_knows_who_read_by_a_filter(hub):
    entry = hub.entry(read(hub, filter=f"citizen_number = '{citizen(301)}'"))
    assert len(entry["subjects"]) == 16
    assert entry["items"] == list(ITEMS)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


def test_pages_follow_one_another_and_hold_every_record_once(hub):
    answer, found = read(hub, filter=WITHIN, limit=7), []
    while True:
        found += numbers(answer)
        if answer.json()["next"] is None:
            assert "link" not in answer.headers
            break
        assert answer.headers["hub-cursor"] == answer.json()["next"]
        address = httpx.URL(answer.request.url).join(answer.links["next"]["url"])
        answer = hub.http.get(address, headers=hub.headers(hub.token("bulk")))
    assert sorted(found) == citizens(lambda n: n % 2)
    assert len(found) == len(set(found))


def test_pages_by_a_body_and_of_other_forms_tell_the_cursor(hub):
    told = {"op": "like", "args": [{"property": "registered_division"}, "500103%"]}
    first = posted(hub, {"filter": told, "limit": 15})
    second = posted(hub, {"filter": told, "limit": 15, "cursor": first.json()["next"]})
    assert sorted(numbers(first) + numbers(second)) == citizens(lambda n: n % 2)
    lines = read(hub, accept=JSON_LINES, filter=WITHIN, limit=15)
    rest = read(hub, accept=JSON_LINES, filter=WITHIN, limit=15, cursor=lines.headers["hub-cursor"])
    assert len(lines.content.splitlines()) + len(rest.content.splitlines()) == 20


def test_a_cursor_serves_its_own_question_only(hub):
    cursor = read(hub, filter=WITHIN, limit=7).json()["next"]
    for system, asked in (
        ("district", {"filter": WITHIN}),
        ("bulk", {"filter": f"registered_division = '{INSIDE}'"}),
        ("bulk", {}),
        ("bulk", {"filter": WITHIN, "items": "sex"}),
        ("bulk", {"filter": WITHIN, "cursor": "B" + cursor[1:]}),
        ("bulk", {"filter": WITHIN, "cursor": cursor[:-2]}),
        ("bulk", {"filter": WITHIN, "cursor": "é"}),
        ("bulk", {"filter": WITHIN, "cursor": ""}),
    ):
        answer = read(hub, system, **{"limit": 7, "cursor": cursor} | asked)
        if asked.get("cursor") == "":
            assert answer.status_code == 200
            continue
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_cursor")
        assert hub.entry(answer)["records"] == 0


def test_a_cursor_is_of_a_day(hub):
    cursors, at = Cursors(hub.keyring), datetime(2026, 6, 1, tzinfo=UTC)
    cursor = cursors.made(b"s" * 16, ("a", "b"), at)
    assert cursors.opened(cursor, ("a", "b"), at + LIFE) == b"s" * 16
    with pytest.raises(CursorExpired):
        cursors.opened(cursor, ("a", "b"), at + LIFE + timedelta(seconds=2))
    with pytest.raises(MalformedCursor):
        cursors.opened(cursor, ("ab", ""), at)


# ── streams ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("accept", [JSON_LINES, CSV, ARROW, PARQUET])
def test_all_comes_as_a_stream(hub, accept):
    answer = read(hub, accept=accept, limit="all", filter=WITHIN, items="citizen_number,sex")
    assert answer.status_code == 200, answer.text
    assert answer.headers["transfer-encoding"] == "chunked"
    if accept == JSON_LINES:
        found = [orjson.loads(line)["data"]["citizen_number"] for line in answer.content.splitlines()]
    elif accept == CSV:
        found = [row["citizen_number"] for row in csv.DictReader(io.StringIO(answer.text, newline=""))]
    elif accept == ARROW:
        found = pa.ipc.open_stream(answer.content).read_all()["citizen_number"].to_pylist()
    else:
        found = pq.read_table(io.BytesIO(answer.content))["citizen_number"].to_pylist()
    assert sorted(found) == citizens(lambda n: n % 2)
    entry = hub.entry(answer)
    assert (entry["records"], entry["facts"]["portion"], entry["facts"]["filter"]) == (
        20,
        0,
        "registered_division LIKE ?",
    )


def test_all_is_no_json_object(hub):
    answer = read(hub, limit="all")
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def inside(hub, ask, *asked):
    """Ask a hub in this process."""

    async def run():
        app = create_app(hub.settings)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://hub") as http,
        ):
            return await ask(http, *asked)

    return asyncio.run(run())


def test_a_stream_of_everything_is_many_portions_with_an_entry_each(hub, monkeypatch):
    monkeypatch.setattr(selection, "A_PORTION", 50)

    async def ask(http):
        headers = hub.headers(hub.token("bulk"), Accept=JSON_LINES)
        return await http.get(f"/v1/resources/{PERSON}/records?limit=all", headers=headers)

    answer = inside(hub, ask)
    assert len(answer.content.splitlines()) == 340
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = text("SELECT records, outcome, facts FROM ledger.entry WHERE request = :id ORDER BY id")
        *portions, end = connection.execute(query, {"id": answer.headers["hub-request-id"]}).all()
    assert [one.records for one in portions] == [50] * 6 + [40]
    assert (end.outcome, end.facts["records"], end.facts["bytes"]) == ("whole", 340, len(answer.content))


# ── what is agreed ───────────────────────────────────────────────────────────────────────────────────


def test_records_outside_the_agreed_rows_do_not_come(hub):
    for asked in (
        {},
        {"filter": "registered_division LIKE '5001%'"},
        {"filter": f"citizen_number = '{citizen(302)}'"},
    ):
        answer = read(hub, "district", limit=1000, **asked)
        assert set(numbers(answer)) <= set(citizens(lambda n: n % 2))
    assert numbers(read(hub, "district", filter=f"citizen_number = '{citizen(302)}'")) == []
    sealed = read(hub, "born", filter="registered_division LIKE '5001%'")
    assert numbers(sealed) == [citizen(305)]
    assert hub.entry(sealed)["facts"]["outside"] == 39


@pytest.mark.parametrize(
    ("system", "asked", "status", "code"),
    [
        ("keys", {"filter": WITHIN}, 403, "bulk_not_agreed"),
        ("keys", {}, 403, "bulk_not_agreed"),
        ("asker", {"filter": WITHIN}, 403, "bulk_not_agreed"),
        ("hidden", {"filter": WITHIN}, 403, "item_not_agreed"),
        ("hidden", {"filter": f"citizen_number = '{citizen(301)}'"}, 403, "item_not_agreed"),
        ("bulk", {"filter": f"{WITHIN} AND education = '10'"}, 403, "item_not_agreed"),
        ("bulk", {"filter": "sex = '1'"}, 422, "filter_not_served"),
        ("bulk", {"filter": f"{WITHIN} OR sex = '1'"}, 422, "filter_not_served"),
        ("bulk", {"filter": f"NOT {WITHIN}"}, 422, "filter_not_served"),
        ("bulk", {"filter": f"{WITHIN} AND name LIKE '张%'"}, 422, "filter_not_served"),
        ("bulk", {"filter": f"{WITHIN} AND name = '张三'"}, 422, "filter_not_served"),
        ("bulk", {"filter": f"{WITHIN} AND citizen_number > '5'"}, 422, "filter_not_served"),
        ("bulk", {"filter": f"{WITHIN} AND name IS NULL"}, 422, "filter_not_served"),
        ("bulk", {"filter": "nobody = 1"}, 400, "unknown_item"),
        ("bulk", {"filter": "sex ="}, 400, "malformed_filter"),
        ("bulk", {"filter": "sex = 1"}, 400, "malformed_filter"),
        ("bulk", {"limit": 0}, 400, "malformed_request"),
        ("bulk", {"limit": 10_001}, 400, "malformed_request"),
        ("bulk", {"limit": "x"}, 400, "malformed_request"),
        ("bulk", {"provenance": "maybe"}, 400, "malformed_request"),
        ("bulk", {"offset": 5}, 400, "malformed_request"),
    ],
)
def test_what_is_not_answered_is_told_why_and_on_the_ledger(hub, system, asked, status, code):
    answer = read(hub, system, **asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    entry = hub.entry(answer)
    assert (entry["kind"], entry["problem"], entry["records"]) == ("refusal", code, 0)


def test_bodies_are_checked_as_parameters_are(hub):
    for body in (
        {"items": "sex"},
        {"limit": True},
        {"cursor": 5},
        {"provenance": 1},
        {"keys": ["1"]},
        {"items": [1]},
    ):
        answer = posted(hub, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request"), body


def test_a_page_spends_its_records_of_the_quota(hub):
    assert len(numbers(read(hub, "few", filter=WITHIN, limit=15))) == 15
    refused = read(hub, "few", filter=WITHIN, limit=15)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_spent")
    rest = read(hub, "few", filter=WITHIN, limit=4)
    assert rest.headers["ratelimit"].startswith('"day";r=1;')
    assert (
        read(hub, "few", filter="registered_division = '9'").status_code == 200
    )  # that there is none is told, and counts
    assert read(hub, "few", filter="registered_division = '9'").status_code == 429


def test_a_filter_that_takes_too_long_is_given_up_and_is_on_the_ledger(hub, monkeypatch):
    monkeypatch.setattr(library, "_BOUNDED", "BEGIN READ ONLY; SET LOCAL statement_timeout = '50ms'")

    async def ask(http):
        headers = hub.headers(hub.token("bulk"))
        path = f"/v1/resources/{PERSON}/records"
        with hub.database.engine(Role.OWNER).begin() as connection:
            connection.execute(text("LOCK TABLE library.golden_natural_person"))
            slow = await http.get(path, headers=headers, params={"filter": WITHIN})
        return slow, await http.get(
            path, headers=headers, params={"filter": f"citizen_number = '{citizen(301)}'"}
        )

    slow, again = inside(hub, ask)
    assert (slow.status_code, slow.json()["code"]) == (422, "filter_too_costly")
    assert hub.entry(slow)["problem"] == "filter_too_costly"
    assert again.status_code == 200


def test_an_index_serves_a_filter_of_a_filterable_item(hub):
    with hub.database.engine(Role.OWNER).connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        query = 'EXPLAIN SELECT FROM library.golden_natural_person WHERE "registered_division" COLLATE "C" >= \'500103\''
        plan = "\n".join(connection.execute(text(query)).scalars())
    assert "golden_natural_person_by_registered_division" in plan


# ── the command ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def told(hub, tmp_path_factory):
    """The arguments by which a system calls whose key is on this machine."""
    key = new_private_key(hub.settings.home, "caller")
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_system(
            System("caller", "11500000009275123M", "caller", (key.as_dict(private=False),)), actor="test"
        )
        catalogue.add_agreement(agreement("f-caller", "caller", PERSON, ITEMS, bulk=True), actor="test")
    hub.everywhere(
        lambda again: again.ask_token(again.assertion("caller", key, "Ed25519")).status_code == 200
    )
    return ["--as", "caller", "--purpose", PURPOSE, "--legal-basis", LAW, "--case", CASE, "--url", hub.url]


def command(hub, monkeypatch, *arguments):
    monkeypatch.setenv("HUB_HOME", str(hub.settings.home))
    return CliRunner().invoke(cli, ["call", PERSON, *arguments])


def test_the_command_reads_by_key_filter_and_moment_in_any_form(hub, told, monkeypatch, tmp_path):
    one = command(hub, monkeypatch, citizen(301), "--json", *told)
    assert orjson.loads(one.stdout)["data"]["citizen_number"] == citizen(301)
    out = tmp_path / "found.parquet"
    assert (
        command(
            hub,
            monkeypatch,
            "--filter",
            WITHIN,
            "--limit",
            "all",
            "--format",
            "parquet",
            "--out",
            str(out),
            *told,
        ).exit_code
        == 0
    )
    assert sorted(pq.read_table(out)["citizen_number"].to_pylist()) == citizens(lambda n: n % 2)
    lines = command(hub, monkeypatch, citizen(301), citizen(302), "--format", "jsonl", "--item", "sex", *told)
    assert [orjson.loads(line)["key"] for line in lines.stdout.splitlines()] == [citizen(301), citizen(302)]
    past = command(hub, monkeypatch, citizen(301), "--as-of", "2001-01-01", *told)
    assert (past.exit_code, orjson.loads(past.stdout)["code"]) == (1, "record_not_found")
    assert list(tmp_path.iterdir()) == [out]


def test_the_command_shows_a_refusal_and_writes_no_file(hub, told, monkeypatch, tmp_path):
    out = tmp_path / "none.csv"
    refused = command(hub, monkeypatch, "--filter", "sex = '1'", "--format", "csv", "--out", str(out), *told)
    assert (refused.exit_code, orjson.loads(refused.stdout)["code"]) == (1, "filter_not_served")
    for arguments in ([], [citizen(301), "--filter", WITHIN], ["--filter", WITHIN, "--as-of", "2001-01-01"]):
        assert isinstance(command(hub, monkeypatch, *arguments, *told).exception, ConfigurationError)
    assert not list(tmp_path.iterdir())


def test_the_command_tells_of_an_answer_that_was_not_finished(tmp_path):
    """From a server that stops in the midst of a stream."""
    out = tmp_path / "found.jsonl"

    async def stop(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        writer.close()

    async def ask():
        server = await asyncio.start_server(stop, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with (
            server,
            httpx.AsyncClient(trust_env=False) as http,
            reachable(url),
            http.stream("GET", url) as answer,
        ):
            await stored(answer, out)

    with pytest.raises(AnswerUnfinished):
        asyncio.run(ask())
    assert not list(tmp_path.iterdir())
