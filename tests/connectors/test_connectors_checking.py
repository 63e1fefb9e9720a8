"""Checking a source: what its rows would come to is told, and nothing is stored here nor taken off there."""

# ruff: noqa: F811 (fixtures that are imported)

import json
from dataclasses import replace

import psycopg
import pytest
from broker import broker  # noqa: F401 (fixture)
from json_interface import JsonInterface, Reply
from test_connectors_changes import Register, logging_server  # noqa: F401 (fixture)
from test_connectors_stream_queue import Queue
from typer.testing import CliRunner

from connectors.definition import read_source
from hub.checking import check
from hub.cli import app
from hub.composition import open_hub
from hub.ingest import ingest_source
from hub.upgrade import upgrade_database
from infra.database import Role, open_database

pytestmark = pytest.mark.server

GOOD, BAD = "91350100M000100Y43", "91350100M000100Y44"
FIRMS = """
code: firms
resource: legal_person
department: 市场监督管理局
title: 企业
ordinal: 77
"""


@pytest.fixture
def own_hub(hub_settings):
    with open_database(hub_settings) as database:
        upgrade_database(database)
    with open_hub(hub_settings) as opened:
        yield opened


def everything(hub):
    """Every row of every table of the hub, digested table by table."""
    with psycopg.connect(hub.database.url(Role.OWNER)) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('catalog', 'ledger', 'library', 'codes')"
        ).fetchall()
        query = "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
        return {name: connection.execute(query.format(name)).fetchone() for (name,) in tables}


def firms(rest):
    return read_source(FIRMS + rest, "firms", {})


def of_file(path, more=""):
    mapping = "mapping: {credit_code: {column: 代码}, name: {column: 名称}, status: {column: 状态, code_set: registration_status}}"
    return firms(f"connector: file\noptions: {{path: {path}, format: csv}}\nrow_id: 编号\n{mapping}\n{more}")


def write(path, rows, header="编号,代码,名称,状态"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def test_why_rows_would_be_kept_out_is_told_without_their_values(own_hub, tmp_path):
    path = tmp_path / "a.csv"
    states = ["存续"] * 7 + ["歇业中"] * 3
    write(path, [f"{n},{GOOD if n < 8 else BAD},企业{n},{state}" for n, state in enumerate(states)])
    before = everything(own_hub)
    found = check(own_hub, of_file(path))
    assert everything(own_hub) == before
    assert (found.rows, found.admitted, found.quarantined) == (10, 8, 2)
    (reason,) = found.reasons
    assert (reason.item, reason.rows, reason.examples) == ("credit_code", 2, ("9{8}A9{6}A99",))
    (uncoded,) = found.uncoded
    assert (uncoded.item, uncoded.rows, dict(uncoded.values)) == ("status", 3, {"歇业中": 3})
    assert BAD not in json.dumps(
        [one.record() for one in (*found.reasons, *found.uncoded)], ensure_ascii=False
    )


def test_names_that_stand_where_codes_should_are_shown_as_forms(own_hub, tmp_path):
    path = tmp_path / "a.csv"
    write(path, [f"{n},{GOOD},企业{n},欧阳修一" for n in range(6)])
    (uncoded,) = check(own_hub, of_file(path)).uncoded
    assert dict(uncoded.values) == {"汉{4}": 6}


def test_drift_against_the_last_batch_is_told_and_not_taken(own_hub, tmp_path):
    path = tmp_path / "a.csv"
    source = of_file(path, "drift: evolve")
    write(path, [f"1,{GOOD},企业,存续"])
    ingest_source(replace(own_hub, sources={source.code: source}), source.code)
    write(path, [f"1,{GOOD},企业,存续,x"], "编号,代码,企业名,状态,备注")
    before = everything(own_hub)
    found = check(own_hub, source)
    assert {(change.kind.value, change.column) for change in found.changes} == {
        ("new", "企业名"), ("new", "备注"), ("missing", "名称"),
    }  # fmt: skip
    assert found.missing == ("名称",)
    assert everything(own_hub) == before


def test_a_json_interface_is_asked_for_no_more_than_is_looked_at(own_hub):
    def answer(request):
        number = int(request.query.get("page", 1))
        rows = [{"id": f"{number}-{n}", "code": GOOD, "name": "企业"} for n in range(10)]
        return Reply({"total": 1000, "rows": rows})

    interface = JsonInterface(answer)
    paging = "{by: page, parameter: page, total: total}"
    source = firms(
        f"connector: rest\noptions: {{url: {interface.url}, records: rows, paging: {paging}}}\nrow_id: id\n"
        "mapping: {credit_code: {column: code}, name: {column: name}}"
    )
    before = everything(own_hub)
    found = check(own_hub, source, 20)
    interface.close()
    assert (found.rows, found.admitted) == (20, 20)
    assert len(interface.requests) <= 4
    assert everything(own_hub) == before


def test_a_layer_is_looked_at(own_hub, tmp_path):
    path = tmp_path / "towns.geojson"
    features = [
        {"type": "Feature", "properties": {"DMDM": f"5001{n:02d}", "BZMC": f"镇{n}"}, "geometry": {"type": "Point", "coordinates": [106 + n / 100, 29]}}
        for n in range(60)
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    source = read_source(
        "code: towns\nresource: place\ndepartment: 局\ntitle: 地名\nordinal: 78\nconnector: spatial\n"
        f"options: {{path: {path}}}\nrow_id: DMDM\n"
        "mapping: {place_code: {column: DMDM}, name: {column: BZMC}, geometry: {column: geometry}}",
        "towns",
        {},
    )
    before, folder = everything(own_hub), sorted(tmp_path.iterdir())
    found = check(own_hub, source, 50)
    assert (found.rows, found.admitted) == (50, 50)
    assert everything(own_hub) == before
    assert sorted(tmp_path.iterdir()) == folder


class TestChangeLog:
    """A slot is neither made nor moved by a look."""

    @pytest.fixture
    def register(self, logging_server):
        made = Register(logging_server)
        yield made
        made.drop_slot()

    @pytest.fixture
    def source(self, register):
        return firms(
            f'connector: stream\noptions: {{url: "{register.url}", changes: {{table: 企业, publication: hub, slot: {register.slot}}}}}\n'
            "row_id: 编号\nmapping: {credit_code: {column: 代码}, name: {column: 名称}, business_scope: {column: 范围}}"
        )

    def slots(self, register):
        with psycopg.connect(register.url) as connection:
            return connection.execute(
                "SELECT slot_name, confirmed_flush_lsn, restart_lsn FROM pg_replication_slots WHERE slot_name = %s",
                (register.slot,),
            ).fetchall()

    def test_before_the_first_pull_no_slot_is_made(self, own_hub, register, source):
        register.insert(1, 31)
        before = everything(own_hub)
        assert check(own_hub, source, 20).rows == 20
        assert self.slots(register) == []
        assert everything(own_hub) == before

    def test_afterwards_no_change_is_passed_over(self, own_hub, register, source):
        register.insert(1, 11)
        register.pull(source)
        register.insert(11, 21)
        before = self.slots(register)
        assert check(own_hub, source).rows == 20
        assert self.slots(register) == before
        register.pull(source)
        assert register.library == register.rows()


class TestQueue:
    """Every message is still there after a look, and comes in its turn."""

    def test_nothing_is_taken_off(self, own_hub, broker, monkeypatch):
        monkeypatch.setenv("BROKER_SECRET", "guest")
        queue = Queue(broker)
        said = [{"code": GOOD, "body": {"name": f"企业{n}"}, "id": str(n)} for n in range(8)]
        queue.publish(*said[:4], b"[]", b"no json", *said[4:])
        source = firms(
            f'connector: stream\noptions: {{url: "{broker.reference}", queue: {{name: {queue.name}, idle_seconds: 0.3}}}}\n'
            "row_id: id\nmapping: {credit_code: {column: code}, name: {column: body.name}}"
        )
        before = everything(own_hub)
        found = check(own_hub, source)
        assert (found.rows, found.quarantined) == (9, 1)
        assert check(own_hub, source, 3).rows == 3
        assert queue.waiting() == 10
        assert everything(own_hub) == before
        queue.pull(source)
        assert {row[1] for row in queue.library.values()} >= {f"企业{n}" for n in range(8)}


def test_the_command_says_all_of_it(own_hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_HOME", str(own_hub.settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", own_hub.settings.database_url)
    path, definition = tmp_path / "a.csv", tmp_path / "firms.yaml"
    write(path, [f"{n},{GOOD if n else BAD},企业{n},{'歇业中' if n > 6 else '存续'}" for n in range(10)])
    mapping = "mapping: {credit_code: {column: 代码}, name: {column: 名称}, status: {column: 状态, code_set: registration_status}}"
    definition.write_text(
        f"{FIRMS}connector: file\noptions: {{path: {path}}}\nrow_id: 编号\n{mapping}\n", encoding="utf-8"
    )
    shown = CliRunner().invoke(app, ["source", "check", str(definition)])
    assert shown.exit_code == 0, shown.output
    assert "nothing was stored" in shown.output
    assert "Why rows would be quarantined" in shown.output
    assert "歇业中 (3)" in shown.output
    assert BAD not in shown.output
    told = json.loads(CliRunner().invoke(app, ["source", "check", str(definition), "--json"]).output)
    assert told["reasons"][0]["item"] == "credit_code"
    assert told["uncoded"][0]["values"] == {"歇业中": 3}
    pushed = tmp_path / "pushed.yaml"
    pushed.write_text(
        f"{FIRMS}connector: push\noptions: {{systems: [desk]}}\nrow_id: 编号\n{mapping}\n", encoding="utf-8"
    )
    assert "pushes its rows" in CliRunner().invoke(app, ["source", "check", str(pushed)]).output
