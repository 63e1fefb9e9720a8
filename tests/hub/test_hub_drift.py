"""A department changes its columns: told, and treated as the source's policy says."""

import json
import sqlite3
from dataclasses import replace

import pytest
from made_codes import credit_code
from sqlalchemy import text
from typer.testing import CliRunner

from base_libraries import shapes
from connectors.definition import read_source
from hub.checking import check
from hub.cli import app
from hub.drift import accept
from hub.ingest import ingest_source
from infra.database import Role
from schemas.errors import MissingColumn, SchemaDrift

SOURCE = """
code: firms
resource: legal_person
department: 市场监督管理局
title: 企业
ordinal: 77
connector: sql
options: {url: "sqlite:///${city}/firms.sqlite", table: firms}
row_id: id
mapping:
  credit_code: {column: code}
  name: {column: name}
  staff_count: {column: staff}
"""


@pytest.fixture
def register(tmp_path):
    path = tmp_path / "firms.sqlite"

    def run(statement, *rows):
        with sqlite3.connect(path) as connection:
            connection.executemany(statement, rows) if rows else connection.execute(statement)
        connection.close()

    run("CREATE TABLE firms (id INTEGER PRIMARY KEY, code TEXT, name TEXT, staff INTEGER)")
    run("INSERT INTO firms VALUES (?, ?, ?, 5)", *[(n, credit_code(n), f"重庆{n}公司") for n in range(10)])
    return run


@pytest.fixture
def firms(hub, tmp_path):
    def make(policy: str):
        source = read_source(f"{SOURCE}drift: {policy}", "firms.yaml", {"city": tmp_path})
        return replace(hub, sources={"firms": source})

    return make


def _seen(hub):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return [
            (seen.outcome, [change["column"] for change in seen.changes])
            for seen in shapes.history(connection, "firms")
        ]


def _staff(hub):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        query = "SELECT count(*), count(staff_count) FROM library.golden_legal_person"
        return tuple(connection.execute(text(query)).one())


def _retype(register):
    register("ALTER TABLE firms RENAME TO old")
    register("CREATE TABLE firms (id INTEGER PRIMARY KEY, code TEXT, name TEXT, staff TEXT)")
    register("INSERT INTO firms SELECT * FROM old")


@pytest.mark.parametrize("policy", ["freeze", "evolve", "quarantine"])
def test_a_new_column_is_told_and_stops_nobody(firms, register, policy):
    hub = firms(policy)
    ingest_source(hub, "firms")
    register("ALTER TABLE firms ADD COLUMN fax TEXT")
    register("UPDATE firms SET name = '改名' WHERE id = 3")

    assert ingest_source(hub, "firms").contributed == 1
    assert _seen(hub) == [("taken", ["fax"]), ("first", [])]


def test_freeze_refuses_a_retyped_column_until_it_is_accepted(firms, register):
    hub = firms("freeze")
    ingest_source(hub, "firms")
    _retype(register)

    for _ in range(2):
        with pytest.raises(SchemaDrift, match="'staff' was INTEGER and is TEXT"):
            ingest_source(hub, "firms")
    assert _seen(hub) == [("refused", ["staff"]), ("first", [])]

    assert accept(hub, "firms", "operator:test")
    assert not accept(hub, "firms", "operator:test")
    assert ingest_source(hub, "firms").unchanged == 10


def test_freeze_refuses_a_missing_column(firms, register):
    hub = firms("freeze")
    ingest_source(hub, "firms")
    register("ALTER TABLE firms DROP COLUMN staff")

    with pytest.raises(MissingColumn, match="staff"):
        ingest_source(hub, "firms")
    assert _staff(hub) == (10, 10)


def test_evolve_goes_on_without_the_column_and_proposes_what_it_may_be_called_now(firms, register):
    hub = firms("evolve")
    ingest_source(hub, "firms")
    register("ALTER TABLE firms RENAME COLUMN staff TO staff_total")

    assert ingest_source(hub, "firms").contributed == 10
    assert _staff(hub) == (10, 0)
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        (last, _first) = shapes.history(connection, "firms")
    missing = next(change for change in last.changes if change["kind"] == "missing")
    assert (missing["column"], missing["items"], missing["perhaps"]) == (
        "staff",
        ["staff_count"],
        "staff_total",
    )


def test_quarantine_keeps_the_rows_until_the_change_is_accepted(firms, register):
    hub = firms("quarantine")
    ingest_source(hub, "firms")
    _retype(register)

    report = ingest_source(hub, "firms")
    assert (report.quarantined, report.contributed) == (10, 0)
    assert report.reasons == {"staff_count: drift": 10}
    assert ingest_source(hub, "firms").quarantined == 10

    accept(hub, "firms", "operator:test")
    assert ingest_source(hub, "firms").unchanged == 10


def test_a_check_tells_what_would_happen_and_stores_nothing(firms, register):
    hub = firms("evolve")
    register("UPDATE firms SET code = 'X' WHERE id = 3")

    found = check(hub, hub.source("firms"))

    assert (found.rows, found.admitted, found.quarantined) == (10, 9, 1)
    assert found.filled == {"credit_code": 9, "name": 9, "staff_count": 9}
    assert [(row["item"], row["rule"], row["failing"]) for row in found.broken if row["item"]] == [
        ("credit_code", "identifier", 1)
    ]
    assert _staff(hub) == (0, 0)
    assert _seen(hub) == []


def test_the_commands_show_sources_checks_and_drift(own_settings, monkeypatch):
    for name in ("home", "city", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(own_settings, name)))

    def run(*words):
        done = CliRunner().invoke(app, ["source", *words, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert "market_regulation" in {row["code"] for row in run("list")}
    checked = run("check", "market_regulation", "--rows", "50")
    assert checked["rows"] == 50
    assert checked["admitted"] + checked["quarantined"] == 50
    assert run("drift", "market_regulation") == []
