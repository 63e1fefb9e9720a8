"""In which form a system is answered: with records, with yes or no, with how an item stands to a limit agreed beforehand, or whether claims match.

All but the first disclose no value: less than the records is enough for many a decision (minimum scope).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from catalog.asking import Way
from catalog.question import NAMED
from schemas.errors import ConfigurationError
from schemas.resource import ItemType, Resource

_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
_NUMBERS = frozenset({ItemType.INTEGER, ItemType.NUMERIC, ItemType.MONEY, ItemType.DOUBLE, ItemType.FLOAT})
_HINT = (
    "Write {form: records}, {form: yes_no}, {form: verify}, {form: threshold, item: …, at_least: …}, the last with at_most, "
    "or {form: question, questions: [name@version]}."
)


class Form(StrEnum):
    """The forms of an answer."""

    RECORDS = "records"
    YES_NO = "yes_no"
    THRESHOLD = "threshold"
    VERIFY = "verify"
    QUESTION = "question"


_WAYS: Mapping[Form, frozenset[Way]] = {
    Form.RECORDS: frozenset({Way.READ, Way.VERIFY}),
    Form.YES_NO: frozenset({Way.READ}),
    Form.THRESHOLD: frozenset({Way.READ}),
    Form.VERIFY: frozenset({Way.VERIFY}),
    Form.QUESTION: frozenset({Way.DERIVE}),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The form agreed; a threshold names its item and either the least or the most it may be, a number or a day.

    Questions are named with their version, so that another version answers nothing that was not agreed.
    """

    form: Form = Form.RECORDS
    item: str | None = None
    at_least: str | None = None
    at_most: str | None = None
    questions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.form is Form.QUESTION) is not bool(self.questions):
            raise ConfigurationError(
                "Questions are named where, and only where, they are the form.", hint=_HINT
            )
        if not all(NAMED.match(one) for one in self.questions):
            raise ConfigurationError("A question is named with its version, as adult@1.", hint=_HINT)
        limits = [limit for limit in (self.at_least, self.at_most) if limit is not None]
        if self.form is not Form.THRESHOLD:
            if self.item is not None or limits:
                raise ConfigurationError(
                    f"An answer of the form {self.form} has no item and no limit.", hint=_HINT
                )
        elif self.item is None or len(limits) != 1:
            raise ConfigurationError("A threshold needs an item and one limit.", hint=_HINT)
        elif _comparable(limits[0]) is None:
            raise ConfigurationError(
                f"{limits[0]!r} is neither a number nor a day such as 2026-01-31.", hint=_HINT
            )

    @property
    def discloses_values(self) -> bool:
        """Whether records are answered."""
        return self.form is Form.RECORDS

    def allows(self, way: Way) -> bool:
        """Whether records may be asked for that way: whoever may read may verify, and whoever may verify reads nothing."""
        return way in _WAYS[self.form]

    @property
    def items(self) -> tuple[str, ...]:
        """The items looked at where no records are answered."""
        return () if self.item is None else (self.item,)

    def told(self, records: Sequence[Mapping[str, Any]]) -> bool | None:
        """Say yes or no of the records that a key has, JSON-ready and all of them agreed; None where it is not known."""
        if self.form is Form.YES_NO:
            return bool(records)
        known = [
            value for record in records if (value := _comparable(record.get(self.item or ""))) is not None
        ]
        verdicts = [verdict for value in known if (verdict := self._meets(value)) is not None]
        return any(verdicts) if verdicts else None

    def _meets(self, value: "Decimal | date") -> bool | None:
        limit = _comparable(self.at_least if self.at_least is not None else self.at_most)
        if isinstance(value, Decimal) and isinstance(limit, Decimal):
            return value >= limit if self.at_least is not None else value <= limit
        if isinstance(value, date) and isinstance(limit, date):
            return value >= limit if self.at_least is not None else value <= limit
        return None

    def check_against(self, resource: Resource) -> None:
        """Raise ``UnknownItem``, or ``ConfigurationError`` where the item cannot be compared with the limit."""
        if self.item is None:
            return
        kind = resource.item(self.item).type
        limit = _comparable(self.at_least if self.at_least is not None else self.at_most)
        fits = kind in _NUMBERS if isinstance(limit, Decimal) else kind is ItemType.DATE
        if not fits:
            raise ConfigurationError(f"Item {self.item} of {resource.code} cannot be compared with the limit agreed.",
                                     hint="A number goes with N, Y, I, B or F, a day with D.")  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Describe it as agreements are written."""
        told = {
            "form": self.form.value,
            "item": self.item,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "questions": list(self.questions) or None,
        }
        return {name: value for name, value in told.items() if value is not None}


def answer_from(told: Any) -> Answer:
    """Read the form of the answer as agreements are written, or raise ``ConfigurationError``."""
    if not isinstance(told, Mapping) or told.keys() - {"form", "item", "at_least", "at_most", "questions"}:
        raise ConfigurationError("The form of the answer is not written as it should be.", hint=_HINT)
    try:
        form = Form(told.get("form", ""))
    except ValueError:
        raise ConfigurationError("There is no such form of an answer.", hint=_HINT) from None
    texts = {
        name: None if told.get(name) is None else str(told[name]) for name in ("item", "at_least", "at_most")
    }
    questions = told.get("questions") or []
    if not isinstance(questions, list | tuple) or not all(isinstance(one, str) for one in questions):
        raise ConfigurationError("The questions of an agreement are a list of texts.", hint=_HINT)
    return Answer(form, **texts, questions=tuple(questions))


def _comparable(value: Any) -> "Decimal | date | None":
    """Read a number or a day, of a record or a limit; None where it is neither."""
    text = "" if value is None or isinstance(value, bool) else str(value)
    try:
        if _DATE.match(text):
            return date.fromisoformat(text)
        number = Decimal(text)
    except (ValueError, InvalidOperation):
        return None
    return number if number.is_finite() else None
