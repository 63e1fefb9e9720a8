"""Social security's view of the city: who is insured, who works, for whom."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.city.companies import ACTIVE
from hub.city.draw import DAY_ZERO, DAYS_A_YEAR, Bools, chosen, nulled, numpy_days, stream, taken, weighted
from hub.city.population import ALIVE, DEAD

STUDENT, EMPLOYEE, WORKER, FARMER, FREE, OWN_BUSINESS, JOBLESS, RETIRED = (
    "31",
    "17",
    "24",
    "27",
    "51",
    "54",
    "70",
    "80",
)
"""Employment status, GB/T 2261.4."""
INSURED, PAUSED, ENDED = "1", "2", "3"
COVERED = 0.965
"""Share of the living whom social security insures (workers' and residents' schemes together)."""
NO_EMPLOYER = -1


def add_work(seed: int, persons: Any, notes: Any, companies: Any) -> tuple[Any, Any]:
    """Fill in employment and insurance status; note ``insured`` and ``employer`` (row of a company or -1).

    The two items are what social security knows by definition: null for whom it does not insure.
    """
    born = numpy_days(persons["date_of_birth"])
    age = (DAY_ZERO - born).astype(np.int64) / DAYS_A_YEAR
    life = persons["life_status"]
    dead, alive = pc.equal(life, DEAD).to_numpy(), pc.equal(life, ALIVE).to_numpy()
    rng = stream(seed, "insurance")
    covered = (rng.random(len(age)) < COVERED) & (age > 0.15)
    codes, employed = _occupations(stream(seed, "occupations"), age)
    status = np.where(dead, 2, np.where(alive, weighted(rng, (0.965, 0.03, 0.005), len(age)), 1))
    employer = _employers(stream(seed, "employers"), employed & covered & alive, companies)
    persons = _with(persons, "employment_status", nulled(codes, ~covered | (age < 16)))
    persons = _with(persons, "insurance_status", nulled(taken((INSURED, PAUSED, ENDED), status), ~covered))
    return persons, notes.append_column("insured", pa.array(covered)).append_column(
        "employer", pa.array(employer)
    )


def _occupations(rng: np.random.Generator, age: Any) -> tuple[Any, Bools]:
    working = weighted(rng, (0.25, 0.33, 0.14, 0.12, 0.08, 0.08), len(age))
    retires = np.where(rng.random(len(age)) < 0.5, 60, 55)
    studies = (age < 18) | ((age < 22.5) & (rng.random(len(age)) < 0.6))
    code = taken((EMPLOYEE, WORKER, FARMER, FREE, OWN_BUSINESS, JOBLESS), working)
    size = len(age)
    code = chosen(
        age >= retires, pa.array([RETIRED] * size), chosen(studies, pa.array([STUDENT] * size), code)
    )
    return code, (working < 2) & ~studies & (age < retires)


def _employers(rng: np.random.Generator, employed: Bools, companies: Any) -> Any:
    active = np.flatnonzero(pc.equal(companies["status"], ACTIVE).to_numpy())
    size = companies["staff_count"].to_numpy()[active].astype(float)
    employer = np.full(len(employed), NO_EMPLOYER, dtype=np.int64)
    employer[employed] = active[weighted(rng, size, int(employed.sum()))]
    return employer


def _with(table: Any, name: str, column: Any) -> Any:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
