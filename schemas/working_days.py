"""Working days (工作日) by the official calendar: weekends and holidays are free, make-up days are worked.

The State Council announces each year's days; ``schemas/calendar/<year>.yaml`` holds them. A folder of the hub's own, beside
them, wins day by day in both directions: a city closes for a flood, or works through a holiday.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from schemas.errors import CalendarLacksYear, DefinitionError

_OFFICIAL = Path(__file__).parent / "calendar"
_SATURDAY = 5
_KEYS = {"free", "worked", "whole_year"}
ONE_DAY = timedelta(days=1)
LONGEST_REACH = 30
"""Working days that a deadline may lie ahead: 20 for a delivery, and ten more for a notice of it in time."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which offices work; ``years`` are those whose days are announced, ``local`` the days told by the hub's own folder.

    In another year it raises ``CalendarLacksYear``, unless it is ``lenient``.
    """

    zone: ZoneInfo
    years: frozenset[int]
    free: frozenset[date]
    worked: frozenset[date]
    local: frozenset[date] = frozenset()
    is_lenient: bool = False

    def lenient(self) -> "Calendar":
        """Return the same calendar, which counts Monday to Friday in a year it lacks: for what is a rhythm and no deadline of the law."""
        return replace(self, is_lenient=True)

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on that day, or raise ``CalendarLacksYear``."""
        if day in self.worked:
            return True
        if day in self.free:
            return False
        if day.year not in self.years and not self.is_lenient:
            raise _lacking(day.year)
        return day.weekday() < _SATURDAY

    def add(self, day: date, working_days: int) -> date:
        """Return the so-manieth working day after ``day``, which itself does not count (Decree 809); negative goes back."""
        step, left = ONE_DAY if working_days >= 0 else -ONE_DAY, abs(working_days)
        while left:
            day += step
            left -= self.is_working_day(day)
        return day

    def deadline(self, at: datetime, working_days: int) -> datetime:
        """Return the first moment, in UTC, at which what is due within so many working days of ``at`` is late.

        That is when the last of these days ends where the hub is; the day of ``at`` itself does not count.
        """
        return self._begin(self.add(self.day(at), working_days) + ONE_DAY)

    def extended(self, deadline: datetime, working_days: int) -> datetime:
        """Return a deadline that lies so many working days behind another one."""
        return self._begin(self.add(self.day(deadline) - ONE_DAY, working_days) + ONE_DAY)

    def before(self, deadline: datetime, working_days: int) -> datetime:
        """Return when the so-manieth working day before the end of a deadline's last day begins: 1 is that day itself."""
        return self._begin(self.add(self.day(deadline), -working_days))

    def working_days_past(self, deadline: datetime, at: datetime) -> int:
        """Count the working days begun since a deadline passed; 0 before it."""
        day, last = self.day(deadline), self.day(at)
        return sum(self.is_working_day(one) for one in _days(day, last)) if at >= deadline else 0

    def day(self, at: datetime) -> date:
        """Return which day a moment is where the hub is."""
        return at.astimezone(self.zone).date()

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def first_lacking(self, at: datetime) -> tuple[int, datetime]:
        """Return the first year from a moment on that nobody told, and the first moment from which the longest deadline needs it."""
        year = self.day(at).year
        while year in self.years:
            year += 1
        begins = self._begin(date(year, 1, 1))
        return year, self.lenient().before(begins, LONGEST_REACH)

    def check_reaches(self, at: datetime, working_days: int) -> None:
        """Raise ``CalendarLacksYear`` where so many working days from a moment cannot be counted."""
        self.add(self.day(at), working_days)


@cache
def calendar_of(folder: Path | None, time_zone: str) -> Calendar:
    """Read the official calendar and the hub's own ``folder``; ``DefinitionError`` where a file does not hold together."""
    official = [_read(path) for path in sorted(_OFFICIAL.glob("*.yaml"))]
    own = [_read(path) for path in _own_files(folder)] if folder else []
    free, worked, _ = _together(official)
    own_free, own_worked, years = _together(own)
    if both := own_free & own_worked:
        raise DefinitionError(
            f"The calendars in {folder} tell {min(both)} as free and as worked.", hint="Keep one of them."
        )
    local = own_free | own_worked
    return Calendar(
        ZoneInfo(time_zone),
        frozenset(day.year for day in free) | years,
        (free - local) | own_free,
        (worked - local) | own_worked,
        local,
    )


_Told = tuple[frozenset[date], frozenset[date], frozenset[int]]


def _own_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DefinitionError(f"{folder} is no folder of calendars.", hint="Set HUB_CALENDAR to one.")
    return sorted(folder.glob("*.yaml"))


def _read(path: Path) -> _Told:
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise DefinitionError(f"{path} cannot be read as YAML.") from None
    if not isinstance(told, dict) or told.keys() - _KEYS:
        raise DefinitionError(f"{path} is no calendar.", hint="It may tell free, worked and whole_year only.")
    year = told.get("whole_year")
    if year is not None and type(year) is not int:
        raise DefinitionError(f"{path}: whole_year is not a year, e.g. 2027.")
    free, worked = (_days_told(path, name, told.get(name) or []) for name in ("free", "worked"))
    return free, worked, frozenset([year] if year is not None else [])


def _days_told(path: Path, name: str, told: Any) -> frozenset[date]:
    if not isinstance(told, list) or any(type(day) is not date for day in told):
        raise DefinitionError(f"{path}: {name} is no list of days such as 2027-01-01.")
    return frozenset(told)


def _together(told: Iterable[_Told]) -> _Told:
    free, worked, years = set[date](), set[date](), set[int]()
    for one_free, one_worked, one_years in told:
        free |= one_free
        worked |= one_worked
        years |= one_years
    return frozenset(free), frozenset(worked), frozenset(years)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _lacking(year: int) -> CalendarLacksYear:
    return CalendarLacksYear(
        f"The calendar lacks {year}: its working days cannot be counted.",
        hint=f"Put a file {year}.yaml with 'whole_year: {year}', 'free: […]' and 'worked: […]', as the State Council announced "
        "them, into the folder that HUB_CALENDAR names.",
        year=year,
    )
