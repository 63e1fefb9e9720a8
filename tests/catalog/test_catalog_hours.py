"""Hours of an agreement, by local time."""

from datetime import UTC, datetime

import pytest

from catalog.hours import seconds_of_day_left, window_from
from schemas.errors import ConfigurationError
from schemas.working_days import calendar_of

CALENDAR = calendar_of(None, "Asia/Shanghai").lenient()
SHANGHAI = CALENDAR.zone

OPEN = [
    # the window,                 local time,             open
    ("every 08:30-17:30", "2026-06-03 08:30", True),  # a Wednesday
    ("every 08:30-17:30", "2026-06-03 08:29", False),
    ("every 08:30-17:30", "2026-06-03 17:29", True),
    ("every 08:30-17:30", "2026-06-03 17:30", False),
    ("every 00:00-24:00", "2026-06-03 23:59", True),
    ("wed 08:30-17:30", "2026-06-03 09:00", True),
    ("mon,tue 08:30-17:30", "2026-06-03 09:00", False),
    ("working 08:30-17:30", "2026-06-06 09:00", False),  # a Saturday
    ("free 08:30-17:30", "2026-06-06 09:00", True),
    ("working 08:30-17:30", "2026-10-01 09:00", False),  # National Day, a Thursday
    ("working 08:30-17:30", "2026-10-10 09:00", True),  # a Saturday that makes up for it
    ("every 22:00-06:00", "2026-06-03 23:00", True),
    ("every 22:00-06:00", "2026-06-03 05:59", True),
    ("every 22:00-06:00", "2026-06-03 06:00", False),
    ("wed 22:00-06:00", "2026-06-04 05:00", True),  # the night of Wednesday
    ("wed 22:00-06:00", "2026-06-03 05:00", False),  # that of Tuesday
    ("fri 22:00-06:00", "2026-06-06 00:00", True),
]


@pytest.mark.parametrize(("window", "local", "is_open"), OPEN)
def test_hours_are_local(window, local, is_open):
    at = datetime.fromisoformat(local).replace(tzinfo=SHANGHAI)
    assert window_from(window).covers(at, CALENDAR) is is_open
    assert window_from(window).covers(at.astimezone(UTC), CALENDAR) is is_open


def test_another_zone_has_other_hours():
    window, at = window_from("every 08:30-17:30"), datetime(2026, 6, 3, 1, 0, tzinfo=UTC)
    assert window.covers(at, CALENDAR)
    assert not window.covers(at, calendar_of(None, "UTC").lenient())


@pytest.mark.parametrize(
    "told",
    ["", "every", "every 8:30-17:30", "every 08:30-25:00", "every 08:60-17:30", "every 08:30-08:30", "every 24:00-06:00",
     "someday 08:30-17:30", ", 08:30-17:30", "every 08:30-17:30 more", 830, None],
)  # fmt: skip
def test_what_are_no_hours_is_refused(told):
    with pytest.raises(ConfigurationError):
        window_from(told)


def test_the_day_ends_at_local_midnight():
    assert seconds_of_day_left(datetime(2026, 6, 3, 15, 59, 30, tzinfo=UTC), CALENDAR) == 30
    assert seconds_of_day_left(datetime(2026, 6, 3, 16, 0, tzinfo=UTC), CALENDAR) == 24 * 3600
    assert seconds_of_day_left(datetime(2026, 6, 3, 15, 59, 59, 999_000, tzinfo=UTC), CALENDAR) == 1
