"""Let days pass in a city: events change the truth, departments write what they hear, the truth keeps up.

A day is drawn from the city's seed and the day's number, and registers are written by row number, so that a day
that was interrupted is done again with the same result. Files of a day hold only the rows that changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.city import other_rows, person_rows, registers
from hub.city.credit import PENALTY, PERMIT
from hub.city.events import EVENTS, Day
from hub.city.flaws import Rates, Register, spoiled
from hub.city.truth import City, Standing, load_city, load_standing
from schemas.errors import ConfigurationError

EVENING = np.timedelta64(20, "h")
"""Registers are written at 20:00 of the day."""


@dataclass(frozen=True)
class LiveSummary:
    """What happened: events by name and changed rows delivered by source over the days; ``day`` is the city's age."""

    folder: Path
    days: int
    day: int
    events: Mapping[str, int]
    rows: Mapping[str, int]


def live(folder: Path, days: int) -> LiveSummary:
    """Let ``days`` days pass. Raises ``ConfigurationError`` for fewer than one day or a folder without a city."""
    if days < 1:
        raise ConfigurationError(f"A city lives one day or more, not {days}.")
    standing, city = load_standing(folder), load_city(folder)
    events: dict[str, int] = {}
    rows: dict[str, int] = {}
    with registers.running(folder):  # one server for all the days
        for number in range(standing.day + 1, standing.day + days + 1):
            day = Day(standing.seed, number)
            for event in EVENTS:
                city = event(city, day)
            city, delivered = _write_day(folder, standing, city, day)
            city.save(folder)
            standing = standing.with_rows(delivered, number)
            standing.save(folder)
            _add(events, day.counts)
            _add(rows, delivered)
    return LiveSummary(folder, days, standing.day, events, rows)


def _add(totals: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        totals[name] = totals.get(name, 0) + count


def _write_day(folder: Path, standing: Standing, city: City, day: Day) -> tuple[City, dict[str, int]]:
    """Write what each register heard, with fresh flaws; return the city with its flaws, and rows by source."""
    rates = Rates({_key(name): rate for name, rate in standing.rates.items()})
    written, delivered = _writers(folder, day), {}
    flaws = pa.concat_tables([city.flaws, *day.flaws])
    for register in _changed_registers(standing.seed, city, day):
        if not register.table.num_rows:
            continue
        table, found = spoiled(register, rates, standing.seed, f"day {day.number}")
        written[register.source](table)
        delivered[register.source] = table.num_rows
        flaws = pa.concat_tables([_without(flaws, register), found])
    return replace(city, flaws=flaws.combine_chunks()), delivered


def _key(name: str) -> tuple[str, str, str]:
    source, item, kind = name.split("/")
    return source, item, kind


def _without(flaws: Any, register: Register) -> Any:
    """Forget the flaws of rows that are delivered anew."""
    ids = pc.cast(register.table[register.row_id].combine_chunks(), pa.string())
    again = pc.and_(pc.equal(flaws["source"], register.source), pc.is_in(flaws["row_id"], value_set=ids))
    return flaws.filter(pc.invert(again))


def _changed_registers(seed: int, city: City, day: Day) -> list[Register]:
    at = day.date.astype("datetime64[us]") + EVENING
    persons, notes = city.persons, city.person_notes
    return [
        person_rows.public_security(seed, persons, notes, day.rows("public_security"), at),
        person_rows.social_security(seed, persons, notes, city.companies, day.rows("social_security"), at),
        person_rows.marriage(seed, persons, notes, day.rows("civil_affairs_marriage"), at),
        person_rows.death(seed, persons, day.rows("civil_affairs_death"), at),
        other_rows.market_regulation(seed, city.companies, day.rows("market_regulation"), at),
        other_rows.credit(seed, PERMIT, city.permits, day.rows("credit_permit"), at),
        other_rows.credit(seed, PENALTY, city.penalties, day.rows("credit_penalty"), at),
    ]


def _writers(folder: Path, day: Day) -> dict[str, Callable[[Any], None]]:
    night = str(day.date).replace("-", "")
    return {
        "public_security": lambda table: registers.change_household(folder, table),
        "social_security": lambda table: registers.write_social_security(folder, night, table),
        "civil_affairs_marriage": lambda table: registers.write_marriages(folder, night, table),
        "civil_affairs_death": lambda table: registers.write_deaths(folder, night, table),
        "market_regulation": lambda table: registers.change_market(folder, table),
        "credit_permit": lambda table: registers.write_permits(folder, night, table),
        "credit_penalty": lambda table: registers.write_penalties(folder, night, table),
    }
