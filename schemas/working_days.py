"""Working days (工作日) by the official calendar: weekends and holidays are free, make-up days are worked.

The State Council announces each year's days; ``schemas/calendar/<year>.yaml`` holds them. In a year that has no file yet,
Monday to Friday count.
"""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import yaml

_CALENDAR = Path(__file__).parent / "calendar"
_SATURDAY = 5


def is_working_day(day: date) -> bool:
    """Whether offices work on that day."""
    free, worked = _exceptions(day.year)
    return day in worked or (day.weekday() < _SATURDAY and day not in free)


def add_working_days(day: date, number: int) -> date:
    """Return the ``number``-th working day after ``day``, which itself does not count (Decree 809); negative goes back."""
    step, left = timedelta(days=1 if number >= 0 else -1), abs(number)
    while left:
        day += step
        left -= is_working_day(day)
    return day


@cache
def _exceptions(year: int) -> tuple[frozenset[date], frozenset[date]]:
    path = _CALENDAR / f"{year}.yaml"
    if not path.exists():
        return frozenset(), frozenset()
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    return frozenset(told["free"]), frozenset(told["worked"])
