"""What a question may ask of an item, as one table: how its argument is written, which items it fits, and what it says of a value.

Three answers: yes, no, and None where the value is not known. A day is the local one of the call.
"""

import calendar
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.conditions import Within
from schemas.code_sets import code_set
from schemas.errors import ConfigurationError
from schemas.resource import Item, ItemType

_NUMBERS = frozenset({ItemType.INTEGER, ItemType.NUMERIC, ItemType.MONEY, ItemType.DOUBLE, ItemType.FLOAT})
_UNITS = ("years", "months", "days")
_LONGEST = 36_500  # days, or as many months or years: nobody lives longer
_MOST_VALUES = 200


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a record: JSON-ready values, and its versions, the newest first, each with the day since which it said so.

    Versions are there only where a question asks for them.
    """

    values: Mapping[str, Any]
    versions: Sequence[tuple[date, Mapping[str, Any]]] = ()


@dataclass(frozen=True, slots=True)
class Test:
    """One way to ask: ``read`` checks the argument, ``fault`` says why an item cannot be asked so, ``judge`` answers of a known value."""

    name: str
    argument: str
    asks: str
    read: Callable[[Any], Any]
    fault: Callable[[Item, Any], str | None]
    judge: Callable[[str, Any, Facts, date], bool | None]


def shifted(day: date, span: Mapping[str, int], sign: int = 1) -> date:
    """Return the day so many years, months and days later; where a month has no such day, its last (Civil Code, article 202)."""
    months = day.year * 12 + day.month - 1 + sign * (span.get("years", 0) * 12 + span.get("months", 0))
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        return date.max if sign > 0 else date.min
    begun = date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
    ordinal = begun.toordinal() + sign * span.get("days", 0)
    return date.fromordinal(min(max(ordinal, 1), date.max.toordinal()))


def _span(told: Any) -> Mapping[str, int]:
    if not isinstance(told, Mapping) or not told or told.keys() - set(_UNITS):
        raise ConfigurationError(
            "A span of time is not written as it should be.",
            hint="Write {years: 18}, {months: 12} or {days: 30}.",
        )
    if not all(type(number) is int and 0 <= number <= _LONGEST for number in told.values()):
        raise ConfigurationError(f"A span of time is made of whole numbers from 0 to {_LONGEST}.")
    return dict(told)


def _limit(told: Any) -> str:
    text = str(told)
    if isinstance(told, bool) or (_day(text) is None and _number(text) is None):
        raise ConfigurationError("A limit is neither a number nor a day such as 2026-01-31.")
    return text


def _values(told: Any) -> tuple[str | int, ...]:
    if (
        not isinstance(told, list)
        or not 1 <= len(told) <= _MOST_VALUES
        or not all(type(one) in (str, int) for one in told)
    ):
        raise ConfigurationError(
            f"Values are a list of 1 to {_MOST_VALUES} texts or whole numbers; a code is text, in quotes."
        )
    return tuple(told)


def _division(told: Any) -> str:
    return Within("division", str(told)).division


def _truth(told: Any) -> bool:
    if not isinstance(told, bool):
        raise ConfigurationError("Whether an item exists is true or false.")
    return told


def _held(told: Any) -> Mapping[str, Any]:
    if not isinstance(told, Mapping) or told.keys() != {"in", "for"}:
        raise ConfigurationError(
            "What an item has held is not written as it should be.",
            hint="Write {in: ['1'], for: {months: 12}}.",
        )
    return {"in": list(_values(told["in"])), "for": _span(told["for"])}


def _day(text: Any) -> date | None:
    try:
        return (
            date.fromisoformat(text[:10])
            if isinstance(text, str) and len(text) >= 10 and text[4] == "-"
            else None
        )
    except ValueError:
        return None


def _number(text: Any) -> Decimal | None:
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


# ── which items ──────────────────────────────────────────────────────────────────────────────────────


def _needs_day(item: Item, _argument: Any) -> str | None:
    return None if item.type is ItemType.DATE else "holds no day"


def _needs_limit(item: Item, limit: str) -> str | None:
    fits = item.type is ItemType.DATE if _day(limit) else item.type in _NUMBERS
    return (
        None if fits else "cannot be compared with the limit: a number goes with a number, a day with a day"
    )


def _needs_values(item: Item, values: Sequence[str | int]) -> str | None:
    if item.geometry:
        return "is a geometry"
    kind = str if item.json_schema()["type"][0] == "string" else int
    if item.type is ItemType.LOGICAL or not all(type(one) is kind for one in values):
        return "is compared with what it never is: a code is text, in quotes"
    unknown = [one for one in values if item.code_set and one not in code_set(item.code_set)]
    return f"has the code set {item.code_set}, of which one of the values is no code" if unknown else None


def _needs_division(item: Item, _argument: Any) -> str | None:
    return None if item.identifier == "division_code" else "holds no division code"


def _needs_held(item: Item, held: Mapping[str, Any]) -> str | None:
    return _needs_values(item, held["in"])


def _any(_item: Item, _argument: Any) -> str | None:
    return None


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────


def _reached(item: str, span: Mapping[str, int], facts: Facts, today: date) -> bool | None:
    day = _day(facts.values.get(item))
    return None if day is None else shifted(day, span) <= today


def _within(item: str, span: Mapping[str, int], facts: Facts, today: date) -> bool | None:
    day = _day(facts.values.get(item))
    return None if day is None else day <= today <= shifted(day, span)


def _compared(least: bool, item: str, limit: str, facts: Facts) -> bool | None:
    read: Callable[[Any], Any] = _day if _day(limit) else _number
    value = facts.values.get(item)
    known = None if value is None else read(value)
    if known is None:
        return None
    return bool(known >= read(limit) if least else known <= read(limit))


def _in(item: str, values: Sequence[str | int], facts: Facts, _today: date) -> bool | None:
    value = facts.values.get(item)
    return None if value is None else value in values


def _in_division(item: str, division: str, facts: Facts, _today: date) -> bool | None:
    return None if facts.values.get(item) is None else Within(item, division).holds(facts.values)


def _exists(item: str, there: bool, facts: Facts, _today: date) -> bool | None:
    return (facts.values.get(item) is not None) is there


def _has_held(item: str, held: Mapping[str, Any], facts: Facts, today: date) -> bool | None:
    """Go back version by version; None where what is known does not reach so far."""
    begin = shifted(today, held["for"], -1)
    for since, values in facts.versions:
        verdict = _in(item, held["in"], Facts(values), today)
        if verdict is not True or since <= begin:
            return verdict
    return None


TESTS: Mapping[str, Test] = {
    test.name: test
    for test in (
        Test("reached", "{years: 18}", "Are so many years, months or days past since the item's day, counted to this day?", _span, _needs_day, _reached),
        Test("within", "{months: 12}", "Is the item's day not in the future, and no longer ago than that?", _span, _needs_day, _within),
        Test("at_least", "50", "Is the item, a number or a day, no less?", _limit, _needs_limit, lambda i, a, f, _: _compared(True, i, a, f)),
        Test("at_most", "2008-06-01", "Is the item, a number or a day, no more?", _limit, _needs_limit, lambda i, a, f, _: _compared(False, i, a, f)),
        Test("in", "['1', '2']", "Is the item one of these values?", _values, _needs_values, _in),
        Test("in_division", "'500103'", "Does the item's division lie in this one?", _division, _needs_division, _in_division),
        Test("exists", "true", "Is the item known, or not known?", _truth, _any, _exists),
        Test("held", "{in: ['1'], for: {months: 12}}", "Has the item been one of these values all that time, by every version known?", _held, _needs_held, _has_held),
    )
}  # fmt: skip
