"""Objections and recall notices through the API, for systems and for people who are signed in; one rule for both.

Part of the security boundary: an objection's key, claim and proof pass through here, between their sides and their seal.
"""

from collections.abc import Mapping
from typing import Any

from catalog.objection import Claim, kind_named
from exchange_api.calls import Stated, body_of, parameters_of
from exchange_api.door import Attempt
from exchange_api.transactions import Transaction, Transactions
from hub.lineage.backward import LEGAL_BASIS, PURPOSE
from hub.objections import acting
from hub.objections.bureau import Bureau
from hub.objections.raising import Raised, entry_named, raise_objection, subject_of
from hub.objections.recalling import notices_for, told_notice
from schemas.errors import MalformedRequest, UnknownNotice

MOST_LISTED = 1_000  # a page
_FIELDS = ("kind", "resource", "key", "items", "answer", "claim", "proof", "case_code")
_LARGEST_NUMBER = 2**63 - 1


class ObjectionDesk:
    """The readings of ``/v1/objections`` and ``/v1/notices``; each takes an attempt of a system or a person."""

    def __init__(self, bureau: Bureau, transactions: Transactions) -> None:
        self._bureau, self._transactions = bureau, transactions

    async def raise_(self, attempt: Attempt) -> dict[str, Any]:
        """Raise an objection; refused as a reading would be where the caller may not read what it doubts."""
        body = await body_of(attempt.request)
        raised = _raised(body)
        attempt.resource = self._bureau.resource(raised.resource).code
        attempt.stated = Stated(PURPOSE, LEGAL_BASIS, raised.case_code)
        if raised.claim.key is not None:
            attempt.subjects = [subject_of(self._bureau.reader(attempt.resource), raised.claim.key)]
        system = attempt.system.id if attempt.system else None

        def work(now: Transaction) -> dict[str, Any]:
            made, matter = raise_objection(
                self._bureau, now.connection, now.record, now.actor, raised, system=system
            )
            return acting.told_of(made, matter)

        told = await self._transactions.committed(attempt, work)
        attempt.items = raised.items or None
        return told

    async def objections(self, attempt: Attempt) -> dict[str, Any]:
        """List the objections of the caller's organisation by number, a page at a time."""
        told = _parameters(attempt, ("state", "late", "after", "limit"))
        states = [state for state in told.get("state", "").split(",") if state]
        late, limit = _flag(told, "late"), _number(told, "limit", 100, 1, MOST_LISTED)

        def work(now: Transaction) -> list[dict[str, Any]]:
            return acting.listed_for(
                self._bureau, now.connection, now.record, now.actor, states, late=late, after=told.get("after", ""), limit=limit
            )  # fmt: skip

        found = await self._transactions.committed(attempt, work)
        return {"objections": found, "next": found[-1]["objection"] if len(found) == limit else None}

    async def objection(self, attempt: Attempt) -> dict[str, Any]:
        """Tell one of the sides everything about an objection, the key that it names included."""
        id_ = attempt.request.path_params["id"]

        def work(now: Transaction) -> acting.Shown:
            return acting.shown(self._bureau, now.connection, now.record, now.actor, id_)

        found = await self._transactions.committed(attempt, work)
        attempt.resource = found.told["resource"]
        attempt.subjects = [found.subject] if found.subject else []
        return found.told

    async def act(self, attempt: Attempt) -> dict[str, Any]:
        """Do with an objection what the table allows the caller."""
        id_, name = (attempt.request.path_params[part] for part in ("id", "act"))
        said = await body_of(attempt.request) if _has_body(attempt) else {}

        def work(now: Transaction) -> dict[str, Any]:
            after = acting.act(
                self._bureau, now.connection, now.record, now.actor, id_, name.replace("-", "_"), said
            )
            due = after.due_at and after.due_at.isoformat()
            return {"objection": id_, "state": after.state, "duty": after.duty, "due_at": due}

        return await self._transactions.committed(attempt, work)

    async def notices(self, attempt: Attempt) -> dict[str, Any]:
        """List recall notices by number, a page at a time: a system's own, a person's organisation's."""
        told = _parameters(attempt, ("after", "limit", "pending"))
        after, limit = (
            _number(told, "after", 0, 0, _LARGEST_NUMBER),
            _number(told, "limit", 100, 1, MOST_LISTED),
        )
        system, pending = attempt.system.id if attempt.system else None, _flag(told, "pending")

        def work(now: Transaction) -> list[dict[str, Any]]:
            kept = self._bureau.notices(now.connection, now.record)
            return notices_for(kept, now.actor, system, pending=pending, after=after, limit=limit)

        found = await self._transactions.committed(attempt, work)
        return {"notices": found, "next": found[-1]["number"] if len(found) == limit else None}

    async def acknowledge(self, attempt: Attempt) -> dict[str, Any]:
        """Take note of a recall notice, that what the call led to is being put right."""
        text = attempt.request.path_params["number"]
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise UnknownNotice("A recall notice is named by its number.")
        system = attempt.system.id if attempt.system else None

        def work(now: Transaction) -> dict[str, Any]:
            kept = self._bureau.notices(now.connection, now.record)
            return told_notice(kept.acknowledge(int(text), now.actor, system))

        return await self._transactions.committed(attempt, work)


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────


def _has_body(attempt: Attempt) -> bool:
    return attempt.headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in attempt.headers


def _raised(body: Mapping[str, Any]) -> Raised:
    if body.keys() - set(_FIELDS):
        raise MalformedRequest(
            "There is a field that is not known.", hint=f"Known are: {', '.join(_FIELDS)}."
        )
    items = body.get("items", [])
    if not isinstance(items, list) or not all(
        isinstance(name, str) and name.isidentifier() for name in items
    ):
        raise MalformedRequest("Field items must be a list of names of items.")
    answer, claim = (
        _text(body, "answer"),
        Claim(_text(body, "key"), _text(body, "claim") or "", _text(body, "proof") or ""),
    )
    return Raised(
        kind_named(_text(body, "kind") or ""), _text(body, "resource") or "", claim, tuple(dict.fromkeys(items)),
        None if answer is None else entry_named(answer), _text(body, "case_code") or "",
    )  # fmt: skip


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedRequest(f"Field {name} must be a string.")
    return value


def _parameters(attempt: Attempt, known: tuple[str, ...]) -> dict[str, str]:
    told = parameters_of(attempt.request.scope["query_string"])
    if told.keys() - set(known):
        raise MalformedRequest(
            "There is a query parameter that is not known.", hint=f"Known are: {', '.join(known)}."
        )
    if not all(value.isprintable() and len(value) <= 300 for value in told.values()):
        raise MalformedRequest("A query parameter is too long or holds control characters.")
    return told


def _flag(told: Mapping[str, str], name: str) -> bool:
    if told.get(name, "false") not in ("true", "false"):
        raise MalformedRequest(f"Parameter {name} must be true or false.")
    return told.get(name) == "true"


def _number(told: Mapping[str, str], name: str, otherwise: int, low: int, high: int) -> int:
    text = told.get(name, str(otherwise))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
    if not low <= number <= high:
        raise MalformedRequest(f"Parameter {name} must be a number from {low} to {high}.")
    return number
