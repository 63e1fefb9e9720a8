"""A department changes its columns: told, and treated as the source's policy says."""

import json
import re
from contextlib import suppress
from dataclasses import replace

import pytest
from firms_register import FIRMS, SOURCE, register_in
from made_codes import credit_code
from sqlalchemy import text
from typer.testing import CliRunner

from base_libraries import shapes
from connectors.definition import read_source
from connectors.push.body import Body
from hub.checking import check
from hub.cli import app
from hub.drift import accept
from hub.ingest import ingest_source
from hub.pushing import take
from infra.database import Role
from schemas.errors import MissingColumn, NothingToAccept, SchemaDrift

STAFFED = SOURCE + "  staff_count: {column: staff}\n"


@pytest.fixture
def register(tmp_path):
    run = register_in(tmp_path, ", staff INTEGER")
    run("INSERT INTO firms VALUES (?, ?, ?, 5)", *FIRMS)
    return run


@pytest.fixture
def firms(hub, tmp_path):
    def make(policy: str):
        source = read_source(f"{STAFFED}drift: {policy}", "firms.yaml", {"city": tmp_path})
        return replace(hub, sources={"firms": source})

    return make


def _seen(hub):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return [
            (seen.outcome, [change["column"] for change in seen.changes])
            for seen in shapes.history(connection, "firms")
        ]


def _history(hub):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return shapes.history(connection, "firms")


def _ledger(hub):
    """The number of the shape, of each run's entry, the oldest first."""
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        query = "SELECT facts->'shape' FROM ledger.entry WHERE action = 'ingest.run' ORDER BY at"
        return list(connection.execute(text(query)).scalars())


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


@pytest.mark.parametrize(
    ("policy", "column", "item"),
    [
        ("freeze", "staff", "staff_count"),
        ("freeze", "code", "credit_code"),
        ("evolve", "code", "credit_code"),
        ("quarantine", "code", "credit_code"),
    ],
)
def test_a_renamed_column_that_cannot_be_done_without_is_refused_with_its_likely_name(
    firms, register, policy, column, item
):
    hub = firms(policy)
    ingest_source(hub, "firms")
    register(f"ALTER TABLE firms RENAME COLUMN {column} TO {column}_now")

    for _ in range(2):
        with pytest.raises(MissingColumn, match=rf"'{column}' \(perhaps renamed to '{column}_now'\)"):
            ingest_source(hub, "firms")
    assert _staff(hub) == (10, 10)
    refused, first = _history(hub)
    assert (refused.outcome, refused.batch, refused.since) == ("refused", None, first.batch)
    gone, new = refused.changes
    assert (gone["kind"], gone["column"], gone["items"], gone["perhaps"], gone["needed"]) == (
        "missing", column, [item], f"{column}_now", True,
    )  # fmt: skip
    assert (new["kind"], new["column"]) == ("new", f"{column}_now")
    assert _ledger(hub) == [None, refused.number, refused.number]


def test_before_the_first_batch_the_definition_is_what_is_known(firms, register):
    hub = firms("freeze")
    register("ALTER TABLE firms RENAME COLUMN staff TO staff_total")

    with pytest.raises(MissingColumn, match="perhaps renamed to 'staff_total'"):
        ingest_source(hub, "firms")
    (refused,) = _history(hub)
    assert (refused.outcome, refused.batch, refused.since) == ("refused", None, None)
    assert [(change["column"], change["perhaps"]) for change in refused.changes] == [("staff", "staff_total")]


@pytest.mark.parametrize("policy", ["taken", "quarantined"])
def test_each_change_tells_the_last_batch_with_the_old_columns(firms, register, policy):
    hub = firms("evolve" if policy == "taken" else "quarantine")
    ingest_source(hub, "firms")
    register("UPDATE firms SET name = '改名' WHERE id = 3")
    ingest_source(hub, "firms")
    _retype(register)
    ingest_source(hub, "firms")

    changed, first = _history(hub)
    assert (changed.outcome, changed.since, changed.batch) == (policy, first.batch + 1, first.batch + 2)
    if policy == "quarantined":  # what is kept out has never been the old shape
        ingest_source(hub, "firms")
        register("ALTER TABLE firms RENAME COLUMN staff TO boss")
        ingest_source(hub, "firms")
        assert _history(hub)[0].since == first.batch + 1


@pytest.mark.parametrize("policy", ["freeze", "quarantine"])
def test_columns_that_are_as_they_were_again_leave_nothing_to_accept(firms, register, policy):
    hub = firms(policy)
    ingest_source(hub, "firms")
    _retype(register)
    with suppress(SchemaDrift):
        ingest_source(hub, "firms")
    register("DROP TABLE firms")
    register("ALTER TABLE old RENAME TO firms")

    with pytest.raises(NothingToAccept, match="'staff' was TEXT and is INTEGER"):
        accept(hub, "firms", "operator:test")
    assert ingest_source(hub, "firms").unchanged == 10
    assert [seen.outcome for seen in _history(hub)][:1] == ["returned"]
    assert not accept(hub, "firms", "operator:test")
    ingest_source(hub, "firms")
    assert len(_history(hub)) == 3


def test_a_refused_column_that_is_there_again_is_not_accepted_away(firms, register):
    hub = firms("freeze")
    ingest_source(hub, "firms")
    register("ALTER TABLE firms RENAME COLUMN staff TO staff_total")
    with pytest.raises(MissingColumn):
        ingest_source(hub, "firms")

    with pytest.raises(MissingColumn, match="perhaps renamed to 'staff_total'"):
        accept(hub, "firms", "operator:test")
    register("ALTER TABLE firms RENAME COLUMN staff_total TO staff")
    with pytest.raises(NothingToAccept, match="'staff' is new"):
        accept(hub, "firms", "operator:test")
    assert ingest_source(hub, "firms").unchanged == 10


def test_a_definition_that_names_the_new_column_goes_on_by_itself(firms, register, tmp_path):
    hub = firms("freeze")
    ingest_source(hub, "firms")
    register("ALTER TABLE firms RENAME COLUMN staff TO staff_total")
    with pytest.raises(MissingColumn):
        ingest_source(hub, "firms")

    corrected = STAFFED.replace("{column: staff}", "{column: staff_total}")
    hub = replace(hub, sources={"firms": read_source(corrected, "firms.yaml", {"city": tmp_path})})
    assert ingest_source(hub, "firms").unchanged == 10
    assert _staff(hub) == (10, 10)
    assert [seen.outcome for seen in _history(hub)] == ["taken", "refused", "first"]


def test_what_was_kept_out_is_accepted_while_nothing_new_waits(firms, register, tmp_path):
    hub = firms("quarantine")
    told = f"{STAFFED}drift: quarantine\nwatermark: {{column: id, type: integer}}"
    hub = replace(hub, sources={"firms": read_source(told, "firms.yaml", {"city": tmp_path})})
    ingest_source(hub, "firms")
    _retype(register)
    register("INSERT INTO firms VALUES (?, ?, ?, 5)", (11, credit_code(11), "重庆11公司"))
    assert ingest_source(hub, "firms").quarantined == 1

    assert accept(hub, "firms", "operator:test")


def test_a_refused_change_of_which_nothing_waits_any_more_is_not_accepted(firms, register, tmp_path):
    hub = firms("freeze")
    told = f"{STAFFED}drift: freeze\nwatermark: {{column: id, type: integer}}"
    hub = replace(hub, sources={"firms": read_source(told, "firms.yaml", {"city": tmp_path})})
    ingest_source(hub, "firms")
    _retype(register)
    register("INSERT INTO firms VALUES (?, ?, ?, 5)", (11, credit_code(11), "重庆11公司"))
    with pytest.raises(SchemaDrift):
        ingest_source(hub, "firms")
    register("DELETE FROM firms WHERE id = 11")

    with pytest.raises(NothingToAccept, match="nothing waits to be read there"):
        accept(hub, "firms", "operator:test")


def test_rows_whose_order_changed_its_type_are_kept_out_too(firms, register, tmp_path):
    hub = firms("quarantine")
    register("ALTER TABLE firms ADD COLUMN seen TEXT DEFAULT '2026-01-02'")
    told = f"{STAFFED}drift: quarantine\nobserved_at: seen"
    hub = replace(hub, sources={"firms": read_source(told, "firms.yaml", {"city": tmp_path})})
    ingest_source(hub, "firms")
    register("ALTER TABLE firms RENAME TO old")
    register("CREATE TABLE firms (id INTEGER PRIMARY KEY, code TEXT, name TEXT, staff INTEGER, seen DATE)")
    register("INSERT INTO firms SELECT * FROM old")

    report = ingest_source(hub, "firms")
    assert (report.quarantined, report.reasons) == (10, {"credit_code: drift": 10})


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


def test_quarantine_keeps_the_rows_of_a_renamed_column_too(firms, register):
    hub = firms("quarantine")
    ingest_source(hub, "firms")
    register("ALTER TABLE firms RENAME COLUMN staff TO staff_total")

    assert ingest_source(hub, "firms").reasons == {"staff_count: drift": 10}
    assert _staff(hub) == (10, 10)
    assert _history(hub)[0].changes[1]["perhaps"] == "staff_total"


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


def test_a_push_under_new_names_is_refused_with_the_likely_name(hub, tmp_path):
    told = STAFFED.replace("connector: sql", "connector: push")
    told = re.sub(r"options: .*", "options: {systems: [pusher]}", told)
    source = read_source(f"{told}drift: freeze", "firms.yaml", {})
    hub = replace(hub, sources={"firms": source})
    body = tmp_path / "rows"
    body.write_text(f"id,code,name,staff\n1,{credit_code(1)},重庆1公司,5\n", encoding="utf-8")
    take(hub, source, Body(body, "csv", "k-1"), "0" * 64)

    rows = [{"id": n, "code": credit_code(n), "name": f"重庆{n}公司", "staff_total": 5} for n in range(60)]
    body.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(MissingColumn, match="perhaps renamed to 'staff_total'"):
        take(hub, source, Body(body, "json", "k-2"), "1" * 64)

    refused, first = _history(hub)
    assert (refused.outcome, refused.since) == ("refused", first.batch)
    assert [(change["kind"], change["column"]) for change in refused.changes] == [
        ("missing", "staff"),
        ("new", "staff_total"),
    ]
    with pytest.raises(NothingToAccept, match="not read without column 'staff'"):
        accept(hub, "firms", "operator:test")
