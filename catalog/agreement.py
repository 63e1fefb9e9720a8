"""The agreement: which system may read which items of which resource, for what, and until when.

Decree 809 of the State Council, articles 20 and 25: an application states legal basis, scenario, scope and time
limit, and nothing beyond them may be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from catalog.terms import TERMS, Asking, Judged, Refusal
from schemas.errors import AccessDenied, ConfigurationError

MOST_KEYS = 1000


class AgreementStatus(StrEnum):
    """Where an agreement stands; only one in force allows anything."""

    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    ENDED = "ended"


@dataclass(frozen=True)
class Agreement:
    """One system's right to read one resource; ``valid_to`` is the first moment it no longer holds."""

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
    covered: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "covered", frozenset(self.items))
        for name in ("id", "system", "resource", "items", "purposes", "legal_bases"):
            if not getattr(self, name):
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

    @property
    def is_in_force(self) -> bool:
        """Whether it stands; its validity is asked for by the moment."""
        return self.status is AgreementStatus.IN_FORCE

    def refusal(self, call: Asking, at: datetime) -> Refusal | None:
        """Return what the first term that refuses the call says; None where all allow it."""
        for term in TERMS:
            if (refused := term.refusal(self, call, at)) is not None:
                return refused
        return None

    def check_allows(self, call: Asking, at: datetime) -> None:
        """Raise ``AccessDenied``, ``PurposeNotAgreed``, ``ItemNotAgreed`` or ``TooManyKeys`` unless the call may be made."""
        if (refused := self.refusal(call, at)) is not None:
            raise refused

    def allows(self, call: Asking, at: datetime) -> bool:
        """Whether the call may be made; the same rule as ``check_allows``."""
        return self.refusal(call, at) is None

    def judged(self, call: Asking, at: datetime) -> tuple[Judged, ...]:
        """Return what every term says of the call, those behind the first refusal too."""
        return tuple(Judged(term, term.refusal(self, call, at)) for term in TERMS)

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"Agreement {self.id or '(without id)'} {what}.")


def agreement_allowing(agreements: Sequence[Agreement], call: Asking, at: datetime) -> Agreement:
    """Return the first agreement that allows the call; else raise the refusal that came nearest to allowing it."""
    refusals: list[Refusal] = []
    for agreement in agreements:
        if (refused := agreement.refusal(call, at)) is None:
            return agreement
        refusals.append(refused)
    if not refusals:
        raise AccessDenied(
            "Your system has no agreement on this resource.",
            hint="Apply for one with the catalogue authority.",
        )
    raise max(refusals, key=lambda refusal: _PLACES[str(refusal.context["term"])])


_PLACES = {term.name: place for place, term in enumerate(TERMS)}
