"""The agreement: which system may read which items of which resource, for what, and until when.

Decree 809 of the State Council, articles 20 and 25: an application states legal basis, scenario, scope and time
limit, and nothing beyond them may be read.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from schemas.errors import AccessDenied, ConfigurationError, ItemNotAgreed, PurposeNotAgreed, TooManyKeys

MOST_KEYS = 1000


class AgreementStatus(StrEnum):
    """Where an agreement stands; only one in force allows anything."""

    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    ENDED = "ended"


class Asking(Protocol):
    """What an agreement needs to know of a call to decide on it."""

    @property
    def items(self) -> Collection[str]:
        """The items asked for by name; none means all the agreement covers."""
        ...

    @property
    def by(self) -> str | None:
        """The lookup item records are asked for by; ``None`` means the resource's key."""
        ...

    @property
    def purpose(self) -> str:
        """What the data is for."""
        ...

    @property
    def legal_basis(self) -> str:
        """The law that the caller acts under."""
        ...

    @property
    def number_of_keys(self) -> int:
        """How many records are asked for."""
        ...


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
    _covered: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_covered", frozenset(self.items))
        for name in ("id", "system", "resource", "items", "purposes", "legal_bases"):
            if not getattr(self, name):
                raise self._wrong(f"states no {name.replace('_', ' ')}")
        if len(self._covered) != len(self.items):
            raise self._wrong("names an item twice")
        if not self.masked <= self._covered:
            raise self._wrong("masks an item it does not cover")
        if self.valid_from.tzinfo is None or self.valid_to.tzinfo is None:
            raise self._wrong("has a time limit without a time zone")
        if self.valid_from >= self.valid_to:
            raise self._wrong("ends before it begins")
        if not 1 <= self.max_keys <= MOST_KEYS:
            raise self._wrong(f"must allow 1 to {MOST_KEYS} keys a call")

    def check_allows(self, call: Asking, at: datetime) -> None:
        """Raise ``AccessDenied``, ``PurposeNotAgreed``, ``ItemNotAgreed`` or ``TooManyKeys`` unless the call may be made."""
        if self.status is not AgreementStatus.IN_FORCE:
            raise AccessDenied(f"Agreement {self.id} is {self.status.replace('_', ' ')}.", agreement=self.id)
        if not self.valid_from <= at < self.valid_to:
            raise AccessDenied(
                f"Agreement {self.id} is not in force at this time.",
                hint="Have it renewed.",
                agreement=self.id,
            )
        if call.purpose not in self.purposes:
            raise PurposeNotAgreed(
                f"Agreement {self.id} does not cover the purpose stated.", hint=_one_of(self.purposes)
            )
        if call.legal_basis not in self.legal_bases:
            raise PurposeNotAgreed(
                f"Agreement {self.id} does not cover the legal basis stated.", hint=_one_of(self.legal_bases)
            )
        if not self._covered.issuperset(call.items) or (call.by and call.by not in self._covered):
            raise self._not_covered(call)
        if call.number_of_keys > self.max_keys:
            raise TooManyKeys(
                f"Agreement {self.id} allows {self.max_keys} keys a call, not {call.number_of_keys}."
            )

    def allows(self, call: Asking, at: datetime) -> bool:
        """Whether the call may be made; the same rule as ``check_allows``."""
        try:
            self.check_allows(call, at)
        except (AccessDenied, TooManyKeys):
            return False
        return True

    def _not_covered(self, call: Asking) -> ItemNotAgreed:
        asked = {*call.items, call.by} - {None}
        beyond = ", ".join(sorted(item for item in asked if item and item not in self._covered))
        return ItemNotAgreed(
            f"Agreement {self.id} does not cover: {beyond}.", hint=f"It covers: {', '.join(self.items)}."
        )

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"Agreement {self.id or '(without id)'} {what}.")


def _one_of(allowed: Collection[str]) -> str:
    return f"It covers: {', '.join(sorted(allowed))}."


def agreement_allowing(agreements: Sequence[Agreement], call: Asking, at: datetime) -> Agreement:
    """Return the first agreement that allows the call; else raise the refusal that came nearest to allowing it."""
    refusals: list[AccessDenied | TooManyKeys] = []
    for agreement in agreements:
        try:
            agreement.check_allows(call, at)
        except (AccessDenied, TooManyKeys) as refusal:
            refusals.append(refusal)
        else:
            return agreement
    if not refusals:
        raise AccessDenied(
            "Your system has no agreement on this resource.",
            hint="Apply for one with the catalogue authority.",
        )
    raise max(refusals, key=lambda refusal: _NEARNESS.index(type(refusal)))


_NEARNESS = (AccessDenied, PurposeNotAgreed, ItemNotAgreed, TooManyKeys)
