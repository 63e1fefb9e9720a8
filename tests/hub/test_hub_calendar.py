"""``hub calendar``: a year's days, and whether deadlines can be counted."""

import json
from datetime import date

from typer.testing import CliRunner

from hub.cli import app
from schemas.errors import CalendarLacksYear, ConfigurationError


def run(*arguments):
    return CliRunner().invoke(app, ["calendar", *arguments])


def test_a_year_is_shown_with_its_exceptions(monkeypatch, tmp_path):
    shown = run("show", "2026").output
    assert "in all" in shown
    assert "248" in shown
    assert ["2026-10-10", "worked", "the", "State", "Council"] in [
        line.split() for line in shown.splitlines()
    ]
    (tmp_path / "flood.yaml").write_text("free: [2026-07-01]", encoding="utf-8")
    monkeypatch.setenv("HUB_CALENDAR", str(tmp_path))
    told = json.loads(run("show", "2026", "--json").output)
    assert told["working_days"]["2026-07"] == 22
    assert {"day": "2026-07-01", "is": "free", "by": "the hub"} in told["exceptions"]
    assert isinstance(run("show", "2031").exception, CalendarLacksYear)


def test_it_is_checked_whether_deadlines_can_be_counted(monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_CALENDAR", str(tmp_path))
    year = date.today().year  # noqa: DTZ011 - the command, too, asks the machine
    for one in (year - 1, year, year + 1, year + 2):
        (tmp_path / f"{one}.yaml").write_text(f"whole_year: {one}", encoding="utf-8")
    told = json.loads(run("check", "--json").output)
    assert told["next_year"] is True
    assert "can be counted" in run("check").output


def test_a_time_zone_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("HUB_TIME_ZONE", "Mars/Base")
    assert isinstance(run("show", "2026").exception, ConfigurationError)
    assert "HUB_TIME_ZONE" in str(run("show", "2026").exception)
    monkeypatch.setenv("HUB_TIME_ZONE", "UTC")
    assert run("show", "2026").exit_code == 0
