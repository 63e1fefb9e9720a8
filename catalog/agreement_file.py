"""Agreements as they are written down: a mapping of JSON values, in a file, an answer or a column of the database."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import yaml

from catalog.agreement import MOST_KEYS, Agreement
from catalog.allowance import rate_from
from catalog.answer_form import answer_from
from catalog.authentication import authentication_from
from catalog.claims import claims_from
from catalog.conditions import rows_from
from catalog.hours import window_from
from schemas.errors import ConfigurationError, DefinitionError

_REQUIRED = ("id", "system", "resource", "items", "purposes", "legal_bases", "valid_from", "valid_to")


def terms_from(told: Mapping[str, Any]) -> dict[str, Any]:
    """Read what ``Agreement.terms`` tells, as arguments of an ``Agreement``; ``ConfigurationError`` where it is wrong. None is none."""
    if unknown := sorted(str(name) for name in told.keys() - _TERMS.keys()):
        raise ConfigurationError(
            f"There is no term {', '.join(unknown)}.", hint=f"Terms are: {', '.join(_TERMS)}."
        )
    return {name: _TERMS[name](value) for name, value in told.items() if value is not None}


def agreement_as_dict(agreement: Agreement) -> dict[str, Any]:
    """Describe an agreement as JSON does; ``agreement_from`` reads it again."""
    return {
        "id": agreement.id,
        "system": agreement.system,
        "resource": agreement.resource,
        "items": list(agreement.items),
        "masked": sorted(agreement.masked),
        "purposes": sorted(agreement.purposes),
        "legal_bases": sorted(agreement.legal_bases),
        "valid_from": agreement.valid_from.isoformat(),
        "valid_to": agreement.valid_to.isoformat(),
        "max_keys": agreement.max_keys,
        **agreement.terms,
    }


def agreement_from(told: Any) -> Agreement:
    """Read an agreement from a mapping, or raise ``ConfigurationError`` that names what is missing or unknown."""
    if not isinstance(told, Mapping):
        raise ConfigurationError(
            "An agreement is a mapping of names to values.", hint="See docs/agreements.md."
        )
    if missing := [name for name in _REQUIRED if name not in told]:
        raise ConfigurationError(
            f"The agreement states no {', '.join(missing)}.", hint="See docs/agreements.md."
        )
    known = {*_REQUIRED, "masked", "max_keys", *_TERMS}
    if unknown := sorted(str(name) for name in told.keys() - known):
        raise ConfigurationError(f"The agreement states {', '.join(unknown)}, which no agreement has.",
                                 hint=f"Known are: {', '.join(sorted(known))}.")  # fmt: skip
    return Agreement(
        id=_text(told, "id"), system=_text(told, "system"), resource=_text(told, "resource"),
        items=_texts(told, "items"), masked=frozenset(_texts(told, "masked")),
        purposes=frozenset(_texts(told, "purposes")), legal_bases=frozenset(_texts(told, "legal_bases")),
        valid_from=_moment(told, "valid_from"), valid_to=_moment(told, "valid_to"),
        max_keys=_number(told.get("max_keys", MOST_KEYS)),
        **terms_from({name: told[name] for name in _TERMS if told.get(name) is not None}),
    )  # fmt: skip


def read_agreement(text: str, origin: str) -> Agreement:
    """Read an agreement from YAML or JSON; ``DefinitionError`` names the file."""
    try:
        return agreement_from(yaml.safe_load(text))
    except yaml.YAMLError:
        raise DefinitionError(f"{origin} is not YAML.") from None
    except ConfigurationError as error:
        raise DefinitionError(f"{origin}: {error.detail}", hint=error.hint) from None


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told[name]
    if not isinstance(value, str) or not value.isprintable():
        raise ConfigurationError(f"Field {name} of an agreement must be a text.")
    return value


def _texts(told: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = told.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ConfigurationError(f"Field {name} of an agreement must be a list of texts.")
    return tuple(values)


def _moment(told: Mapping[str, Any], name: str) -> datetime:
    value = told[name]
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, datetime):  # a day alone does not say when it begins
        shown = " with its time" if isinstance(value, date) else ""
        raise ConfigurationError(
            f"Field {name} of an agreement must be a moment{shown}.", hint="As 2026-01-31T00:00:00+08:00."
        )
    return found.astimezone(UTC) if found.tzinfo else found


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigurationError("Numbers of an agreement (max_keys, quota_per_day) must be whole.")
    return value


def _flag(told: Any) -> bool:
    if not isinstance(told, bool):
        raise ConfigurationError("Field bulk of an agreement must be true or false.")
    return told


def _hours(told: Any) -> Any:
    if not isinstance(told, list):
        raise ConfigurationError("The hours of an agreement are a list.", hint="As ['working 08:30-17:30'].")
    return tuple(map(window_from, told))


_TERMS: Mapping[str, Callable[[Any], Any]] = {
    "rows": rows_from,
    "hours": _hours,
    "quota_per_day": _number,
    "rate": rate_from,
    "answer": answer_from,
    "claims": claims_from,
    "authentication": authentication_from,
    "bulk": _flag,
}
TERM_NAMES = frozenset(_TERMS)
"""What an agreement may have beyond items, purposes and validity."""
