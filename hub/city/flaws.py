"""The flaws of real registers, injected at stated rates, each one written down.

``data/flaw_rates.tsv`` says which share of the rows that can have a flaw gets it. An item of a row has at most one
flaw; a row may have several. Duplicates copy rows that have none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.city.addresses import addresses, draw_towns, towns
from hub.city.draw import Bools, Ints, replaced, shipped, stream
from schemas.credit_codes import CREDIT_ALPHABET
from schemas.errors import ConfigurationError

IMPOSSIBLE_IDENTIFIER = "impossible_identifier"
DUPLICATE = "duplicate"
FLAW_SCHEMA = pa.schema([(name, pa.string()) for name in ("source", "row_id", "key", "item", "kind")])
FULL_WIDTH = {ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)}


@dataclass(frozen=True)
class Register:
    """Rows of one source as a department would hold them.

    ``columns`` tells the raw column of each resource item; ``keys`` are the true keys of the rows, ``row_id`` the
    column by which the department knows a row; ``duplicate_id`` makes the id of a second copy from the first.
    """

    source: str
    table: Any
    keys: Any
    columns: Mapping[str, str]
    row_id: str
    duplicate_id: Callable[[Any], Any]


@dataclass(frozen=True)
class Rates:
    """Share of eligible rows with a flaw, by source, item (empty for the whole row) and kind."""

    of: Mapping[tuple[str, str, str], float]

    def __post_init__(self) -> None:
        if wrong := [key for key, rate in self.of.items() if not 0 <= rate <= 1]:
            raise ConfigurationError(f"The flaw rate of {'/'.join(wrong[0])} is not between 0 and 1.")

    def scaled(self, factor: float) -> "Rates":
        """Return the same rates times ``factor``, at most 1; 0 makes registers without flaws."""
        return Rates({key: min(rate * factor, 1.0) for key, rate in self.of.items()})

    def items(self, source: str) -> dict[str, dict[str, float]]:
        """Return item → kind → rate of one source."""
        found: dict[str, dict[str, float]] = {}
        for (of, item, kind), rate in self.of.items():
            if of == source:
                found.setdefault(item, {})[kind] = rate
        return found


def default_rates() -> Rates:
    """Return the rates shipped in ``data/flaw_rates.tsv``."""
    return Rates(
        {(row["source"], row["item"], row["kind"]): float(row["rate"]) for row in shipped("flaw_rates.tsv")}
    )


def spoiled(register: Register, rates: Rates, seed: int, purpose: str = "day zero") -> tuple[Any, Any]:
    """Return the register's rows with flaws, duplicates at the end, and the table of flaws (``FLAW_SCHEMA``)."""
    table, found = register.table, []
    rows = table.num_rows
    untouched = np.ones(rows, dtype=bool)
    by_item = rates.items(register.source)
    for item in sorted(set(by_item) - {""}):
        rng = stream(seed, "flaws", register.source, item, purpose)
        column = register.columns[item]
        for kind, chosen in _draw(rng, by_item[item], rows):
            before = table[column].combine_chunks()
            hit, after = _spoil(kind, rng, before, chosen)
            table = replaced(table, hit, {column: after})
            untouched[hit] = False
            found.append(_flaws(register, hit, item, kind))
    twice = stream(seed, "flaws", register.source, purpose).random(rows) < by_item.get("", {}).get(
        DUPLICATE, 0.0
    )
    copies = _copies(register, table, np.flatnonzero(twice & untouched))
    flaws = pa.concat_tables(
        [*found, _duplicates(register, copies, twice & untouched), FLAW_SCHEMA.empty_table()]
    )
    return pa.concat_tables([table, copies]), flaws


def _draw(rng: np.random.Generator, kinds: Mapping[str, float], rows: int) -> list[tuple[str, Ints]]:
    """Draw the rows of each kind of flaw of one item, no row twice."""
    drawn = rng.random(rows)
    limits = np.cumsum([0.0, *kinds.values()])
    return [
        (kind, np.flatnonzero((drawn >= low) & (drawn < high)))
        for kind, low, high in zip(kinds, limits[:-1], limits[1:], strict=True)
    ]


def _flaws(register: Register, rows: Ints, item: str, kind: str) -> Any:
    at = pa.array(rows)
    ids = register.table[register.row_id].take(at).cast(pa.string())
    return _flaw_table(register.source, ids, register.keys.take(at), item, kind)


def _duplicates(register: Register, copies: Any, twice: Bools) -> Any:
    ids = copies[register.row_id].cast(pa.string())
    return _flaw_table(register.source, ids, register.keys.filter(pa.array(twice)), "", DUPLICATE)


def _flaw_table(source: str, ids: Any, keys: Any, item: str, kind: str) -> Any:
    size = len(ids)
    columns = [pa.array([source] * size, pa.string()), ids, keys]
    columns += [pa.array([item] * size, pa.string()), pa.array([kind] * size, pa.string())]
    return pa.Table.from_arrays(columns, schema=FLAW_SCHEMA)


def _copies(register: Register, table: Any, rows: Ints) -> Any:
    copies = table.take(pa.array(rows))
    place = copies.schema.get_field_index(register.row_id)
    ids = register.duplicate_id(copies[register.row_id]).cast(copies.schema.field(place).type)
    return copies.set_column(place, copies.schema.field(place), ids)


# ── how each kind spoils a column ────────────────────────────────────────────────────────────────────


def _spoil(kind: str, rng: np.random.Generator, column: Any, rows: Ints) -> tuple[Ints, Any]:
    """Return which of the rows could be spoiled in that way, and their new values in the column's type."""
    values = column.take(pa.array(rows))
    after = SPOILERS[kind](rng, column, values)
    differs = pc.fill_null(pc.not_equal(values, after), False).to_numpy(zero_copy_only=False)
    hit = differs | (
        pc.is_valid(values).to_numpy(zero_copy_only=False) & pc.is_null(after).to_numpy(zero_copy_only=False)
    )
    return rows[hit], after.filter(pa.array(hit))


def _each(change: Callable[[str], str]) -> Callable[..., Any]:
    """Spoil value by value; only the few rows drawn come here."""

    def spoil(_rng: np.random.Generator, _column: Any, values: Any) -> Any:
        return pa.array([value and change(value) for value in values.to_pylist()], values.type)

    return spoil


def _wrong_check(value: str) -> str:
    """Turn the last character into another one: both checks see every change of one character."""
    alphabet = "0123456789X" if value[:17].isdigit() and value[0] in "123456" else CREDIT_ALPHABET
    return value[:-1] + alphabet[(alphabet.index(value[-1]) + 3) % len(alphabet)]


def _fifteen(value: str) -> str:
    return (
        value[:6] + value[8:17] if len(value) == 18 and value[:17].isdigit() and value[6:8] == "19" else value
    )


@cache
def _pairs(name: str) -> Mapping[str, str]:
    first, second = shipped(name)[0]
    return {row[first]: row[second] for row in shipped(name)}


def _lookalike(value: str) -> str:
    wrong = _pairs("lookalikes.tsv")
    place = next((at for at in range(len(value) - 1, -1, -1) if value[at] in wrong), None)
    return value if place is None else value[:place] + wrong[value[place]] + value[place + 1 :]


def _impossible_date(value: str) -> str:
    """Keep the year and the writing, name a day that no calendar has."""
    if "年" in value:
        return value[:4] + "年2月30日"
    return value[:4] + "-02-30" + value[10:] if "-" in value else value[:4] + "0230"


def _old_division(value: str) -> str:
    old = _pairs("birth_prefixes.tsv")
    return old.get(value[:6], value[:6]) + value[6:]


def _missing(_rng: np.random.Generator, _column: Any, values: Any) -> Any:
    return pa.nulls(len(values), values.type)


def _conflict(rng: np.random.Generator, column: Any, values: Any) -> Any:
    """Give a row the value of some other row."""
    others = column.take(pa.array(rng.integers(0, max(len(column), 1), len(values))))
    return pc.if_else(pc.or_(pc.is_null(values), pc.is_null(others)), values, others)


def _stale_address(rng: np.random.Generator, _column: Any, values: Any) -> Any:
    return addresses(rng, draw_towns(rng, len(values))) if len(values) and towns() else values


def _death_unknown(_rng: np.random.Generator, _column: Any, values: Any) -> Any:
    return pc.if_else(pc.equal(values, "2"), pa.scalar("1", values.type), values)


SPOILERS: Mapping[str, Callable[..., Any]] = {
    IMPOSSIBLE_IDENTIFIER: _each(_wrong_check),
    "fifteen_digits": _each(_fifteen),
    "full_width": _each(lambda value: value.translate(FULL_WIDTH)),
    "lookalike": _each(_lookalike),
    "impossible_date": _each(_impossible_date),
    "old_division": _each(_old_division),
    "missing": _missing,
    "conflict": _conflict,
    "stale_address": _stale_address,
    "death_unknown": _death_unknown,
}
