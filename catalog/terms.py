"""The terms (条款) of an agreement: what each asks of a call, in the order in which they are asked.

One table decides calls, explains them and is documented (``docs/agreements.md``). To refuse is to raise what the caller gets.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from catalog.allowance import NOTHING_SPENT, Spent
from catalog.asking import Asking, Way
from catalog.hours import seconds_of_day_left
from schemas.errors import (
    AccessDenied,
    AllowanceSpent,
    BulkNotAgreed,
    CaseNotOwn,
    FormNotAgreed,
    ItemNotAgreed,
    OutOfHours,
    PurposeNotAgreed,
    QuestionNotAgreed,
    QuotaSpent,
    SignatureRequired,
    TooFast,
    TooManyKeys,
)
from schemas.update_cycles import CHINA
from schemas.working_days import Calendar, calendar_of

if TYPE_CHECKING:
    from catalog.agreement import Agreement


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on beside agreement, call and moment: which days are worked where, and what is spent, by agreement.

    What is spent may be more than is known here, never less: a call that passes is judged again where it is put on record.
    """

    calendar: Calendar
    spent: Mapping[str, Spent] = field(default_factory=lambda: NOTHING_SPENT)


ORDINARY = Circumstances(calendar_of(None, str(CHINA)).lenient())
"""The official calendar in China's time, and nothing spent."""

Refusal = AccessDenied | TooManyKeys | AllowanceSpent
REFUSALS = (AccessDenied, TooManyKeys, AllowanceSpent)
Check = Callable[["Agreement", Asking, datetime, Circumstances], Refusal | None]
Tell = Callable[["Agreement", datetime, Circumstances], Mapping[str, Any]]


def _nothing(agreement: "Agreement", at: datetime, around: Circumstances) -> Mapping[str, Any]:
    return {}


def _always(agreement: "Agreement") -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its name, the article of Decree 809 it carries out, what it asks, the check itself, and what was agreed.

    A ``spending`` term is asked again, with what is spent in truth, in the transaction that puts the call on record. One that does not
    stand in an agreement refuses nothing there and need not be asked.
    """

    name: str
    article: str
    asks: str
    refusal: Check
    told: Tell = _nothing
    spending: bool = False
    stands_in: Callable[["Agreement"], bool] = _always


@dataclass(frozen=True, slots=True)
class Judged:
    """What a term says of a call: allowed where there is no refusal."""

    term: Term
    refusal: Refusal | None


def _status(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if agreement.is_in_force:
        return None
    return AccessDenied(
        f"Agreement {agreement.id} is {agreement.status.replace('_', ' ')}.",
        agreement=agreement.id,
        term="status",
    )


def _validity(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if agreement.valid_from <= at < agreement.valid_to:
        return None
    return AccessDenied(
        f"Agreement {agreement.id} is not in force at this time.", hint="Have it renewed.",
        agreement=agreement.id, term="validity",
    )  # fmt: skip


def _authentication(
    agreement: "Agreement", call: Asking, at: datetime, around: Circumstances
) -> Refusal | None:
    if call.signed or not agreement.asks_signature:
        return None
    return SignatureRequired(
        f"Agreement {agreement.id} is for calls that are signed, each by itself.",
        hint="Sign the call (docs/signatures.md); a token is not enough.",
        agreement=agreement.id, term="authentication",
    )  # fmt: skip


def _purpose(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if call.purpose in agreement.purposes:
        return None
    return PurposeNotAgreed(
        f"Agreement {agreement.id} does not cover the purpose stated.", hint=_one_of(agreement.purposes),
        agreement=agreement.id, term="purpose",
    )  # fmt: skip


def _legal_basis(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if call.legal_basis in agreement.legal_bases:
        return None
    return PurposeNotAgreed(
        f"Agreement {agreement.id} does not cover the legal basis stated.", hint=_one_of(agreement.legal_bases),
        agreement=agreement.id, term="legal_basis",
    )  # fmt: skip


def _items(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if call.way is Way.DERIVE:  # the question is agreed, not the items that it turns on
        return None
    if (
        agreement.covered.issuperset(call.items)
        and (not call.by or call.by in agreement.covered)
        and (not call.filtered or agreement.covered.issuperset(call.filtered))
    ):
        return _masked(agreement, call) or _chosen_masked(agreement, call)
    asked = {*call.items, *([call.by] if call.by else []), *(call.filtered or ())}
    beyond = ", ".join(sorted(asked - agreement.covered))
    return ItemNotAgreed(
        f"Agreement {agreement.id} does not cover: {beyond}.", hint=f"It covers: {', '.join(agreement.items)}.",
        agreement=agreement.id, term="items",
    )  # fmt: skip


def _masked(agreement: "Agreement", call: Asking) -> Refusal | None:
    """Refuse to verify what is agreed masked: who guesses right would know all of it."""
    if call.way is Way.READ or agreement.masked.isdisjoint(call.items):
        return None
    return ItemNotAgreed(
        f"Agreement {agreement.id} covers masked, and not to be verified: {', '.join(sorted(agreement.masked & {*call.items}))}.",
        agreement=agreement.id, term="items",
    )  # fmt: skip


def _chosen_masked(agreement: "Agreement", call: Asking) -> Refusal | None:
    """Refuse to choose by what is shown masked: which records come would tell what is hidden."""
    if not call.filtered or agreement.masked.isdisjoint(call.filtered):
        return None
    hidden = ", ".join(sorted(agreement.masked.intersection(call.filtered)))
    return ItemNotAgreed(
        f"Agreement {agreement.id} shows masked, so that no record can be chosen by it: {hidden}.",
        agreement=agreement.id, term="items",
    )  # fmt: skip


def _bulk(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if call.filtered is None or (agreement.bulk and agreement.answer.discloses_values):
        return None
    return BulkNotAgreed(
        f"Agreement {agreement.id} is for records asked for by their keys.",
        hint="Name the keys, or apply for reading in bulk.", agreement=agreement.id, term="bulk",
    )  # fmt: skip


def _batch_size(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if call.number_of_keys <= agreement.max_keys:
        return None
    return TooManyKeys(
        f"Agreement {agreement.id} allows {agreement.max_keys} keys a call, not {call.number_of_keys}.",
        hint="Split the call.", agreement=agreement.id, term="batch_size",
    )  # fmt: skip


def _hours(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if not agreement.hours or any(window.covers(at, around.calendar) for window in agreement.hours):
        return None
    return OutOfHours(
        f"Agreement {agreement.id} allows no call at this hour.",
        hint=f"It allows: {'; '.join(map(str, agreement.hours))}, {around.calendar.zone.key} time.",
        agreement=agreement.id, term="hours",
    )  # fmt: skip


def _cases(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if agreement.rows.allow_case(call.case_code, call.organisation):
        return None
    return CaseNotOwn(
        f"Agreement {agreement.id} is for cases of your own organisation only.",
        hint="State the case's code, which begins with your organisation's credit code.",
        agreement=agreement.id, term="cases",
    )  # fmt: skip


def _rows(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    return None  # of each record, once it is read: exchange_api.agreed


def _answer(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    form = agreement.answer
    if not form.allows(call.way):
        return FormNotAgreed(
            f"Agreement {agreement.id} is for answers of the form {form.form}, and a call to {call.way} is none of it.",
            hint="docs/agreements.md says which calls each form allows.", agreement=agreement.id, term="answer",
        )  # fmt: skip
    if call.way is Way.DERIVE and call.question not in form.questions:
        return QuestionNotAgreed(
            f"Agreement {agreement.id} is not for the question that is asked.",
            hint=f"It is for: {', '.join(form.questions)}.", agreement=agreement.id, term="answer",
        )  # fmt: skip
    if form.discloses_values or call.way is not Way.READ or not (call.items or call.provenance):
        return None
    return FormNotAgreed(
        f"Agreement {agreement.id} is for answers of the form {form.form}, which show no item.",
        hint="Name no items and ask for no provenance.", agreement=agreement.id, term="answer",
    )  # fmt: skip


def _claims(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    return None  # of each claim, where the call is put on record: catalog.claims


def _quota(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if agreement.quota_per_day is None:
        return None
    left = agreement.quota_per_day - _used(agreement, at, around)
    if call.number_of_keys <= left:
        return None
    return QuotaSpent(
        f"Agreement {agreement.id} allows {agreement.quota_per_day} records a day; {max(left, 0)} are left today.",
        hint="Ask for what is left, or again tomorrow.",
        agreement=agreement.id, term="quota", retry_after=seconds_of_day_left(at, around.calendar),
    )  # fmt: skip


def _rate(agreement: "Agreement", call: Asking, at: datetime, around: Circumstances) -> Refusal | None:
    if agreement.rate is None:
        return None
    spent = around.spent.get(agreement.id)
    wait = agreement.rate.wait(spent.full_at if spent else None, at)
    if not wait:
        return None
    return TooFast(
        f"Agreement {agreement.id} allows {agreement.rate.per_second:g} calls a second, {agreement.rate.burst} at once.",
        hint="Call again when the time told in Retry-After has passed.",
        agreement=agreement.id, term="rate", retry_after=-(-wait // timedelta(seconds=1)),
    )  # fmt: skip


def _used(agreement: "Agreement", at: datetime, around: Circumstances) -> int:
    spent = around.spent.get(agreement.id)
    return spent.on(around.calendar.day(at)) if spent else 0


def _one_of(allowed: Collection[str]) -> str:
    return f"It covers: {', '.join(sorted(allowed))}."


# ── what was agreed ──────────────────────────────────────────────────────────────────────────────────


def _of(name: str, agreement: "Agreement", at: datetime, around: Circumstances) -> Mapping[str, Any]:
    agreed = agreement.terms.get(name)
    return {} if agreed is None else {"agreed": agreed}


def _quota_told(agreement: "Agreement", at: datetime, around: Circumstances) -> Mapping[str, Any]:
    if agreement.quota_per_day is None:
        return {}
    left = max(agreement.quota_per_day - _used(agreement, at, around), 0)
    return {"agreed": agreement.quota_per_day, "remaining": left}


def _rate_told(agreement: "Agreement", at: datetime, around: Circumstances) -> Mapping[str, Any]:
    if agreement.rate is None:
        return {}
    spent = around.spent.get(agreement.id)
    left = agreement.rate.left(spent.full_at if spent else None, at)
    return {"agreed": agreement.rate.as_dict(), "remaining": left}


TERMS = (
    Term(
        "status",
        "27",
        "Is the agreement in force, neither suspended nor ended?",
        _status,
        stands_in=lambda a: not a.is_in_force,
    ),
    Term("validity", "20", "Is the call made between its first and its last moment?", _validity),
    Term(
        "authentication",
        "25",
        "Has the system signed this very call, where a token is not enough?",
        _authentication,
        partial(_of, "authentication"),
        stands_in=lambda a: a.asks_signature,
    ),
    Term(
        "hours",
        "20",
        "Is the call made at an hour that was agreed, by local time?",
        _hours,
        partial(_of, "hours"),
        stands_in=lambda a: bool(a.hours),
    ),
    Term("purpose", "20, 25", "Is the purpose stated one that was agreed?", _purpose),
    Term("legal_basis", "20", "Is the legal basis stated one that was agreed?", _legal_basis),
    Term(
        "cases",
        "20, 25",
        "Is the case one of the caller's own organisation, where only those were agreed?",
        _cases,
        stands_in=lambda a: a.rows.own_cases,
    ),
    Term("items", "20, 25", "Are all items asked for, and the one asked by, agreed?", _items),
    Term(
        "rows",
        "20, 25",
        "Is the record one of those agreed? Asked of each once it is read; any other is answered as if there were none.",
        _rows,
        partial(_of, "rows"),
        stands_in=lambda a: False,
    ),
    Term(
        "answer",
        "20",
        "Is what the call does with the records of the form agreed, and are items left out where no value is?",
        _answer,
        partial(_of, "answer"),
    ),
    Term(
        "claims",
        "25",
        "Have fewer claims failed today than agreed? Asked of verifying, where it is put on record.",
        _claims,
        partial(_of, "claims"),
        stands_in=lambda a: False,
    ),
    Term(
        "bulk",
        "20, 25",
        "Does the call name keys, where reading by a filter, or all there is, was not agreed?",
        _bulk,
        partial(_of, "bulk"),
    ),
    Term("batch_size", "20", "Does the call ask for no more keys than agreed?", _batch_size),
    Term(
        "quota",
        "20, 25",
        "Are as many records as the call asks for left of today's?",
        _quota,
        _quota_told,
        spending=True,
        stands_in=lambda a: a.quota_per_day is not None,
    ),
    Term(
        "rate",
        "20",
        "Are no more calls made each second than agreed?",
        _rate,
        _rate_told,
        spending=True,
        stands_in=lambda a: a.rate is not None,
    ),
)
SPENDING = tuple(term for term in TERMS if term.spending)
