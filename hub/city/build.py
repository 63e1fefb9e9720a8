"""Build a city: the truth, then each department's register with its flaws, then what was put in."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hub.city import other_rows, person_rows, registers, spatial
from hub.city.companies import make_companies
from hub.city.credit import PENALTY, PERMIT, make_credit
from hub.city.draw import DAY_ZERO, Ints
from hub.city.flaws import FLAW_SCHEMA, Rates, Register, default_rates, spoiled
from hub.city.population import make_persons
from hub.city.truth import CITY_FILE, City, Standing
from hub.city.work import add_work
from schemas.errors import ConfigurationError

Progress = Callable[[str, float], None]
"""Called with what is being made and the share done, 0 to 1."""
BUILDING = ".building"
PARTS = (
    "truth",
    "public_security",
    "social_security",
    "civil_affairs",
    "market_regulation",
    "natural_resources",
    "credit",
)
FEWEST, MOST = 100, 20_000_000
LAST_NIGHT = "20260104"


@dataclass(frozen=True)
class CitySummary:
    """What was built: rows per source (duplicates included), true records per library, flaws by kind, seconds."""

    folder: Path
    persons: int
    seed: int
    rows: Mapping[str, int]
    records: Mapping[str, int]
    flaws: Mapping[str, int]
    seconds: float


def build_city(
    folder: Path, persons: int, seed: int, progress: Progress | None = None, rates: Rates | None = None
) -> CitySummary:
    """Build a city of ``persons`` persons in an empty folder, or in place of the city that is there.

    The same persons, seed and rates give the same bytes. Raises ``ConfigurationError`` for a folder with
    something else in it, or a number of persons out of bounds.
    """
    started, rates = time.perf_counter(), rates or default_rates()
    say = progress or (lambda _what, _share: None)
    _prepare(folder, persons)
    say("persons and companies", 0.0)
    city = make_truth(persons, seed)
    flaws: list[Any] = []
    rows: dict[str, int] = {}
    written = _writers(folder)
    for register in clean_registers(seed, city):
        say(register.source, 0.4 + 0.5 * len(rows) / len(written))
        table, found = spoiled(register, rates, seed)
        written[register.source](table)
        rows[register.source] = table.num_rows
        flaws.append(found)
    city = City(**{**city.__dict__, "flaws": pa.concat_tables(flaws).combine_chunks()})
    say("truth", 0.95)
    city.save(folder)
    Standing(persons, seed, 0, {"/".join(key): rate for key, rate in rates.of.items()}, rows).save(folder)
    (folder / BUILDING).unlink()
    say("done", 1.0)
    return _summary(folder, city, persons, seed, rows, time.perf_counter() - started)


def _prepare(folder: Path, persons: int) -> None:
    """Empty the folder of an earlier city, finished or not; never of anything else."""
    if not FEWEST <= persons <= MOST:
        raise ConfigurationError(f"A city has between {FEWEST:,} and {MOST:,} persons, not {persons:,}.")
    folder.mkdir(parents=True, exist_ok=True)
    ours = (folder / CITY_FILE).exists() or (folder / BUILDING).exists()
    if not ours and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} is not empty and holds no city.", hint="Name an empty folder.")
    (folder / BUILDING).touch()
    (folder / CITY_FILE).unlink(missing_ok=True)
    for part in PARTS:
        if part != "public_security":  # its server may be in use; its table is replaced instead
            shutil.rmtree(folder / part, ignore_errors=True)


def make_truth(persons: int, seed: int) -> City:
    """Make the truth of a city, without flaws."""
    people, notes = make_persons(seed, persons)
    companies, company_notes = make_companies(seed, persons // 10, people)
    people, notes = add_work(seed, people, notes, companies)
    person_town, company_town = notes["town"].to_numpy(), company_notes["town"].to_numpy()
    credit = {
        kind: make_credit(seed, kind, people, companies, company_town, person_town)
        for kind in (PERMIT, PENALTY)
    }
    return City(
        persons=people,
        person_notes=notes,
        companies=companies,
        company_notes=company_notes,
        permits=credit[PERMIT],
        penalties=credit[PENALTY],
        division_areas=spatial.make_division_areas(),
        places=spatial.make_places(),
        parcels=spatial.make_parcels(seed, people, companies, person_town, company_town),
        flaws=FLAW_SCHEMA.empty_table(),
    )


def clean_registers(seed: int, city: City) -> Iterator[Register]:
    """Render every register from the truth, one at a time, as it stands on day zero."""
    everyone = _all(city.persons)
    yield person_rows.public_security(seed, city.persons, city.person_notes, everyone)
    yield person_rows.social_security(seed, city.persons, city.person_notes, city.companies, everyone)
    yield person_rows.marriage(seed, city.persons, city.person_notes, everyone)
    yield person_rows.death(seed, city.persons, everyone)
    yield other_rows.market_regulation(seed, city.companies, _all(city.companies))
    yield other_rows.credit(seed, PERMIT, city.permits, _all(city.permits))
    yield other_rows.credit(seed, PENALTY, city.penalties, _all(city.penalties))
    yield other_rows.districts(city.division_areas)
    yield other_rows.town_points(city.places)
    yield other_rows.parcels(city.parcels)


def _all(table: Any) -> Ints:
    return np.arange(table.num_rows, dtype=np.int64)


def _writers(folder: Path) -> dict[str, Callable[[Any], None]]:
    """How each source's rows are written on day zero; layers of one GeoPackage go together with the last."""
    layers: dict[str, tuple[Any, str]] = {}

    def last_layer(table: Any) -> None:
        registers.write_layers(folder, {**layers, "parcels": (table, "Polygon")})

    return {
        "public_security": lambda table: registers.write_household(folder, table),
        "social_security": lambda table: registers.write_social_security(folder, LAST_NIGHT, table),
        "civil_affairs_marriage": lambda table: registers.write_marriages(folder, LAST_NIGHT, table),
        "civil_affairs_death": lambda table: registers.write_deaths(folder, LAST_NIGHT, table),
        "market_regulation": lambda table: registers.write_market(folder, table),
        "credit_permit": lambda table: registers.write_permits(folder, LAST_NIGHT, table),
        "credit_penalty": lambda table: registers.write_penalties(folder, LAST_NIGHT, table),
        "natural_resources_district": lambda table: layers.update(districts=(table, "Polygon")),
        "natural_resources_town": lambda table: layers.update(towns=(table, "Point")),
        "natural_resources_parcel": last_layer,
    }


def _summary(
    folder: Path, city: City, persons: int, seed: int, rows: dict[str, int], seconds: float
) -> CitySummary:
    kinds = city.flaws["kind"].value_counts().to_pylist()
    records = {
        "natural_person": city.persons.num_rows,
        "legal_person": city.companies.num_rows,
        "division_area": city.division_areas.num_rows,
        "place": city.places.num_rows,
        "parcel": city.parcels.num_rows,
        "credit_record": city.permits.num_rows + city.penalties.num_rows,
    }
    flaws = {
        entry["values"]: entry["counts"] for entry in sorted(kinds, key=lambda entry: str(entry["values"]))
    }
    return CitySummary(folder, persons, seed, rows, records, flaws, seconds)


__all__ = ["DAY_ZERO", "CitySummary", "Progress", "build_city", "clean_registers", "make_truth"]
