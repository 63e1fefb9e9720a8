"""Filters: which records are wanted, as conditions on a resource's items; read from CQL2 (OGC 21-065r2), of which this is a part.

One language for every way to ask by content: its JSON form is read here, its text form becomes JSON in ``schemas.filter_text``. A
filter that exists is one of the resource: each value is of its item's type.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from shapely import Geometry

from schemas.errors import MalformedFilter
from schemas.filter_shapes import shape_in
from schemas.resource import Item, ItemType, Resource

MOST_DEPTH = 20
MOST_CONDITIONS = 100
MOST_VALUES = 1_000
LONGEST_VALUE = 1_000  # characters
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
Value: TypeAlias = str | int | float | bool | Decimal | date | datetime


@dataclass(frozen=True, slots=True)
class Compare:
    """An item compared with a value, by one of ``COMPARISONS``."""

    item: Item
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """An item that is one of some values."""

    item: Item
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Begins:
    """A text that begins with another."""

    item: Item
    prefix: str


@dataclass(frozen=True, slots=True)
class IsNull:
    """An item without a value."""

    item: Item


@dataclass(frozen=True, slots=True)
class Intersects:
    """A geometry that has a point in common with another, longitude first, EPSG:4490; alone, or with others by AND."""

    item: Item
    geometry: Geometry


@dataclass(frozen=True, slots=True)
class Not:
    """What does not hold; of an item without a value neither a condition nor its opposite does."""

    part: "Filter"


@dataclass(frozen=True, slots=True)
class Every:
    """What holds where each part does."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """What holds where one part does."""

    parts: tuple["Filter", ...]


Condition: TypeAlias = Compare | OneOf | Begins | IsNull | Intersects
Filter: TypeAlias = Condition | Not | Every | Some


def conditions(filter_: Filter) -> Iterator[Condition]:
    """Yield every condition of a filter."""
    match filter_:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from conditions(part)
        case Not(part):
            yield from conditions(part)
        case _:
            yield filter_


def items_of(filter_: Filter) -> tuple[str, ...]:
    """Return the names of the items that a filter is about, each once."""
    return tuple(dict.fromkeys(one.item.name for one in conditions(filter_)))


def intersections(filter_: Filter) -> Iterator[Intersects]:
    """Yield the spatial conditions that must hold."""
    match filter_:
        case Every(parts):
            for part in parts:
                yield from intersections(part)
        case Intersects():
            yield filter_


def moved(filter_: Filter, move: Callable[[Geometry], Geometry]) -> Filter:
    """Return the filter with the geometries that it names brought elsewhere."""
    match filter_:
        case Every(parts):
            return Every(tuple(moved(part, move) for part in parts))
        case Intersects(item, geometry):
            return Intersects(item, move(geometry))
    return filter_


def shape_of(filter_: Filter) -> str:
    """Return a filter without its values, for the ledger."""
    match filter_:
        case Compare(item, operator, _):
            return f"{item.name} {operator} ?"
        case OneOf(item, values):
            return f"{item.name} IN ({len(values)})"
        case Begins(item, _):
            return f"{item.name} LIKE ?"
        case IsNull(item):
            return f"{item.name} IS NULL"
        case Intersects(item, _):
            return f"S_INTERSECTS({item.name}, ?)"
        case Not(part):
            return f"NOT ({shape_of(part)})"
        case Every(parts):
            return "(" + " AND ".join(map(shape_of, parts)) + ")"
        case Some(parts):
            return "(" + " OR ".join(map(shape_of, parts)) + ")"


def filter_of(told: Any, resource: Resource) -> Filter:
    """Read a filter's JSON form; ``MalformedFilter`` says what is wrong, ``UnknownItem`` that the resource has no such item."""
    found = _Reader(resource).read(told, 1)
    wanted = [one for one in conditions(found) if isinstance(one, Intersects)]
    if len(wanted) != len(list(intersections(found))):
        raise MalformedFilter("S_INTERSECTS stands alone, or with other conditions by AND.")
    return found


class _Reader:
    """Reads one filter, counting what it holds."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._conditions = 0

    def read(self, told: Any, depth: int) -> Filter:
        if depth > MOST_DEPTH:
            raise MalformedFilter(f"The filter is nested deeper than {MOST_DEPTH} levels.")
        match told:
            case {"op": "and" | "or" as operator, "args": [_, _, *_] as parts, **rest} if not rest:
                read = tuple(self.read(part, depth + 1) for part in parts)
                return Every(read) if operator == "and" else Some(read)
            case {"op": "not", "args": [part], **rest} if not rest:
                return Not(self.read(part, depth + 1))
            case {"op": str(operator), "args": [{"property": str(name), **others}, *values], **rest} if not (
                rest or others
            ):
                return self._condition(operator, name, values)
        raise MalformedFilter("A part of the filter is none of CQL2's that are known here.", hint=_KNOWN)

    def _condition(self, operator: str, name: str, values: Sequence[Any]) -> Filter:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise MalformedFilter(f"The filter has more than {MOST_CONDITIONS} conditions.")
        item = self._resource.item(name if name.isidentifier() else "?")
        if item.geometry:
            return _intersects(item, operator, values)
        match operator, values:
            case _, [value] if operator in COMPARISONS:
                return Compare(item, operator, _value(item, value))
            case "between", [low, high]:
                return Every(
                    (Compare(item, ">=", _value(item, low)), Compare(item, "<=", _value(item, high)))
                )
            case "in", [[_, *_] as listed] if len(listed) <= MOST_VALUES:
                return OneOf(item, tuple(dict.fromkeys(_value(item, one) for one in listed)))
            case "like", [str(pattern)]:
                return _begins(item, pattern)
            case "isNull", []:
                return IsNull(item)
        raise MalformedFilter(f"The condition on {item.name} is of no known form.", hint=_KNOWN)


def _intersects(item: Item, operator: str, values: Sequence[Any]) -> Intersects:
    if operator != "s_intersects" or len(values) != 1:
        raise MalformedFilter(
            f"Item {item.name} is a geometry, which can be held against another by S_INTERSECTS only."
        )
    return Intersects(item, shape_in(values[0]))


_KNOWN = f"Known are and, or, not, {', '.join(COMPARISONS)}, between, in (of 1 to {MOST_VALUES} values), like, isNull and s_intersects, an item first."


def _begins(item: Item, pattern: str) -> Filter:
    prefix = pattern[:-1]
    if item.type not in _TEXTS or len(pattern) < 2 or pattern[-1] != "%" or set(prefix) & set("%_\\"):
        raise MalformedFilter(
            f"LIKE on {item.name} is not the beginning of a text.",
            hint="Write the beginning and one % at its end, as 'abc%'.",
        )
    return Begins(item, str(_value(item, prefix)))


def _value(item: Item, told: Any) -> Value:
    """Read a value of an item's type; what it was is not repeated, for it may be a person's."""
    match told:
        case {"date": given, **rest} | {"timestamp": given, **rest} if not rest:
            told = given
    try:
        return _VALUES.get(item.type, _text)(told)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        kind = item.json_schema()["type"][0]
        named = item.json_schema().get("format", kind)
        raise MalformedFilter(f"A value that {item.name} is compared with is no {named}.") from None


def _text(told: Any) -> str:
    if not isinstance(told, str) or len(told) > LONGEST_VALUE or "\0" in told:
        raise ValueError
    told.encode()  # a lone surrogate is no text
    return told


def _whole(told: Any) -> int:
    found = _number(told)
    if found != int(found) or abs(found) >= 2**63:
        raise ValueError
    return int(found)


def _number(told: Any) -> Decimal:
    if isinstance(told, bool) or not isinstance(told, int | float | Decimal):
        raise TypeError
    found = Decimal(str(told))
    if not found.is_finite() or abs(found.adjusted()) > 100:
        raise ValueError
    return found


def _day(told: Any) -> date:
    return date.fromisoformat(_text(told))


def _moment(told: Any) -> datetime:
    found = datetime.fromisoformat(_text(told))
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(UTC)


def _flag(told: Any) -> bool:
    if not isinstance(told, bool):
        raise TypeError
    return told


_TEXTS = frozenset({ItemType.CHARACTER, ItemType.MEMO})
_VALUES: Mapping[ItemType, Callable[[Any], Value]] = {
    ItemType.INTEGER: _whole, ItemType.NUMERIC: _number, ItemType.MONEY: _number, ItemType.DOUBLE: lambda told: float(_number(told)),
    ItemType.FLOAT: lambda told: float(_number(told)), ItemType.DATE: _day, ItemType.DATETIME: _moment, ItemType.LOGICAL: _flag,
}  # fmt: skip
