"""The terms (条款) of an agreement: what each asks of a call, in the order in which they are asked.

One table decides calls, explains them and is documented (``docs/agreements.md``). To refuse is to raise what the caller gets.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from schemas.errors import AccessDenied, ItemNotAgreed, PurposeNotAgreed, TooManyKeys

if TYPE_CHECKING:
    from catalog.agreement import Agreement


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


Refusal = AccessDenied | TooManyKeys
Check = Callable[["Agreement", Asking, datetime], Refusal | None]


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its name, the article of Decree 809 it carries out, what it asks, and the check itself."""

    name: str
    article: str
    asks: str
    refusal: Check


@dataclass(frozen=True, slots=True)
class Judged:
    """What a term says of a call: allowed where there is no refusal."""

    term: Term
    refusal: Refusal | None


def _status(agreement: "Agreement", call: Asking, at: datetime) -> Refusal | None:
    if agreement.is_in_force:
        return None
    return AccessDenied(
        f"Agreement {agreement.id} is {agreement.status.replace('_', ' ')}.",
        agreement=agreement.id,
        term="status",
    )


def _validity(agreement: "Agreement", call: Asking, at: datetime) -> Refusal | None:
    if agreement.valid_from <= at < agreement.valid_to:
        return None
    return AccessDenied(
        f"Agreement {agreement.id} is not in force at this time.", hint="Have it renewed.",
        agreement=agreement.id, term="validity",
    )  # fmt: skip


def _purpose(agreement: "Agreement", call: Asking, at: datetime) -> Refusal | None:
    if call.purpose in agreement.purposes:
        return None
    return PurposeNotAgreed(
        f"Agreement {agreement.id} does not cover the purpose stated.", hint=_one_of(agreement.purposes),
        agreement=agreement.id, term="purpose",
    )  # fmt: skip


def _legal_basis(agreement: "Agreement", call: Asking, at: datetime) -> Refusal | None:
    if call.legal_basis in agreement.legal_bases:
        return None
    return PurposeNotAgreed(
        f"Agreement {agreement.id} does not cover the legal basis stated.", hint=_one_of(agreement.legal_bases),
        agreement=agreement.id, term="legal_basis",
    )  # fmt: skip


def _items(agreement: "Agreement", call: Asking, at: datetime) -> Refusal | None:
    if agreement.covered.issuperset(call.items) and (not call.by or call.by in agreement.covered):
        return None
    asked = {*call.items, *([call.by] if call.by else [])}
    beyond = ", ".join(sorted(asked - agreement.covered))
    return ItemNotAgreed(
        f"Agreement {agreement.id} does not cover: {beyond}.", hint=f"It covers: {', '.join(agreement.items)}.",
        agreement=agreement.id, term="items",
    )  # fmt: skip


def _batch_size(agreement: "Agreement", call: Asking, at: datetime) -> Refusal | None:
    if call.number_of_keys <= agreement.max_keys:
        return None
    return TooManyKeys(
        f"Agreement {agreement.id} allows {agreement.max_keys} keys a call, not {call.number_of_keys}.",
        hint="Split the call.", agreement=agreement.id, term="batch_size",
    )  # fmt: skip


def _one_of(allowed: Collection[str]) -> str:
    return f"It covers: {', '.join(sorted(allowed))}."


TERMS = (
    Term("status", "27", "Is the agreement in force, neither suspended nor ended?", _status),
    Term("validity", "20", "Is the call made between its first and its last moment?", _validity),
    Term("purpose", "20, 25", "Is the purpose stated one that was agreed?", _purpose),
    Term("legal_basis", "20", "Is the legal basis stated one that was agreed?", _legal_basis),
    Term("items", "20, 25", "Are all items asked for, and the one asked by, agreed?", _items),
    Term("batch_size", "20", "Does the call ask for no more keys than agreed?", _batch_size),
)
