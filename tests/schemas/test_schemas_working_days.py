"""Working days by the official calendar of the State Council."""

from datetime import date

import pytest

from schemas.working_days import add_working_days, is_working_day


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 9, 24), True),
        (date(2026, 9, 25), False),  # Mid-Autumn, a Friday
        (date(2026, 9, 20), True),  # a Sunday worked for National Day
        (date(2026, 9, 19), False),
        (date(2026, 10, 7), False),
        (date(2026, 10, 10), True),  # a Saturday worked
    ],
)
def test_holidays_are_free_and_make_up_days_are_worked(day, works):
    assert is_working_day(day) is works


def test_the_day_itself_does_not_count():
    assert add_working_days(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert add_working_days(date(2026, 9, 30), 10) == date(2026, 10, 20)
    assert add_working_days(date(2026, 10, 8), -1) == date(2026, 9, 30)
    assert add_working_days(date(2026, 10, 8), 0) == date(2026, 10, 8)


def test_a_year_without_a_calendar_counts_monday_to_friday():
    assert add_working_days(date(2031, 5, 2), 1) == date(2031, 5, 5)
