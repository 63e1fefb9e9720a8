"""Working days by the official calendar of the State Council, and by a hub's own."""

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.errors import CalendarLacksYear, DefinitionError
from schemas.working_days import LONGEST_REACH, calendar_of

CHINA = "Asia/Shanghai"
OFFICIAL = calendar_of(None, CHINA)


def china(text):
    return datetime.fromisoformat(f"{text}+08:00")


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2025, 1, 26), True),  # a Sunday worked for the Spring Festival
        (date(2025, 1, 28), False),  # New Year's Eve, free since 2025
        (date(2025, 4, 27), True),
        (date(2025, 9, 28), True),
        (date(2025, 10, 8), False),  # eight days, as Mid-Autumn fell into National Day
        (date(2025, 10, 11), True),
        (date(2026, 1, 2), False),
        (date(2026, 1, 4), True),
        (date(2026, 2, 14), True),
        (date(2026, 2, 23), False),
        (date(2026, 2, 28), True),
        (date(2026, 5, 9), True),
        (date(2026, 9, 24), True),
        (date(2026, 9, 25), False),  # Mid-Autumn, a Friday
        (date(2026, 9, 20), True),  # a Sunday worked for National Day
        (date(2026, 9, 19), False),
        (date(2026, 10, 7), False),
        (date(2026, 10, 10), True),  # a Saturday worked
    ],
)
def test_holidays_are_free_and_make_up_days_are_worked(day, works):
    assert OFFICIAL.is_working_day(day) is works


@pytest.mark.parametrize(("year", "days"), [(2025, 248), (2026, 248)])
def test_a_year_has_the_working_days_that_were_announced(year, days):
    begin, end = date(year - 1, 12, 31).toordinal(), date(year, 12, 31).toordinal()
    assert sum(OFFICIAL.is_working_day(date.fromordinal(day)) for day in range(begin + 1, end + 1)) == days


def test_the_day_itself_does_not_count():
    assert OFFICIAL.add(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert OFFICIAL.add(date(2026, 9, 30), 10) == date(2026, 10, 20)
    assert OFFICIAL.add(date(2026, 10, 8), -1) == date(2026, 9, 30)
    assert OFFICIAL.add(date(2026, 10, 8), 0) == date(2026, 10, 8)
    assert OFFICIAL.add(date(2025, 1, 24), 20) == date(2025, 2, 27), (
        "over the Spring Festival and two make-up days"
    )


@pytest.mark.parametrize(
    ("at", "working_days", "late"),
    [
        ("2026-09-30T09:00", 1, "2026-10-09T00:00"),
        ("2026-09-30T23:59", 1, "2026-10-09T00:00"),
        ("2026-10-01T00:00", 1, "2026-10-09T00:00"),
        ("2026-02-13T10:00", 1, "2026-02-15T00:00"),  # the next day is a Saturday, and worked
        ("2026-02-13T10:00", 10, "2026-03-06T00:00"),
        ("2026-02-13T10:00", 20, "2026-03-20T00:00"),
    ],
)
def test_a_deadline_is_the_end_of_its_last_day_where_the_hub_is(at, working_days, late):
    assert OFFICIAL.deadline(china(at), working_days) == china(late)
    assert OFFICIAL.deadline(china(at), working_days).tzinfo is UTC


def test_a_deadline_is_extended_by_working_days():
    late = OFFICIAL.deadline(china("2026-09-15T10:00"), 10)
    assert late == china("2026-09-30T00:00")
    assert OFFICIAL.extended(late, 10) == OFFICIAL.deadline(china("2026-09-15T10:00"), 20)
    assert OFFICIAL.extended(late, 10) == china("2026-10-20T00:00")


def test_which_day_it_is_depends_on_where_the_hub_is():
    at = datetime(2026, 3, 2, 17, tzinfo=UTC)  # the third of March in China
    assert OFFICIAL.deadline(at, 1) == china("2026-03-05T00:00")
    assert calendar_of(None, "UTC").deadline(at, 1) == datetime(2026, 3, 4, tzinfo=UTC)


def test_a_reminder_comes_days_before_and_lateness_is_counted_in_working_days():
    late = OFFICIAL.deadline(china("2026-09-30T09:00"), 2)
    assert late == china("2026-10-10T00:00")
    assert OFFICIAL.before(late, 1) == china("2026-10-09T00:00")
    assert OFFICIAL.before(late, 3) == china("2026-09-30T00:00")
    assert [OFFICIAL.working_days_past(late, china(at)) for at in ("2026-10-09T23:59", "2026-10-10T00:00", "2026-10-13T08:00")] == [0, 1, 3]  # fmt: skip


def test_a_year_nobody_told_is_an_error_that_says_what_to_put_where(tmp_path):
    with pytest.raises(CalendarLacksYear, match=r"lacks 2031.*2031\.yaml.*HUB_CALENDAR") as caught:
        OFFICIAL.deadline(china("2031-05-02T09:00"), 1)
    assert caught.value.context == {"year": 2031}
    with pytest.raises(CalendarLacksYear):
        OFFICIAL.deadline(china("2026-12-31T09:00"), 1)
    (tmp_path / "2027.yaml").write_text("whole_year: 2027\nfree: [2027-01-01]", encoding="utf-8")
    assert calendar_of(tmp_path, CHINA).add(date(2026, 12, 31), 1) == date(2027, 1, 4)


def test_the_first_year_that_nobody_told_is_known_before_it_is_needed(tmp_path):
    year, needed = OFFICIAL.first_lacking(china("2026-03-02T09:00"))
    assert (year, OFFICIAL.day(needed)) == (2027, date(2026, 11, 20))
    OFFICIAL.check_reaches(needed - timedelta(seconds=1), LONGEST_REACH)
    with pytest.raises(CalendarLacksYear):
        OFFICIAL.check_reaches(needed, LONGEST_REACH)
    (tmp_path / "2027.yaml").write_text("whole_year: 2027", encoding="utf-8")
    assert calendar_of(tmp_path, CHINA).first_lacking(china("2026-03-02T09:00"))[0] == 2028
    assert OFFICIAL.first_lacking(china("2031-03-02T09:00"))[0] == 2031


def test_a_rhythm_counts_monday_to_friday_where_nobody_told_the_year():
    assert OFFICIAL.lenient().add(date(2031, 5, 2), 1) == date(2031, 5, 5)
    assert not OFFICIAL.lenient().is_working_day(date(2026, 10, 7)), (
        "holidays that are known are free all the same"
    )


def test_the_hubs_own_days_win_in_both_directions(tmp_path):
    (tmp_path / "flood.yaml").write_text("free: [2026-07-01]\nworked: [2026-10-07]", encoding="utf-8")
    own = calendar_of(tmp_path, CHINA)
    assert own.add(date(2026, 6, 30), 1) == date(2026, 7, 2)
    assert own.add(date(2026, 9, 30), 1) == date(2026, 10, 7)
    assert own.local == {date(2026, 7, 1), date(2026, 10, 7)}
    assert own.years == OFFICIAL.years, "some days of a year are not the year"


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("free: [2026-07-01]\nworked: [2026-07-01]", "2026-07-01 as free and as worked"),
        ("free: [soon]", "free is no list of days"),
        ("free: 2026-07-01", "free is no list of days"),
        ("holiday: [2026-07-01]", "is no calendar"),
        ("- 2026-07-01", "is no calendar"),
        ("whole_year: soon", "whole_year is not a year"),
        ("free: [", "cannot be read as YAML"),
    ],
)
def test_a_calendar_that_does_not_hold_together_is_refused(tmp_path, told, says):
    (tmp_path / "own.yaml").write_text(told, encoding="utf-8")
    with pytest.raises(DefinitionError, match=says):
        calendar_of(tmp_path, CHINA)
    with pytest.raises(DefinitionError, match="no folder"):
        calendar_of(tmp_path / "elsewhere", CHINA)
