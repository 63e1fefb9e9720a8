"""What is due and what is paused; windows of the past read again; what follows new data."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from firms_register import FIRMS, SOURCE, register_in
from made_codes import credit_code
from sqlalchemy import text
from typer.testing import CliRunner

from connectors.definition import read_source
from connectors.pull import Window
from connectors.push.body import Body
from hub.airflow.home import DATABASE, airflow_home
from hub.cli import app
from hub.composition import open_hub
from hub.following import rescore, seal_ledger
from hub.ingest import ingest_source
from hub.misses import record_given_up, record_late
from hub.pauses import pause, paused, resume
from hub.pushing import take
from hub.schedule import due_now, timetable
from hub.systems import pools, slots_of, system_of
from hub.upgrade import upgrade_database
from hub.windows import planned, window_of
from infra.database import Role, open_database
from schemas.errors import ConfigurationError, DefinitionError, InvalidWindow, SourcePaused
from schemas.update_cycles import CHINA, after, cron_of

TIMED = SOURCE + "watermark: {column: changed, type: datetime}\nschedule: 30 1 * * *\n"


@pytest.fixture
def source(tmp_path):
    """Ten firms, one changed on the first of each month from January on."""
    run = register_in(tmp_path, ", changed TEXT")
    run(
        "INSERT INTO firms VALUES (?, ?, ?, ?)",
        *((*firm, f"2026-{firm[0] + 1:02d}-01 00:00:00") for firm in FIRMS),
    )
    return read_source(TIMED, "firms.yaml", {"city": tmp_path})


@pytest.fixture
def settings_of_firms(hub_settings, source, tmp_path):
    (tmp_path / "sources").mkdir()
    written = TIMED.replace("${city}", str(tmp_path))
    (tmp_path / "sources" / "firms.yaml").write_text(written, encoding="utf-8")
    settings = hub_settings.model_copy(update={"sources": tmp_path / "sources"})
    with open_database(settings) as database:
        upgrade_database(database)
    return settings


@pytest.fixture
def firms(settings_of_firms):
    with open_hub(settings_of_firms) as opened:
        yield opened


@pytest.fixture
def command(settings_of_firms, monkeypatch):
    """``hub`` on the command line, over the same source and database."""
    for name in ("home", "database_url", "sources"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(settings_of_firms, name)))

    def run(*words):
        return CliRunner().invoke(app, list(words))

    return run


def _entries(hub, action):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        query = text("SELECT problem, facts FROM ledger.entry WHERE action = :action ORDER BY id")
        return [tuple(row) for row in connection.execute(query, {"action": action})]


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("schedule", "cron"),
    [
        ("daily", "0 2 * * *"),
        ("yearly", "0 2 1 1 *"),
        ("*/5 8-18 * * 1-5", "*/5 8-18 * * 1-5"),
        ("other", None),
    ],
)
def test_a_schedule_is_an_update_cycle_or_a_cron_expression(schedule, cron):
    assert cron_of(schedule) == cron


@pytest.mark.parametrize("schedule", ["nightly", "0 25 * * *", "0 0 2 * * *", "@daily"])
def test_what_is_neither_is_refused(schedule):
    with pytest.raises(DefinitionError, match="neither an update cycle nor a cron expression"):
        cron_of(schedule)


def test_the_clock_is_chinas():
    moment = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # one in the morning of the second in China

    assert after("0 2 * * *", moment) == datetime(2026, 3, 2, 2, 0, tzinfo=CHINA)


def test_what_was_never_pulled_is_due_and_what_was_pulled_waits_for_its_next_time(firms):
    now = datetime.now(UTC)
    (before,) = timetable(firms, now)
    assert (before.state, before.last_success, before.next_due) == ("due", None, None)
    assert due_now([before]) == ["firms"]

    ingest_source(firms, "firms")

    (waiting,) = timetable(firms, now)
    assert waiting.state == "waiting"
    assert (waiting.next_due.astimezone(CHINA).hour, waiting.next_due.minute) == (1, 30)
    (late,) = timetable(firms, waiting.next_due + timedelta(days=2))
    assert (late.state, late.overdue) == ("due", timedelta(days=2))


def test_a_run_that_failed_leaves_a_source_due(firms, tmp_path):
    (tmp_path / "firms.sqlite").unlink()
    with pytest.raises(Exception, match="firms"):
        ingest_source(firms, "firms")

    (due,) = timetable(firms, datetime.now(UTC))
    assert due.is_due


# ── pauses ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_paused_source_is_pulled_by_nobody_until_it_is_resumed(firms):
    assert pause(firms, "firms", reason="系统升级", actor="operator:test")
    assert not pause(firms, "firms", reason="again", actor="operator:test")

    with pytest.raises(SourcePaused, match="系统升级") as refused:
        ingest_source(firms, "firms")
    assert refused.value.hint == "Resume it with: hub schedule resume firms"
    (due,) = timetable(firms, datetime.now(UTC))
    assert (due.state, due_now([due])) == ("paused", [])

    assert resume(firms, "firms", actor="operator:test")
    assert not resume(firms, "firms", actor="operator:test")
    assert paused(firms) == {}
    assert ingest_source(firms, "firms").created == 10
    assert len(_entries(firms, "source.pause")) == len(_entries(firms, "source.resume")) == 1


# ── windows ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_window_reads_its_rows_again_and_moves_no_watermark(firms):
    ingest_source(firms, "firms")
    window = window_of("2026-02-01", "2026-04-01")

    again = ingest_source(firms, "firms", window=window)

    assert (again.pulled, again.unchanged, again.created, again.updated) == (2, 2, 0, 0)
    assert ingest_source(firms, "firms").pulled == 0
    with firms.database.engine(Role.APPLICATION).connect() as connection:
        found = connection.execute(
            text("SELECT window_from, window_to FROM library.run ORDER BY number")
        ).all()
    assert found == [(None, None), (window.since, window.until), (None, None)]


def test_a_window_brings_what_changed_behind_the_watermarks_back(firms, tmp_path):
    ingest_source(firms, "firms")
    with sqlite3.connect(tmp_path / "firms.sqlite") as connection:
        connection.execute(
            "UPDATE firms SET name = '更正后公司' WHERE id = 1"
        )  # and no new time: not seen by a pull
    connection.close()
    assert ingest_source(firms, "firms").pulled == 0

    assert ingest_source(firms, "firms", window=window_of("2026-02-01", "2026-02-02")).updated == 1


def test_a_window_before_the_first_pull_leaves_the_rest_to_it(firms):
    assert ingest_source(firms, "firms", window=window_of("2026-02-01", "2026-03-01")).created == 1

    assert ingest_source(firms, "firms").created == 9
    (due,) = timetable(firms, datetime.now(UTC))
    assert due.state == "waiting"


def test_a_windows_parts_are_months_of_china(firms):
    parts = planned(firms, "firms", window_of("2026-01-15", "2026-03-01T02:00"))

    assert [(part["since"][:16], part["until"][:16]) for part in parts] == [
        ("2026-01-15T00:00", "2026-02-01T00:00"),
        ("2026-02-01T00:00", "2026-03-01T00:00"),
        ("2026-03-01T00:00", "2026-03-01T02:00"),
    ]
    assert planned(firms, "firms") == [{"since": None, "until": None}]


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2026-01-01", None, "its start and its end"),
        ("2026-02-01", "2026-01-01", "is empty"),
        ("January", "2026-01-01", "is no time"),
    ],
)
def test_what_is_no_window_is_refused(since, until, words):
    with pytest.raises(InvalidWindow, match=words):
        window_of(since, until)


def test_a_window_knows_its_zone():
    with pytest.raises(InvalidWindow, match="need a zone"):
        Window(datetime(2026, 1, 1), datetime(2026, 1, 2))  # noqa: DTZ001 - that is the fault


def test_a_file_is_not_read_by_window(hub):
    with pytest.raises(InvalidWindow, match="no watermark that is a time"):
        planned(hub, "social_security", window_of("2026-01-01", "2026-02-01"))
    with pytest.raises(InvalidWindow, match="cannot choose rows by time"):
        ingest_source(hub, "social_security", window=window_of("2026-01-01", "2026-02-01"))


def test_a_window_of_the_register_in_postgresql(hub):
    ingest_source(hub, "public_security")
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        (state,) = connection.execute(
            text("SELECT state FROM library.watermark WHERE source = 'public_security'")
        ).one()
    newest = datetime.fromisoformat(state["after"][0]).replace(tzinfo=CHINA).replace(microsecond=0)

    last = ingest_source(hub, "public_security", window=Window(newest, newest + timedelta(seconds=1)))
    none = ingest_source(
        hub, "public_security", window=Window(newest + timedelta(days=1), newest + timedelta(days=2))
    )

    assert last.pulled >= 1
    assert last.pulled == last.unchanged + last.quarantined
    assert none.pulled == 0


# ── systems and what follows ─────────────────────────────────────────────────────────────────────────


def test_sources_of_one_system_share_a_pool_and_a_file_database_is_read_by_one(hub, source):
    found = pools(hub.sources.values())

    layers = {system_of(hub.source(f"natural_resources_{name}")) for name in ("district", "parcel", "town")}
    assert len(layers) == 1
    assert found[layers.pop()] == 2
    assert slots_of(source) == 1
    secret = replace(source, options={"url": "postgresql://reader:${env:P}@db.example:5433/x", "table": "t"})
    assert system_of(secret) == "db.example.5433"


def test_what_follows_new_data_gives_back_figures_only(firms, settled):
    ingest_source(firms, "firms")

    card = rescore(firms, "legal_person", actor="dag:test")
    settled()
    sealed = seal_ledger(firms)

    assert card["resource"] == "legal_person"
    assert 0 < card["total"] <= 100
    assert sealed["size"] >= sealed["entries"] >= 2
    assert seal_ledger(firms)["entries"] == 0


def test_what_was_given_up_and_what_is_late_goes_on_the_ledger_without_words(firms):
    record_given_up(firms, "firms", error=ValueError("110105194912310021"), run="scheduled__1", tries=4)
    record_given_up(firms, "firms", error=SourcePaused("x"), run="scheduled__2", tries=1)
    record_late(firms, "firms", run="scheduled__3", minutes=180)

    assert _entries(firms, "ingest.given_up") == [
        ("ValueError", {"run": "scheduled__1", "tries": 4}),
        ("source_paused", {"run": "scheduled__2", "tries": 1}),
    ]
    assert _entries(firms, "ingest.late") == [("deadline_missed", {"run": "scheduled__3", "minutes": 180})]


def test_airflow_gets_no_database_of_the_hubs_server(hub_settings):
    with (
        pytest.raises(ConfigurationError, match="there Airflow needs one of its own"),
        airflow_home(hub_settings, 1),
    ):
        pytest.fail(DATABASE)


# ── the command line ─────────────────────────────────────────────────────────────────────────────────


def test_the_schedule_is_shown_pulled_and_shown_again(command):
    (shown,) = json.loads(command("schedule", "--json").output)
    assert (shown["source"], shown["cron"], shown["state"]) == ("firms", "30 1 * * *", "due")
    assert "30 1 * * *" in command("schedule").output

    done = command("ingest", "--due", "--json")
    assert json.loads(done.output)["sources"][0]["created"] == 10
    assert json.loads(command("ingest", "--due", "--json").output)["sources"] == []
    (shown,) = json.loads(command("schedule", "--json").output)
    assert (shown["state"], shown["overdue_seconds"]) == ("waiting", None)


def test_a_source_is_paused_and_resumed_and_a_window_read(command):
    assert "firms is paused." in command("schedule", "pause", "firms", "--reason", "系统升级").output
    assert "paused already" in command("schedule", "pause", "firms", "--reason", "x").output
    assert "系统升级" in command("schedule").output
    (shown,) = json.loads(command("schedule", "--json").output)
    assert (shown["state"], shown["paused"]["reason"]) == ("paused", "系统升级")
    assert json.loads(command("ingest", "--all", "--json").output)["sources"] == []
    refused = command("ingest", "firms")
    assert (refused.exit_code, "is paused since" in refused.output) == (1, True)

    assert "firms is resumed." in command("schedule", "resume", "firms").output
    assert "was not paused" in command("schedule", "resume", "firms").output
    read = command("ingest", "firms", "--from", "2026-02-01", "--to", "2026-04-01", "--json")
    assert json.loads(read.output)["sources"][0]["pulled"] == 2


PUSHED = """
code: pushed
resource: legal_person
department: 市场监督管理局
title: 企业登记推送
ordinal: 78
connector: push
options: {systems: [pusher]}
row_id: id
mapping:
  credit_code: {column: code}
  name: {column: name}
"""


@pytest.mark.parametrize(("schedule", "days"), [("weekly", 10.5), ("0 2 * * *", 1)])
def test_a_source_that_is_pushed_to_is_expected_and_late_and_never_due(firms, tmp_path, schedule, days):
    hub = replace(firms, sources={"pushed": read_source(f"{PUSHED}schedule: {schedule}", "pushed.yaml", {})})
    (never,) = timetable(hub, datetime.now(UTC))
    assert (never.state, never.next_due, due_now([never])) == ("expected", None, [])

    rows = tmp_path / "rows.csv"
    rows.write_text(f"id,code,name\n1,{credit_code(1)},重庆1公司\n", encoding="utf-8")
    take(hub, hub.source("pushed"), Body(rows, "csv", "k-1"), "0" * 64)
    (told,) = timetable(hub, datetime.now(UTC))
    assert (told.state, told.cron, told.is_due) == ("expected", None, False)
    assert timedelta(0) < told.next_due - told.last_success <= timedelta(days=days)

    ingest_source(hub, "pushed")  # finds nothing, and is no delivery
    (late,) = timetable(hub, told.next_due + timedelta(hours=2))
    assert (late.state, late.overdue, due_now([late])) == ("late", timedelta(hours=2), [])
