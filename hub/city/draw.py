"""Seeded draws and column arithmetic: the few verbs the city's chapters are written in.

Every chapter draws from its own stream, named after its purpose, so that a change in one never shifts another.
"""

import csv
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.resource import resource_named

DAY_ZERO = np.datetime64("2026-01-05", "D")
"""The day the city is built for; a fixed date, so that the same seed gives the same bytes on any day."""
DAYS_A_YEAR = 365.2425

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the random stream of one purpose of one city."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, purpose)).encode())])


@cache
def shipped(name: str) -> tuple[Mapping[str, str], ...]:
    """Read a tab-separated table of ``hub/city/data``."""
    text = (resources.files("hub.city") / "data" / name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines(), delimiter="\t"))


def weighted(rng: np.random.Generator, weights: Iterable[float], size: int) -> Ints:
    """Draw ``size`` indices into ``weights``, each with its weight."""
    limits = np.cumsum(np.asarray(list(weights), dtype=float))
    return np.searchsorted(limits / limits[-1], rng.random(size), side="right").astype(np.int64)


def pick(rng: np.random.Generator, values: Sequence[str], size: int) -> Any:
    """Draw ``size`` strings, all equally likely."""
    return taken(values, rng.integers(0, len(values), size))


def taken(values: Sequence[str | None], indices: Any) -> Any:
    """Return ``values[indices]`` as an Arrow string array."""
    return pa.array(values, pa.string()).take(pa.array(indices))


def joined(*parts: Any) -> Any:
    """Join arrays and constants element by element into one string column; a null makes a null."""
    return pc.binary_join_element_wise(
        *[p if isinstance(p, str) else pc.cast(p, pa.string()) for p in parts], ""
    )


def digits(numbers: Any, width: int) -> Any:
    """Write whole numbers as digits, zeros in front."""
    return pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, "0")


def nulled(column: Any, where: Bools) -> Any:
    """Return the column with null where ``where`` is true."""
    return pc.if_else(pa.array(where), pa.scalar(None, column.type), column)


def chosen(where: Bools, yes: Any, no: Any) -> Any:
    """Return ``yes`` where true, else ``no``."""
    return pc.if_else(pa.array(where), yes, no)


def date_column(days: Days, missing: Bools | None = None) -> Any:
    """Return days as ``date32``; ``NaT`` and rows of ``missing`` become null."""
    column = pa.array(days.astype("datetime64[D]"), pa.date32())
    return column if missing is None else nulled(column, missing)


def written(dates: Any, pattern: str = "%Y%m%d") -> Any:
    """Write dates or timestamps as text in a ``strftime`` pattern."""
    return pc.strftime(dates, format=pattern)


def flat(column: Any) -> Any:
    """Return a column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def numpy_days(column: Any) -> Days:
    """Return a ``date32`` column as ``datetime64[D]``, null as ``NaT``."""
    return np.asarray(flat(column).to_numpy(zero_copy_only=False).astype("datetime64[D]"))


def moments(rng: np.random.Generator, earliest: Days, years: float) -> Any:
    """Draw when rows were last written: the past ``years`` before day zero, recent more often; microseconds."""
    back = np.minimum(rng.exponential(years / 3, len(earliest)), years) * DAYS_A_YEAR * 86_400
    latest = DAY_ZERO.astype("datetime64[s]") - np.timedelta64(3600, "s")
    drawn = np.maximum(latest - back.astype("timedelta64[s]"), earliest.astype("datetime64[s]"))
    return pa.array(np.minimum(drawn, latest).astype("datetime64[us]"))


def replaced(table: Any, rows: Ints, values: Mapping[str, Any]) -> Any:
    """Return the table with ``values`` (one per row index, ascending) in place of what those rows had."""
    mask = np.zeros(table.num_rows, dtype=bool)
    mask[rows] = True
    for name, column in values.items():
        place = table.schema.get_field_index(name)
        old = table.column(name).combine_chunks()
        new = pc.replace_with_mask(old, pa.array(mask), pc.cast(column, old.type))
        table = table.set_column(place, table.field(place), new)
    return table


def true_records(resource: str, columns: Mapping[str, Any]) -> Any:
    """Return columns as a table of that resource, in its items' order and types; items not given are null."""
    schema = resource_named(resource).arrow_schema.remove_metadata()
    rows = len(next(iter(columns.values())))
    arrays = [
        flat(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
