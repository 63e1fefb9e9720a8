"""Filters as SQL over golden records: every value a parameter, and a filter that no index serves refused.

Texts are compared by code point, wherever the database was made (``COLLATE "C"``); so are the indexes of ``filterable`` items ordered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from base_libraries.reading import GoldenReader
from base_libraries.storage import sql_type
from schemas.errors import FilterNotServed
from schemas.filters import (
    Begins,
    Compare,
    Condition,
    Every,
    Filter,
    Intersects,
    IsNull,
    Not,
    OneOf,
    Some,
    conditions,
)
from schemas.resource import Item, ItemType

_TEXTS = (ItemType.CHARACTER, ItemType.MEMO)
_HIGHEST = "\U0010ffff"
_SURROGATES = range(0xD800, 0xE000)


@dataclass
class Selecting:
    """The SQL of one selection, and its parameters as they are added."""

    reader: GoldenReader
    parameters: list[Any] = field(default_factory=list)

    def page(self, filters: Sequence[Filter], after: bytes, limit: int) -> str:
        """Return the query of the next page, in the order of subjects, of what every filter holds of."""
        wanted = [self._sql(one) for one in filters]
        wanted.append(f"_subject > {self._parameter(after, 'bytea')}")
        where = " AND ".join(wanted)
        return (
            f"{self.reader.select} WHERE {where} ORDER BY _subject LIMIT {self._parameter(limit, 'bigint')}"
        )

    def _parameter(self, value: Any, kind: str) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}::{kind}"

    def _sql(self, filter_: Filter) -> str:
        match filter_:
            case Every(parts):
                return "(" + " AND ".join(map(self._sql, parts)) + ")"
            case Some(parts):
                return "(" + " OR ".join(map(self._sql, parts)) + ")"
            case Not(part):
                return f"(NOT {self._sql(part)})"
        return f"({self._condition(filter_)})"

    def _condition(self, one: Condition) -> str:
        match one:
            case IsNull(item):
                return f"{self._column(item)} IS NULL"
            case Begins(item, prefix):
                return self._begins(item, prefix)
            case Intersects(_, geometry):
                return self._near(geometry.bounds)
            case Compare(item, "=" | "<>" as operator, value) if is_indexed_blindly(item):
                return f"{self._blind(item)} {operator} {self._parameter(self._index(item, value), 'bytea')}"
            case OneOf(item, values) if is_indexed_blindly(item):
                listed = [self._index(item, value) for value in values]
                return f"{self._blind(item)} = ANY({self._parameter(listed, 'bytea[]')})"
            case Compare(item, operator, value):
                return f"{self._compared(item)} {operator} {self._parameter(value, _type(item))}"
            case OneOf(item, values):
                return f"{self._compared(item)} = ANY({self._parameter(list(values), _type(item) + '[]')})"

    def _begins(self, item: Item, prefix: str) -> str:
        column = self._compared(item)
        from_ = f"{column} >= {self._parameter(prefix, 'text')}"
        behind = behind_prefix(prefix)
        return from_ if behind is None else f"{from_} AND {column} < {self._parameter(behind, 'text')}"

    def _near(self, bounds: Sequence[float]) -> str:
        """Return what holds of geometries whose boxes overlap: more than those that intersect."""
        west, south, east, north = (self._parameter(one, "double precision") for one in bounds)
        return f"box(point(_xmin, _ymin), point(_xmax, _ymax)) && box(point({west}, {south}), point({east}, {north}))"

    def _column(self, item: Item) -> str:
        return self._blind(item) if item.sealed else f'"{item.name}"'

    def _compared(self, item: Item) -> str:
        return f'"{item.name}" COLLATE "C"' if item.type in _TEXTS else f'"{item.name}"'

    def _blind(self, item: Item) -> str:
        return "_subject" if item.key else self.reader.tables.lookups[item.name]

    def _index(self, item: Item, value: Any) -> bytes:
        given = value.upper() if item.identifier else value
        return self.reader.subject(given) if item.key else self.reader.lookup(item.name, given)


def _type(item: Item) -> str:
    return sql_type(item.arrow_type)


def behind_prefix(prefix: str) -> str | None:
    """Return the first text behind all that begin with a prefix; None where none is."""
    kept = prefix.rstrip(_HIGHEST)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


def is_indexed_blindly(item: Item) -> bool:
    """Whether records can be found by a value of the item as by a key."""
    return item.key or item.lookup


def check_readable(filter_: Filter) -> None:
    """Raise ``FilterNotServed`` where a sealed item is compared otherwise than by equality: nothing but that can be told of it."""
    for one in conditions(filter_):
        item = one.item
        if not item.sealed:
            continue
        equal = isinstance(one, OneOf) or (isinstance(one, Compare) and one.operator in ("=", "<>"))
        null = isinstance(one, IsNull) and item.lookup
        if not (null or (equal and is_indexed_blindly(item))):
            asked = "by equality only" if is_indexed_blindly(item) else "not at all, for it is no lookup item"
            raise FilterNotServed(
                f"Item {item.name} is sealed: it can be filtered by {asked}.", hint="See docs/api.md."
            )


def check_served(filter_: Filter, items: Sequence[Item]) -> None:
    """Raise ``FilterNotServed``, naming what of ``items`` can be found by, unless an index leads to what the filter wants."""
    if not is_served(filter_):
        usable = [
            item.name for item in items if is_indexed_blindly(item) or (item.filterable and not item.sealed)
        ]
        raise FilterNotServed(
            "No index leads to the records that this filter wants.",
            hint=f"Add a condition, by AND, on one of: {', '.join(usable) or 'no item here can be found by'}.",
        )


def is_served(filter_: Filter) -> bool:
    """Whether an index leads to what a filter wants; other conditions may ride along by AND."""
    match filter_:
        case Every(parts):
            return any(map(is_served, parts))
        case Some(parts):
            return all(map(is_served, parts))
        case Compare(item, operator, _):
            return operator != "<>" and (_is_ordered(item) or (operator == "=" and is_indexed_blindly(item)))
        case OneOf(item, _):
            return _is_ordered(item) or is_indexed_blindly(item)
        case Begins(item, _):
            return _is_ordered(item)
        case Intersects():
            return True
    return False


def _is_ordered(item: Item) -> bool:
    return item.filterable and not item.sealed
