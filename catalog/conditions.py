"""Which records an agreement lets a system read (Decree 809, articles 20 and 25: the scope), in a small closed language of data.

A list of conditions, all of which must hold: ``{"item": "division", "within": "500103"}``, ``{"item": "status", "in": ["1"]}``,
``{"cases": "own"}``. A record that lacks the item is outside: what is not known to be agreed is not.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from schemas.errors import ConfigurationError
from schemas.resource import Item, Resource

MOST_CONDITIONS = 20
_CODE = re.compile(r"^\d{6}(\d{3}(\d{3})?)?$")
_PARTS = (2, 2, 2, 3, 3)  # province, city, county, town, village (GB/T 2260, GB/T 10114)
_ORGANISATION = 18  # characters of the implementing organisation's credit code, with which a case code begins
_VALUES: Mapping[str, type] = {"string": str, "integer": int, "number": int, "boolean": bool}
_FORMS = "{item: …, within: division code}, {item: …, in: [codes]} or {cases: own}"


class Condition(Protocol):
    """Something a record meets or not, by one item."""

    @property
    def item(self) -> str:
        """The item it looks at."""
        ...

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether the record, with JSON-ready values, meets it."""
        ...

    def fault(self, item: Item) -> str | None:
        """Return why it cannot be asked of that item; None where it can."""
        ...

    def as_dict(self) -> Mapping[str, Any]:
        """Describe it as agreements are written."""
        ...


@dataclass(frozen=True, slots=True)
class Within:
    """The item's division is the one named or lies in it, told by the code's significant digits."""

    item: str
    division: str

    def __post_init__(self) -> None:
        if not _CODE.match(self.division):
            raise ConfigurationError(f"{self.division!r} is no division code of 6, 9 or 12 digits.")

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether the record lies in the division."""
        value = record.get(self.item)
        return isinstance(value, str) and value.startswith(significant(self.division))

    def fault(self, item: Item) -> str | None:
        """Return why it cannot be asked of that item; None where it can."""
        return None if item.identifier == "division_code" else "holds no division code"

    def as_dict(self) -> Mapping[str, Any]:
        """Describe it as agreements are written."""
        return {"item": self.item, "within": self.division}


@dataclass(frozen=True, slots=True)
class OneOf:
    """The item has one of the values named."""

    item: str
    values: tuple[str | int, ...]

    def __post_init__(self) -> None:
        if not self.values or not all(isinstance(value, str | int) for value in self.values):
            raise ConfigurationError(
                f"A condition on {self.item} must name one or more values, each a text or a number."
            )

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether the record has one of the values."""
        value = record.get(self.item)
        return value is not None and value in self.values

    def fault(self, item: Item) -> str | None:
        """Return why it cannot be asked of that item; None where it can."""
        if item.geometry:
            return "is a geometry"
        kind = item.json_schema()["type"][0]
        if all(type(value) is _VALUES[kind] for value in self.values):
            return None
        return f"is compared with what it never is: its values are {kind}s, and a code is text, in quotes"

    def as_dict(self) -> Mapping[str, Any]:
        """Describe it as agreements are written."""
        return {"item": self.item, "in": list(self.values)}


@dataclass(frozen=True, slots=True)
class Rows:
    """The records agreed: those that meet every condition, and, with ``own_cases``, only for cases of the caller's organisation."""

    conditions: tuple[Condition, ...] = ()
    own_cases: bool = False

    def __post_init__(self) -> None:
        if len(self.conditions) > MOST_CONDITIONS:
            raise ConfigurationError(
                f"An agreement may state {MOST_CONDITIONS} conditions, not {len(self.conditions)}."
            )

    @property
    def items(self) -> tuple[str, ...]:
        """The items looked at to tell whether a record is agreed, each once."""
        return tuple(dict.fromkeys(condition.item for condition in self.conditions))

    def hold(self, record: Mapping[str, Any]) -> bool:
        """Whether a record, with JSON-ready values of ``items``, is one of those agreed."""
        return all(condition.holds(record) for condition in self.conditions)

    def allow_case(self, case_code: str, organisation: str) -> bool:
        """Whether a case of that code may be what the call is for: its first 18 characters say whose it is."""
        return not self.own_cases or case_code[:_ORGANISATION] == organisation

    def check_against(self, resource: Resource) -> None:
        """Raise ``UnknownItem``, or ``ConfigurationError`` where an item cannot be asked so."""
        for condition in self.conditions:
            if (fault := condition.fault(resource.item(condition.item))) is not None:
                raise ConfigurationError(f"Item {condition.item} of {resource.code} {fault}.")

    def as_list(self) -> list[Mapping[str, Any]]:
        """Describe them as agreements are written."""
        return [condition.as_dict() for condition in self.conditions] + [{"cases": "own"}] * self.own_cases


def rows_from(told: Any) -> Rows:
    """Read conditions as agreements are written, or raise ``ConfigurationError``."""
    if not isinstance(told, Sequence) or isinstance(told, str):
        raise ConfigurationError(
            "The rows of an agreement are a list of conditions.", hint=f"Each is {_FORMS}."
        )
    own = [one for one in told if isinstance(one, Mapping) and dict(one) == {"cases": "own"}]
    return Rows(tuple(_condition(one) for one in told if one not in own), bool(own))


def _condition(told: Any) -> Condition:
    match told:
        case {"item": str(item), "within": str(division), **rest} if not rest:
            return Within(item, division)
        case {"item": str(item), "in": [*values], **rest} if not rest:
            return OneOf(item, tuple(values))
    raise ConfigurationError(
        "A condition on rows is of no known form.", hint=f"Write {_FORMS}; a code as text."
    )


@lru_cache(maxsize=4096)
def significant(code: str) -> str:
    """Return a division code without the zeros that stand for a whole level."""
    parts, rest = [], code
    for width in _PARTS:
        parts.append(rest[:width])
        rest = rest[width:]
    while parts and not parts[-1].strip("0"):
        parts.pop()
    return "".join(parts)
