"""``hub calendar``: which days are worked, and whether deadlines can be counted."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.screen import AsJson, console, print_json, table, tell

if TYPE_CHECKING:
    from schemas.working_days import Calendar

app = typer.Typer(no_args_is_help=True, help="Working days, by which the law's deadlines are counted.")


@app.command("show")
def show(
    year: Annotated[int, typer.Argument(min=1949, max=9998, help="The year.")], as_json: AsJson = False
) -> None:
    """Show a year's working days by month, and each day that is not what its weekday says."""
    calendar = _calendar()
    months = [[day for day in _days_of(year) if day.month == month] for month in range(1, 13)]
    worked = [[day for day in month if calendar.is_working_day(day)] for month in months]
    told = [_told(calendar, day) for day in sorted(calendar.free | calendar.worked) if day.year == year]
    if as_json:
        counted = {f"{year}-{number:02}": len(days) for number, days in enumerate(worked, 1)}
        print_json({"year": year, "working_days": counted, "exceptions": told})
        return
    rows = [(f"{year}-{number:02}", len(days)) for number, days in enumerate(worked, 1)]
    total = ("in all", sum(map(len, worked)))
    console.print(table(f"Working days of {year}", ("month", "working days"), [*rows, total]))
    exceptions = [list(one.values()) for one in told]
    console.print(table("Days that are not what their weekday says", ("day", "is", "told by"), exceptions))


@app.command("check")
def check(as_json: AsJson = False) -> None:
    """Say whether every deadline that begins today can be counted; an error names the year that is lacking."""
    from schemas.working_days import LONGEST_REACH

    calendar = _calendar()
    at = datetime.now(UTC)
    calendar.check_reaches(at, LONGEST_REACH)
    told = {
        "years": sorted(calendar.years),
        "local_days": len(calendar.local),
        "reaches": calendar.add(calendar.day(at), LONGEST_REACH).isoformat(),
        "next_year": calendar.day(at).year + 1 in calendar.years,
    }
    next_year = "" if told["next_year"] else f" {calendar.day(at).year + 1} is still to be put in."
    sentence = f"The calendar holds {', '.join(map(str, sorted(calendar.years)))}, {len(calendar.local)} days of them local."
    tell(told, f"{sentence} Deadlines that begin today can be counted.{next_year}", as_json)


def _calendar() -> "Calendar":
    from hub.calendar import calendar_in
    from infra.settings import load_settings

    return calendar_in(load_settings())


def _days_of(year: int) -> list[date]:
    return [
        date.fromordinal(day) for day in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
    ]


def _told(calendar: "Calendar", day: date) -> dict[str, str]:
    works = "worked" if calendar.is_working_day(day) else "free"
    return {
        "day": day.isoformat(),
        "is": works,
        "by": "the hub" if day in calendar.local else "the State Council",
    }
