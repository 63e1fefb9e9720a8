"""What may happen in a city in a day. Each event changes the truth and notes which register hears of it.

Some registers hear late or never, as in life: public security of marriages and of half the deaths, social
security of moves. Such rows are flaws from that day on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.city.addresses import addresses, draw_towns, towns
from hub.city.companies import ACTIVE, DEREGISTERED, companies_of
from hub.city.credit import IN_FORCE, PENALTY, PERMIT, REPAIRED, credit_records
from hub.city.draw import (
    DAY_ZERO,
    DAYS_A_YEAR,
    Bools,
    Ints,
    date_column,
    digits,
    flat,
    joined,
    numpy_days,
    replaced,
    shipped,
    stream,
    true_records,
)
from hub.city.flaws import FLAW_SCHEMA
from hub.city.households import CHILD_1, FEMALE, MALE, NOBODY
from hub.city.names import given_names
from hub.city.numbers import citizen_numbers
from hub.city.population import ALIVE, DEAD, household_numbers
from hub.city.truth import City
from hub.city.work import EMPLOYEE, ENDED, JOBLESS, WORKER

DAILY: Mapping[str, float] = {
    "births": 5e-5, "deaths": 5e-5, "moves": 8e-5, "marriages": 4e-5, "jobs_changed": 1e-3,
    "companies_founded": 5e-4, "companies_closed": 3e-4, "permits_granted": 1e-3, "penalties_imposed": 1e-3, "penalties_repaired": 2e-3,
}  # fmt: skip
"""Events a day per person, company or record; a little more than in life, so that a small city lives too. At least one."""


@dataclass
class Day:
    """One day of the city and what happened in it: rows of the truth each register hears of, by source."""

    seed: int
    number: int
    heard: dict[str, list[Ints]] = field(default_factory=dict)
    flaws: list[Any] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def date(self) -> np.datetime64:
        """The calendar day: day number 1 is day zero's own date."""
        return DAY_ZERO + np.timedelta64(self.number - 1, "D")

    def stream(self, purpose: str) -> np.random.Generator:
        """Return the day's own stream of one purpose."""
        return stream(self.seed, "day", self.number, purpose)

    def tell(self, source: str, rows: Ints) -> None:
        """Let a register hear of changed rows."""
        self.heard.setdefault(source, []).append(rows)

    def rows(self, source: str) -> Ints:
        """Return the changed rows a register has heard of, ascending, each once."""
        return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *self.heard.get(source, [])]))

    def not_heard(self, source: str, prefix: Any, keys: Any, item: str, kind: str) -> None:
        """Note that a register still says what is no longer true of these rows (ids, true keys)."""
        size = len(keys)
        columns = [
            pa.array([source] * size),
            prefix,
            flat(keys),
            pa.array([item] * size),
            pa.array([kind] * size),
        ]
        self.flaws.append(
            pa.Table.from_arrays([column.cast(pa.string()) for column in columns], schema=FLAW_SCHEMA)
        )

    def some(self, purpose: str, eligible: Bools | Ints, population: int) -> Ints:
        """Draw the rows an event happens to: its daily share of ``population``, at least one if any is eligible."""
        rows = np.flatnonzero(eligible) if eligible.dtype == bool else eligible
        count = min(max(1, round(population * DAILY[purpose])), len(rows))
        self.counts[purpose] = count
        return np.sort(self.stream(purpose).choice(rows, count, replace=False)).astype(np.int64)


def ages(city: City, day: Day) -> Any:
    """Ages on that day, in years."""
    return (day.date - numpy_days(city.persons["date_of_birth"])).astype(np.int64) / DAYS_A_YEAR


def _is(table: Any, item: str, value: str) -> Bools:
    return np.asarray(pc.fill_null(pc.equal(flat(table[item]), value), False).to_numpy(zero_copy_only=False))


def births(city: City, day: Day) -> City:
    """Children are born to married mothers; the household register hears at once."""
    persons, notes, age = city.persons, city.person_notes, ages(city, day)
    able = (
        _is(persons, "life_status", ALIVE)
        & _is(persons, "sex", str(FEMALE))
        & _is(persons, "marital_status", "20")
    )
    spouse = flat(notes["spouse"]).to_numpy()
    mothers = day.some("births", able & (age > 21) & (age < 38) & (spouse != NOBODY), persons.num_rows)
    newborn = _newborn(city, day, mothers, spouse[mothers])
    count = len(mothers)
    day.tell("public_security", np.arange(count, dtype=np.int64) + persons.num_rows)
    kin = notes.take(pa.array(mothers))
    added = pa.table({
        "household": kin["household"], "role": pa.array([CHILD_1] * count), "spouse": pa.array([NOBODY] * count), "town": kin["town"],
        "married_on": pa.nulls(count, pa.date32()), "insured": pa.array([False] * count), "employer": pa.array([NOBODY] * count),
    }, schema=notes.schema)  # fmt: skip
    return replace(
        city, persons=pa.concat_tables([persons, newborn]), person_notes=pa.concat_tables([notes, added])
    )


def _newborn(city: City, day: Day, mothers: Ints, fathers: Ints) -> Any:
    rng, count = day.stream("newborn"), len(mothers)
    mother, father = city.persons.take(pa.array(mothers)), city.persons.take(pa.array(fathers))
    sex = np.where(rng.random(count) < 0.52, MALE, FEMALE).astype(np.int64)
    born = np.full(count, day.date)
    county = towns().county[flat(city.person_notes["town"]).to_numpy()[mothers]]
    inherited = ("registered_address", "registered_division", "household_number", "ethnic_group")
    return true_records("natural_person", {
        "citizen_number": citizen_numbers(np.array(towns().county_code).astype(np.int64)[county], born, sex),
        "name": joined(_surnames(father["name"]), given_names(rng, sex, born)),
        "sex": digits(sex, 1),
        "date_of_birth": date_column(born),
        "native_place": father["native_place"],
        "marital_status": pa.array(["10"] * count),
        "life_status": pa.array([ALIVE] * count),
        **{name: mother[name] for name in inherited},
    })  # fmt: skip


def _surnames(names: Any) -> Any:
    double = {row["surname"] for row in shipped("surnames.tsv") if len(row["surname"]) == 2}
    return pa.array([name[:2] if name[:2] in double else name[:1] for name in names.to_pylist()], pa.string())


def deaths(city: City, day: Day) -> City:
    """Old people die. Civil affairs knows, social security ends the insurance; public security hears of every other one."""
    persons, notes = city.persons, city.person_notes
    dead = day.some("deaths", _is(persons, "life_status", ALIVE) & (ages(city, day) > 58), persons.num_rows)
    count = len(dead)
    persons = replaced(
        persons,
        dead,
        {"life_status": pa.array([DEAD] * count), "life_status_date": date_column(np.full(count, day.date))},
    )
    insured = dead[flat(notes["insured"]).to_numpy(zero_copy_only=False)[dead]]
    persons = replaced(persons, insured, {"insurance_status": pa.array([ENDED] * len(insured))})
    spouse = flat(notes["spouse"]).to_numpy()[dead]
    left = np.unique(spouse[spouse != NOBODY])
    left = left[_is(persons, "life_status", ALIVE)[left] & _is(persons, "marital_status", "20")[left]]
    persons = replaced(persons, left, {"marital_status": pa.array(["30"] * len(left))})
    known, unknown = dead[::2], dead[1::2]
    for source, rows in (
        ("civil_affairs_death", dead),
        ("social_security", insured),
        ("public_security", known),
    ):
        day.tell(source, rows)
    day.tell("public_security", left)
    day.tell("civil_affairs_marriage", left)
    keys = persons["citizen_number"].take(pa.array(unknown))
    day.not_heard("public_security", pa.array(unknown + 5_000_000_000), keys, "life_status", "death_unknown")
    return replace(city, persons=persons)


def moves(city: City, day: Day) -> City:
    """Whole households move to another town; social security keeps the old address."""
    persons, notes = city.persons, city.person_notes
    household = flat(notes["household"]).to_numpy()
    movers = day.some("moves", _is(persons, "life_status", ALIVE), persons.num_rows)
    homes, rng = np.unique(household[movers]), day.stream("new homes")
    new_town = draw_towns(rng, len(homes))
    new_address = addresses(rng, new_town)
    rows = np.flatnonzero(np.isin(household, homes) & _is(persons, "life_status", ALIVE)).astype(np.int64)
    which = np.searchsorted(homes, household[rows])
    town = new_town[which]
    persons = replaced(persons, rows, {
        "registered_address": new_address.take(pa.array(which)),
        "registered_division": towns().codes(town),
        "household_number": household_numbers(town, household[rows]),
    })  # fmt: skip
    notes = replaced(notes, rows, {"town": pa.array(town)})
    day.tell("public_security", rows)
    stale = rows[flat(notes["insured"]).to_numpy(zero_copy_only=False)[rows]]
    keys = persons["citizen_number"].take(pa.array(stale))
    day.not_heard(
        "social_security", joined("50", digits(stale, 10)), keys, "registered_address", "stale_address"
    )
    return replace(city, persons=persons, person_notes=notes)


def marriages(city: City, day: Day) -> City:
    """Single people marry; civil affairs knows, public security still holds the old status."""
    persons, notes, age = city.persons, city.person_notes, ages(city, day)
    free = (
        _is(persons, "life_status", ALIVE) & ~_is(persons, "marital_status", "20") & (age > 22.1) & (age < 42)
    )
    men, women = (
        np.flatnonzero(free & _is(persons, "sex", "1")),
        np.flatnonzero(free & _is(persons, "sex", "2")),
    )
    grooms = day.some("marriages", men, persons.num_rows)[: len(women)]
    brides = day.stream("brides").choice(women, len(grooms), replace=False).astype(np.int64)
    pair = np.r_[grooms, brides]
    order = np.argsort(pair)
    rows, partner = pair[order], np.r_[brides, grooms][order]
    persons = replaced(persons, rows, {"marital_status": pa.array(["20"] * len(rows))})
    married_on = date_column(np.full(len(rows), day.date))
    notes = replaced(notes, rows, {"spouse": pa.array(partner), "married_on": married_on})
    day.tell("civil_affairs_marriage", rows)
    keys = persons["citizen_number"].take(pa.array(rows))
    day.not_heard("public_security", pa.array(rows + 5_000_000_000), keys, "marital_status", "conflict")
    return replace(city, persons=persons, person_notes=notes)


def jobs(city: City, day: Day) -> City:
    """People find and lose work; social security knows."""
    persons = city.persons
    works = _is(persons, "employment_status", EMPLOYEE) | _is(persons, "employment_status", WORKER)
    jobless = _is(persons, "employment_status", JOBLESS)
    rows = day.some("jobs_changed", _is(persons, "life_status", ALIVE) & (works | jobless), persons.num_rows)
    codes = pa.array(np.where(works[rows], JOBLESS, EMPLOYEE))
    firms = np.flatnonzero(_is(city.companies, "status", ACTIVE))
    employer = np.where(works[rows], NOBODY, day.stream("employers").choice(firms, len(rows)))
    day.tell("social_security", rows)
    notes = replaced(city.person_notes, rows, {"employer": pa.array(employer)})
    return replace(city, persons=replaced(persons, rows, {"employment_status": codes}), person_notes=notes)


def business(city: City, day: Day) -> City:
    """Companies are founded and closed."""
    companies, count = city.companies, city.companies.num_rows
    closed = day.some("companies_closed", _is(companies, "status", ACTIVE), count)
    ended = date_column(np.full(len(closed), day.date))
    companies = replaced(
        companies, closed, {"status": pa.array([DEREGISTERED] * len(closed)), "status_date": ended}
    )
    new = np.arange(max(1, round(count * DAILY["companies_founded"])), dtype=np.int64) + count
    day.counts["companies_founded"] = len(new)
    founded, notes = companies_of(
        day.seed, f"day {day.number}", new, city.persons, np.full(len(new), day.date)
    )
    day.tell("market_regulation", np.r_[closed, new])
    return replace(
        city,
        companies=pa.concat_tables([companies, founded]),
        company_notes=pa.concat_tables([city.company_notes, notes]),
    )


def penalties(city: City, day: Day) -> City:
    """Penalties are repaired; new permits and penalties are published."""
    due = _is(city.penalties, "status", IN_FORCE) & (numpy_days(city.penalties["decided_on"]) < day.date - 90)
    repaired = day.some("penalties_repaired", due, city.penalties.num_rows)
    changed = replaced(city.penalties, repaired, {"status": pa.array([REPAIRED] * len(repaired))})
    day.tell("credit_penalty", repaired)
    permits = _published(city, day, PERMIT, city.permits, "permits_granted")
    return replace(
        city, permits=permits, penalties=_published(city, day, PENALTY, changed, "penalties_imposed")
    )


def _published(city: City, day: Day, kind: str, records: Any, purpose: str) -> Any:
    firms = day.some(purpose, _is(city.companies, "status", ACTIVE), records.num_rows)
    subjects = tuple(flat(city.companies[name]).take(pa.array(firms)) for name in ("credit_code", "name"))
    county = towns().county[flat(city.company_notes["town"]).to_numpy()[firms]]
    decided = np.full(len(firms), day.date - 3)
    new = credit_records(
        day.seed, f"day {day.number}", kind, (subjects[0], subjects[1]), county, decided, records.num_rows
    )
    day.tell(f"credit_{kind}", np.arange(len(firms), dtype=np.int64) + records.num_rows)
    return pa.concat_tables([records, new])


EVENTS = (births, deaths, moves, marriages, jobs, business, penalties)
