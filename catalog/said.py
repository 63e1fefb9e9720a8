"""What people say with an act on an application or an agreement: which fields there are, and of which form each is."""

from collections.abc import Callable, Mapping
from typing import Any

from catalog.actor import HUB, Actor
from catalog.application import LONGEST_TEXT
from schemas.errors import ConfigurationError


def check_said(actor: Actor, said: Mapping[str, Any]) -> None:
    """Raise ``ConfigurationError`` for a field that is not known or not of its form; what the hub itself says is its own."""
    if actor is HUB:
        return
    if said.keys() - _FORMS.keys():
        raise ConfigurationError(
            "With an act is said what nobody asks for.", hint=f"Known are: {', '.join(_FORMS)}."
        )
    for name, value in said.items():
        fits, wanted = _FORMS[name]
        if not fits(value):
            raise ConfigurationError(f"What is said as {name} must be {wanted}.", hint="Nothing was done.")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and "\0" not in value


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_text(name) and _is_text(why) for name, why in value.items())


def _is_number(value: Any) -> bool:
    return type(value) is int


def _is_read_elsewhere(_value: Any) -> bool:
    return True


_TEXT = (_is_text, f"text of at most {LONGEST_TEXT} characters")
_TABLE = (_is_table, f"a table of names and reasons, each text of at most {LONGEST_TEXT} characters")
_FORMS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "reason": _TEXT,
    "opinion": _TEXT,
    "note": _TEXT,
    "measures": _TEXT,
    "how": _TEXT,
    "missing": _TABLE,
    "without": _TABLE,
    "within": (_is_number, "a whole number of working days"),
    "elements": (_is_read_elsewhere, "the elements of an application"),
}
