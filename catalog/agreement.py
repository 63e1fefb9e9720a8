"""The agreement: which system may read which items of which resource, for what, and until when.

Decree 809 of the State Council, articles 20 and 25: an application states legal basis, scenario, scope and time
limit, and nothing beyond them may be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any

from catalog.allowance import MOST_PER_DAY, Rate
from catalog.answer_form import Answer
from catalog.asking import Asking
from catalog.authentication import Authentication
from catalog.claims import USUAL_CLAIMS, ClaimLimit
from catalog.conditions import Rows
from catalog.hours import Window
from catalog.terms import ORDINARY, TERMS, Circumstances, Judged, Refusal, Term
from schemas.errors import AccessDenied, ConfigurationError
from schemas.resource import Resource

MOST_KEYS = 1000
ALL_ROWS, RECORDS = Rows(), Answer()


class AgreementStatus(StrEnum):
    """Where an agreement stands; only one in force allows anything, and one that is agreed waits for its delivery."""

    AGREED = "agreed"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    ENDED = "ended"


@dataclass(frozen=True)
class Agreement:
    """One system's right to read one resource; ``valid_to`` is the first moment it no longer holds.

    ``quota_per_day`` is in records asked for. ``bulk`` lets records be read without naming their keys: by a filter, or all there is. No hours, quota or rate means: at any hour, as many and as fast as comes.
    """

    id: str
    system: str
    resource: str
    items: tuple[str, ...]
    purposes: frozenset[str]
    legal_bases: frozenset[str]
    valid_from: datetime
    valid_to: datetime
    masked: frozenset[str] = frozenset()
    status: AgreementStatus = AgreementStatus.IN_FORCE
    max_keys: int = MOST_KEYS
    rows: Rows = ALL_ROWS
    hours: tuple[Window, ...] = ()
    quota_per_day: int | None = None
    rate: Rate | None = None
    answer: Answer = RECORDS
    claims: ClaimLimit = USUAL_CLAIMS
    authentication: Authentication = Authentication.BEARER
    bulk: bool = False
    covered: frozenset[str] = field(init=False, repr=False, compare=False)
    standing: tuple[Term, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "covered", _covered(self.items))
        for name in ("id", "system", "resource", "items", "purposes", "legal_bases"):
            if not getattr(self, name) and not (name == "items" and self.answer.questions):
                raise self._wrong(f"states no {name.replace('_', ' ')}")
        if len(self.covered) != len(self.items):
            raise self._wrong("names an item twice")
        if not self.masked <= self.covered:
            raise self._wrong("masks an item it does not cover")
        if self.valid_from.tzinfo is None or self.valid_to.tzinfo is None:
            raise self._wrong("has a time limit without a time zone")
        if self.valid_from >= self.valid_to:
            raise self._wrong("ends before it begins")
        if not 1 <= self.max_keys <= MOST_KEYS:
            raise self._wrong(f"must allow 1 to {MOST_KEYS} keys a call")
        if self.quota_per_day is not None and not 1 <= self.quota_per_day <= MOST_PER_DAY:
            raise self._wrong(f"must allow 1 to {MOST_PER_DAY} records a day")
        if not self.covered.issuperset(self.answer.items):
            raise self._wrong("answers by an item it does not cover")
        object.__setattr__(self, "standing", _of_names(tuple(t.name for t in TERMS if t.stands_in(self))))

    @property
    def is_in_force(self) -> bool:
        """Whether it stands; its validity is asked for by the moment."""
        return self.status is AgreementStatus.IN_FORCE

    @property
    def is_spent(self) -> bool:
        """Whether it allows only so much, so that calls have to be counted."""
        return self.quota_per_day is not None or self.rate is not None

    @property
    def asks_signature(self) -> bool:
        """Whether a token is not enough."""
        return self.authentication is Authentication.SIGNED

    @cached_property
    def terms(self) -> dict[str, Any]:
        """What is agreed beyond system, resource, items, purposes and validity, JSON-ready; only what is."""
        told = {
            "rows": self.rows.as_list(),
            "hours": [str(window) for window in self.hours],
            "quota_per_day": self.quota_per_day,
            "rate": self.rate and self.rate.as_dict(),
            "bulk": self.bulk,
            "answer": None if self.answer.discloses_values else self.answer.as_dict(),
            "claims": None if self.claims == USUAL_CLAIMS else self.claims.as_dict(),
            "authentication": self.authentication.value if self.asks_signature else None,
        }
        return {name: agreed for name, agreed in told.items() if agreed}

    def check_against(self, resource: Resource) -> None:
        """Raise ``UnknownItem``, or ``ConfigurationError`` where a term does not fit the item it is about."""
        for item in self.items:
            resource.item(item)
        self.rows.check_against(resource)
        self.answer.check_against(resource)

    def refusal(self, call: Asking, at: datetime, around: Circumstances = ORDINARY) -> Refusal | None:
        """Return what the first term that refuses the call says; None where all allow it."""
        for term in self.standing:
            if (refused := term.refusal(self, call, at, around)) is not None:
                return refused
        return None

    def check_allows(self, call: Asking, at: datetime, around: Circumstances = ORDINARY) -> None:
        """Raise an ``AccessDenied``, ``TooManyKeys`` or ``AllowanceSpent`` unless the call may be made."""
        if (refused := self.refusal(call, at, around)) is not None:
            raise refused

    def allows(self, call: Asking, at: datetime, around: Circumstances = ORDINARY) -> bool:
        """Whether the call may be made; the same rule as ``check_allows``."""
        return self.refusal(call, at, around) is None

    def judged(self, call: Asking, at: datetime, around: Circumstances = ORDINARY) -> tuple[Judged, ...]:
        """Return what every term says of the call, those behind the first refusal too."""
        return tuple(Judged(term, term.refusal(self, call, at, around)) for term in TERMS)

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"Agreement {self.id or '(without id)'} {what}.")


@lru_cache(maxsize=1024)  # agreements alike share them
def _of_names(names: tuple[str, ...]) -> tuple[Term, ...]:
    return tuple(term for term in TERMS if term.name in names)


@lru_cache(maxsize=4096)
def _covered(items: tuple[str, ...]) -> frozenset[str]:
    return frozenset(items)


def agreement_allowing(
    agreements: Sequence[Agreement], call: Asking, at: datetime, around: Circumstances = ORDINARY
) -> Agreement:
    """Return the first agreement that allows the call; else raise the refusal that came nearest to allowing it."""
    refusals: list[Refusal] = []
    for agreement in agreements:
        if (refused := agreement.refusal(call, at, around)) is None:
            return agreement
        refusals.append(refused)
    if not refusals:
        raise AccessDenied(
            "Your system has no agreement on this resource.",
            hint="Apply for one with the catalogue authority.",
        )
    raise max(refusals, key=lambda refusal: _PLACES[str(refusal.context["term"])])


_PLACES = {term.name: place for place, term in enumerate(TERMS)}
