"""The application (共享申请): who wants which items of which resource, for what, by which law, how and until when.

Decree 809 of the State Council, article 20, says what one states. A draft may lack anything; ``catalog.completeness`` tells
everything that it lacks at once (article 21).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from catalog.agreement import MOST_KEYS
from catalog.agreement_file import TERM_NAMES, terms_from
from schemas.errors import ConfigurationError

LONGEST_TEXT = 4000
LONGEST_STATED = 300
"""Characters of a purpose or legal basis: as long as a call can state one, and the ledger holds it."""


class Mode(StrEnum):
    """How what is shared is delivered (article 22)."""

    INTERFACE = "interface"
    BATCH = "batch"
    FILE = "file"


@dataclass(frozen=True)
class Application:
    """What an application states; an element that is empty or None is not stated.

    ``needed_for`` says of an item why the purpose needs it, ``valid_to`` is the first moment at which nothing is needed any
    more, ``changes`` is the agreement that is to be renewed or amended. ``returns`` is true where an upper level is asked to give
    back the applicant's own local data (article 24). ``scope`` says which records are needed, ``terms`` the same to the hub: rows,
    hours, quota, rate and form of the answer, as agreements have them.
    """

    resource: str
    system: str = ""
    version: int | None = None
    items: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()
    needed_for: Mapping[str, str] = field(default_factory=dict)
    purposes: frozenset[str] = frozenset()
    legal_bases: frozenset[str] = frozenset()
    scenario: str = ""
    scope: str = ""
    condition_met: str = ""
    mode: Mode | None = None
    valid_to: datetime | None = None
    calls_per_day: int | None = None
    keys_per_call: int = MOST_KEYS
    office: str = ""
    terms: Mapping[str, Any] = field(default_factory=dict)
    returns: bool = False
    changes: str | None = None

    def __post_init__(self) -> None:
        if not self.resource:
            raise ConfigurationError("An application names the resource that it is for.")
        if len(set(self.items)) != len(self.items):
            raise ConfigurationError("The application names an item twice.")
        if self.valid_to is not None and self.valid_to.tzinfo is None:
            raise ConfigurationError("The application's time limit is without a time zone.")

    def told(self) -> dict[str, Any]:
        """Describe it as plain values, which ``application_told`` reads again."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}


def application_told(told: Mapping[str, Any], zone: ZoneInfo) -> Application:
    """Read an application from plain values, e.g. of YAML or JSON; ``ConfigurationError`` names what cannot be read.

    A day as ``valid_to`` is the last day on which the data is needed, in the hub's time zone.
    """
    known = {one.name: one for one in fields(Application)}
    if not isinstance(told, Mapping):
        raise ConfigurationError("An application is a table of its elements.", hint=_elements())
    if unknown := [str(name) for name in told if name not in known]:
        raise ConfigurationError(
            f"An application has no element {', '.join(sorted(unknown))}.", hint=_elements()
        )
    values = {name: _read(name, value, zone) for name, value in told.items() if value is not None}
    return Application(**{"resource": "", **values})


def _read(name: str, value: Any, zone: ZoneInfo) -> Any:
    reader = _READERS.get(name, _text)
    try:
        return reader(value, zone)
    except (TypeError, ValueError, OverflowError):  # the last: a day that no calendar has
        raise ConfigurationError(
            f"The application's {name} cannot be read.", hint=f"It is {_FORMS[reader]}."
        ) from None


def _text(value: Any, _zone: ZoneInfo) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\x00" in value:
        raise ValueError
    return value.strip()


def _texts(value: Any, zone: ZoneInfo) -> tuple[str, ...]:
    if not isinstance(value, Collection) or isinstance(value, str | Mapping):
        raise TypeError
    return tuple(text for one in value if (text := _text(one, zone)))


def _text_set(value: Any, zone: ZoneInfo) -> frozenset[str]:
    return frozenset(_texts(value, zone))


def _reasons(value: Any, zone: ZoneInfo) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {_text(item, zone): _text(reason, zone) for item, reason in value.items()}


def _number(value: Any, _zone: ZoneInfo) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _flag(value: Any, _zone: ZoneInfo) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _terms(value: Any, _zone: ZoneInfo) -> dict[str, Any]:
    if not isinstance(value, Mapping) or set(value) - TERM_NAMES:
        raise TypeError
    terms_from(value)
    return dict(value)


def _mode(value: Any, _zone: ZoneInfo) -> Mode:
    return Mode(value)


def end_of(told: str, zone: ZoneInfo) -> datetime:
    """Read a last day, or a moment, as the first moment behind it; ``ConfigurationError`` where it is neither."""
    end: datetime = _read("valid_to", told, zone)
    return end


def _end(value: Any, zone: ZoneInfo) -> datetime:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = _day_ended(value, zone)
    elif len(value) == len("2027-01-01"):
        moment = _day_ended(date.fromisoformat(value), zone)
    else:
        moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC)


def _day_ended(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(date.fromordinal(day.toordinal() + 1), time(), zone)


_READERS: Mapping[str, Any] = {
    "version": _number, "items": _texts, "masked": _text_set, "needed_for": _reasons, "purposes": _text_set,
    "legal_bases": _text_set, "mode": _mode, "valid_to": _end, "calls_per_day": _number, "keys_per_call": _number,
    "returns": _flag, "terms": _terms,
}  # fmt: skip
_FORMS: Mapping[Any, str] = {
    _text: f"text of at most {LONGEST_TEXT} characters",
    _texts: "a list of texts",
    _text_set: "a list of texts",
    _reasons: "a text for each item",
    _number: "a whole number",
    _flag: "true or false",
    _terms: f"a table of {', '.join(sorted(TERM_NAMES))}",
    _mode: f"one of {', '.join(Mode)}",
    _end: "a day or a moment, e.g. 2027-06-30",
}


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mode):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value


def _elements() -> str:
    return f"Its elements are: {', '.join(one.name for one in fields(Application))}."
