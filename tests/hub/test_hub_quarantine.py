"""The quarantine as a place of work: grouped, exported, taken back, replayed once, escalated, given up."""

import json
from dataclasses import replace

import pytest
import xlsxwriter
from firms_register import FIRMS, SOURCE, register_in
from made_codes import credit_code
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from typer.testing import CliRunner

from base_libraries import quarantine
from connectors.definition import read_source
from hub import quarantine as work
from hub.cli import app
from hub.ingest import ingest_source
from infra.database import Role
from schemas.errors import WrongFormat

BAD = {3: "9150000000000003XX", 7: "nonsense"}


@pytest.fixture
def register(tmp_path):
    """A department's table of ten firms, two with an impossible code; ``run`` changes it."""
    run = register_in(tmp_path)
    run("INSERT INTO firms VALUES (?, ?, ?)", *((n, BAD.get(n, code), name) for n, code, name in FIRMS))
    return run


@pytest.fixture
def firms(hub, register, tmp_path):
    """A hub whose one source has two rows in quarantine."""
    source = read_source(SOURCE, "firms.yaml", {"city": tmp_path})
    opened = replace(hub, sources={"firms": source})
    assert ingest_source(opened, "firms").quarantined == len(BAD)
    return opened


def _open(hub):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return quarantine.entries(connection, "firms")


def _ask(hub, statement: str):
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        return connection.execute(text(statement)).all()


def _count(hub) -> int:
    return _ask(hub, "SELECT count(*) FROM library.golden_legal_person")[0][0]


def _repaired(exported, path, repairs):
    """Write the exported workbook anew with some codes put right, as an officer would."""
    rows = CalamineWorkbook.from_path(str(exported)).get_sheet_by_index(0).to_python()
    code = rows[0].index("code")
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(rows):
            row[code] = repairs.get(row[code], row[code])
            sheet.write_row(place, 0, row)
    return path


def test_entries_are_grouped_by_reason(firms):
    with firms.database.engine(Role.APPLICATION).connect() as connection:
        ((source, reason, number, _),) = quarantine.groups(connection)
        assert (source, reason, number) == ("firms", "credit_code: identifier", len(BAD))
        assert len(quarantine.entries(connection, "firms", "credit_code: identifier")) == len(BAD)
        assert quarantine.entries(connection, "firms", "name: not_null") == []
        assert len(quarantine.entries(connection, "firms", limit=1)) == 1


def test_the_workbook_goes_out_with_reasons_and_is_for_its_owner_alone(firms, tmp_path):
    path = tmp_path / "out.xlsx"

    assert work.export(firms, firms.source("firms"), path, "person:test") == len(BAD)

    header, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    told = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["code"] for row in told] == list(BAD.values())
    assert all("credit_code" in row[work.REASON] for row in told)
    assert path.stat().st_mode & 0o077 == 0
    entries = _ask(firms, "SELECT facts FROM ledger.entry WHERE action = 'quarantine.export'")
    assert entries[0][0]["entries"] == len(BAD)


def test_repaired_rows_are_taken_back_exactly_once(firms, tmp_path):
    source = firms.source("firms")
    work.export(firms, source, tmp_path / "out.xlsx", "person:test")
    back = _repaired(
        tmp_path / "out.xlsx", tmp_path / "back.xlsx", {BAD[3]: credit_code(3), BAD[7]: credit_code(7)}
    )

    first = work.take_back(firms, source, back)
    second = work.take_back(firms, source, back)

    assert (first.tried, first.settled_before, first.report.contributed) == (2, 0, 2)
    assert (second.tried, second.settled_before, second.report) == (0, 2, None)
    assert (_open(firms), _count(firms)) == ([], 10)
    ingest_source(firms, "firms")  # the department's own system has the wrong codes still
    assert (_open(firms), _count(firms)) == ([], 10)


def test_a_row_still_wrong_stays_open_and_as_old_as_it_was(firms, tmp_path):
    source = firms.source("firms")
    since = {entry.row_reference: entry.recorded_at for entry in _open(firms)}
    work.export(firms, source, tmp_path / "out.xlsx", "person:test")
    back = _repaired(
        tmp_path / "out.xlsx", tmp_path / "back.xlsx", {BAD[3]: credit_code(3), BAD[7]: "still nonsense"}
    )

    report = work.take_back(firms, source, back).report

    (left,) = _open(firms)
    assert (report.contributed, report.quarantined) == (1, 1)
    assert (left.row_reference, left.recorded_at) == ("7", since["7"])
    states = _ask(firms, "SELECT state FROM library.quarantine ORDER BY number")
    assert [row.state for row in states] == ["corrected", "replaced", "open"]


def test_a_row_that_the_department_repairs_at_home_is_settled(tmp_path, hub, register):
    definition = SOURCE.replace("row_id: id", "row_id: id\nwatermark: {column: changed, type: integer}")
    register("ALTER TABLE firms ADD COLUMN changed INTEGER DEFAULT 1")
    source = read_source(definition, "firms.yaml", {"city": tmp_path})
    firms = replace(hub, sources={"firms": source})
    ingest_source(firms, "firms")
    register("UPDATE firms SET code = ?, changed = 2 WHERE id = 3", (credit_code(3),))

    assert ingest_source(firms, "firms").contributed == 1

    assert [entry.row_reference for entry in _open(firms)] == ["7"]


def test_entries_are_replayed_after_a_rule_was_put_right(hub, register, tmp_path):
    strict = "quality: [{rule: matches, item: name, pattern: '.*有限公司', severity: error}]"
    wrong = read_source(SOURCE + strict, "firms.yaml", {"city": tmp_path})
    ingest_source(replace(hub, sources={"firms": wrong}), "firms")
    right = replace(hub, sources={"firms": read_source(SOURCE, "firms.yaml", {"city": tmp_path})})
    assert (len(_open(right)), _count(right)) == (10, 0)

    taken = work.replay(right, right.source("firms"))

    assert (taken.tried, taken.report.contributed, taken.report.quarantined) == (10, 8, 2)
    assert (len(_open(right)), _count(right)) == (2, 8)
    again = work.replay(right, right.source("firms"))
    assert (again.tried, again.report.contributed, again.report.quarantined) == (2, 0, 2)
    assert (len(_open(right)), _count(right)) == (2, 8)


def test_entries_are_escalated_once_by_working_days(firms):
    _ask(
        firms,
        "UPDATE library.quarantine SET recorded_at = now() - interval '40 days' WHERE row_reference = '3' RETURNING 1",
    )

    assert work.escalate(firms, 10, "person:test") == {"firms": 1}
    assert work.escalate(firms, 10, "person:test") == {}
    assert [entry.escalated_at is not None for entry in _open(firms)] == [True, False]


def test_who_gives_an_entry_up_says_why(firms):
    number = _open(firms)[0].number

    assert work.dismiss(firms, [number], "the firm never existed", "person:test") == 1
    assert work.dismiss(firms, [number], "the firm never existed", "person:test") == 0

    assert number not in [entry.number for entry in _open(firms)]
    facts = _ask(
        firms, "SELECT facts FROM ledger.entry WHERE action = 'quarantine.dismiss' ORDER BY facts->>'entries'"
    )
    assert [row[0]["entries"] for row in facts] == [0, 1]


def test_a_workbook_that_is_no_export_is_refused(firms, tmp_path):
    source = firms.source("firms")
    other = tmp_path / "other.xlsx"
    with xlsxwriter.Workbook(str(other)) as book:
        book.add_worksheet().write_row(0, 0, ["名称"])
    text_file = tmp_path / "text.xlsx"
    text_file.write_text("no workbook")

    with pytest.raises(WrongFormat, match="no export of source firms"):
        work.take_back(firms, source, other)
    with pytest.raises(WrongFormat, match="not a workbook"):
        work.take_back(firms, source, text_file)

    work.export(firms, source, tmp_path / "out.xlsx", "person:test")
    rows = CalamineWorkbook.from_path(str(tmp_path / "out.xlsx")).get_sheet_by_index(0).to_python()
    with xlsxwriter.Workbook(str(other)) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([rows[0], rows[1], rows[1]]):
            sheet.write_row(place, 0, row)
    with pytest.raises(WrongFormat, match="twice"):
        work.take_back(firms, source, other)
    assert len(_open(firms)) == len(BAD)


def test_the_commands(own_settings, tmp_path, monkeypatch):
    for name in ("home", "database_url", "city"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(own_settings, name)))

    def run(*told):
        done = CliRunner().invoke(app, list(told), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    run("ingest", "public_security", "--json")
    groups = json.loads(run("quarantine", "groups", "--json"))
    listed = json.loads(run("quarantine", "list", "public_security", "--limit", "2", "--json"))
    assert sum(group["entries"] for group in groups) >= len(listed) > 0
    workbook = str(tmp_path / "persons.xlsx")
    assert "public_security" in run("quarantine", "export", "public_security", workbook)
    back = json.loads(run("quarantine", "take-back", "public_security", workbook, "--json"))
    assert back["tried"] == back["quarantined"] > 0
    replayed = json.loads(run("quarantine", "replay", "public_security", "--json"))
    assert replayed["tried"] == back["tried"]
    number = str(json.loads(run("quarantine", "list", "--limit", "1", "--json"))[0]["number"])
    assert "1 entries" in run("quarantine", "dismiss", number, "--reason", "given up")
    assert json.loads(run("quarantine", "escalate", "--json")) == {}
