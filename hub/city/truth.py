"""The truth beside the registers: what every record should say, and every flaw that was put in.

Folder ``truth`` of a city: one Parquet file per resource, in hub items with true values by true key;
``flaws.parquet`` with a row per flaw; ``notes`` with what only the city knows (who is married to whom, …).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import ConfigurationError

CITY_FILE = "city.json"
VERSION = 1


@dataclass(frozen=True)
class City:
    """The whole truth as tables, row by row; ``*_notes`` are about the same rows as the table they are named after."""

    persons: Any
    person_notes: Any
    companies: Any
    company_notes: Any
    permits: Any
    penalties: Any
    division_areas: Any
    places: Any
    parcels: Any
    flaws: Any

    def save(self, folder: Path) -> None:
        """Write every table as Parquet under ``truth``."""
        place = folder / "truth"
        place.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            pq.write_table(getattr(self, field.name), place / f"{field.name}.parquet", compression="zstd")


@dataclass(frozen=True)
class Standing:
    """``city.json``: what the city was built from, how many days it has lived, how many rows each source delivered."""

    persons: int
    seed: int
    day: int
    rates: Mapping[str, float]
    rows: Mapping[str, int]

    def save(self, folder: Path) -> None:
        """Write it, in one stroke."""
        document = {"version": VERSION, **{field.name: getattr(self, field.name) for field in fields(self)}}
        new = folder / (CITY_FILE + ".new")
        new.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        new.replace(folder / CITY_FILE)

    def with_rows(self, more: Mapping[str, int], day: int) -> "Standing":
        """Return the standing after ``more`` rows by source were delivered up to ``day``."""
        rows = {source: self.rows.get(source, 0) + more.get(source, 0) for source in {**self.rows, **more}}
        return replace(self, rows=rows, day=day)


@dataclass(frozen=True)
class Truth:
    """True records by resource code, in hub items; every flaw; how many rows each source has delivered."""

    tables: Mapping[str, Any]
    flaws: Any
    rows: Mapping[str, int]
    day: int

    def flawed_rows(self, source: str, kind: str | None = None) -> set[str]:
        """Return the row ids of a source that have a flaw, or one of that kind; every other row is good."""
        mask = pc.equal(self.flaws["source"], source)
        if kind is not None:
            mask = pc.and_(mask, pc.equal(self.flaws["kind"], kind))
        return set(self.flaws.filter(mask)["row_id"].to_pylist())


def load_standing(folder: Path) -> Standing:
    """Read ``city.json``; ``ConfigurationError`` when the folder holds no city, or one of another version."""
    try:
        document = json.loads((folder / CITY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ConfigurationError(
            f"There is no city in {folder}.", hint="Build one with: hub city build."
        ) from None
    if document.pop("version", None) != VERSION:
        raise ConfigurationError(
            f"The city in {folder} is of another version.", hint="Build it anew with: hub city build."
        )
    return Standing(**document)


def load_city(folder: Path) -> City:
    """Read the whole truth with notes."""
    load_standing(folder)
    return City(**{field.name: _read(folder, field.name) for field in fields(City)})


def load_truth(folder: Path) -> Truth:
    """Read the truth of a city in terms of the hub's resources."""
    standing = load_standing(folder)
    credit = pa.concat_tables([_read(folder, "permits"), _read(folder, "penalties")])
    tables = {
        "natural_person": _read(folder, "persons"),
        "legal_person": _read(folder, "companies"),
        "division_area": _read(folder, "division_areas"),
        "place": _read(folder, "places"),
        "parcel": _read(folder, "parcels"),
        "credit_record": credit,
    }
    return Truth(tables, _read(folder, "flaws"), standing.rows, standing.day)


def _read(folder: Path, name: str) -> Any:
    return pq.read_table(folder / "truth" / f"{name}.parquet")
