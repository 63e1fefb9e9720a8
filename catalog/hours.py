"""At what hours a system may call: windows of local time by weekday or working day; one may cross midnight.

Written ``working 08:30-17:30``, ``sat,sun 09:00-12:00`` or ``every 22:00-06:00``. Local is where the hub is (``HUB_TIME_ZONE``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from schemas.errors import ConfigurationError
from schemas.working_days import ONE_DAY, Calendar

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$")
_WINDOW = re.compile(r"^\s*(\S+)\s+(\d\d:\d\d)\s*-\s*(\d\d:\d\d)\s*$")
_HOUR, _WHOLE_DAY = 60, 24 * 60  # minutes
_HINT = "Write e.g. 'working 08:30-17:30' or 'sat,sun 22:00-06:00'."

_Applies = Callable[[date, Calendar], bool]


def _on(number: int) -> _Applies:
    return lambda day, _calendar: day.weekday() == number


DAYS: Mapping[str, _Applies] = {
    "every": lambda _day, _calendar: True,
    "working": lambda day, calendar: calendar.is_working_day(day),
    "free": lambda day, calendar: not calendar.is_working_day(day),
    **{name: _on(number) for number, name in enumerate(_WEEK)},
}
"""The names of days: by weekday, or by what the calendar says."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of local time on days of some names; from a time up to another, which it does not hold."""

    days: tuple[str, ...]
    begins: str
    ends: str

    def __post_init__(self) -> None:
        if not self.days or (unknown := sorted(set(self.days) - DAYS.keys())):
            raise ConfigurationError(f"Hours name no known day{': ' + ', '.join(unknown) if self.days else ''}.",
                                     hint=f"Known are: {', '.join(DAYS)}.")  # fmt: skip
        for told in (self.begins, self.ends):
            if not _TIME.match(told):
                raise ConfigurationError(f"{told!r} is no time of day.", hint=_HINT)
        if self.begins in (self.ends, "24:00"):
            raise ConfigurationError(f"Hours from {self.begins} to {self.ends} are none.", hint=_HINT)

    def covers(self, at: datetime, calendar: Calendar) -> bool:
        """Whether it is open at a moment; a night belongs to the day on which it begins."""
        local = at.astimezone(calendar.zone)
        minute, begins, ends = local.hour * _HOUR + local.minute, _minute(self.begins), _minute(self.ends)
        if begins < ends:
            return begins <= minute < ends and self._applies(local.date(), calendar)
        if minute >= begins:
            return self._applies(local.date(), calendar)
        return minute < ends and self._applies(local.date() - ONE_DAY, calendar)

    def _applies(self, day: date, calendar: Calendar) -> bool:
        return any(DAYS[name](day, calendar) for name in self.days)

    def __str__(self) -> str:
        return f"{','.join(self.days)} {self.begins}-{self.ends}"


def window_from(told: Any) -> Window:
    """Read a window as agreements write it, or raise ``ConfigurationError``."""
    found = _WINDOW.match(told) if isinstance(told, str) else None
    if not found:
        raise ConfigurationError("Hours of an agreement are not written as they should be.", hint=_HINT)
    return Window(tuple(found[1].split(",")), found[2], found[3])


def seconds_of_day_left(at: datetime, calendar: Calendar) -> int:
    """Return the seconds until the local day ends, at least 1."""
    local = at.astimezone(calendar.zone)
    tomorrow = datetime.combine(local.date() + ONE_DAY, datetime.min.time(), calendar.zone)
    return max(1, -(-(tomorrow - at) // timedelta(seconds=1)))


@lru_cache(maxsize=1441)
def _minute(told: str) -> int:
    return int(told[:2]) * _HOUR + int(told[3:])
