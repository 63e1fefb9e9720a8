"""The guarded door: the only way a record leaves the hub, and no way past the ledger.

authenticate → find the agreement → coalesced read → unseal → project and mask → append, durable → answer. Part of the
security boundary: values in the clear pass through ``Door``, which logs none of them.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response

from audit.appender import Appender
from audit.entry import Entry, Kind, new_entry_id
from audit.receipts import Receipts
from catalog.actor import Actor
from catalog.agreement import Agreement, agreement_allowing
from catalog.directory import Directory
from catalog.objection import Doubt
from catalog.person import Person
from catalog.session import SignedIn
from catalog.spending import Draw
from catalog.system import System
from catalog.terms import Circumstances
from exchange_api.admission import SYSTEMS, Admission
from exchange_api.agreed import limits
from exchange_api.calls import Call, Stated, headers_of
from exchange_api.problems import problem, status_of
from exchange_api.reception import Reception
from exchange_api.spender import Spender
from infra.clock import Clock, now
from infra.telemetry import describe
from schemas.errors import (
    AccessDenied,
    AllowanceSpent,
    CallError,
    HubError,
    LedgerUnavailable,
    MalformedRequest,
    RecordNotFound,
    UnknownCode,
)

_log = logging.getLogger(__name__)
_UUID = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(slots=True)
class Attempt:
    """What is known so far of one request; grows on its way through the door and ends as a ledger entry."""

    request: Request
    action: str
    started: int = field(default_factory=time.perf_counter_ns)
    entry_id: UUID = field(default_factory=new_entry_id)
    headers: dict[bytes, bytes] = field(default_factory=dict)
    id: str = ""
    system: System | None = None
    signed_in: SignedIn | None = None
    resource: str | None = None
    stated: Stated | None = None
    call: Call | None = None
    keys: int = 0
    agreement: Agreement | None = None
    subjects: list[bytes] = field(default_factory=list)
    items: tuple[str, ...] | None = None
    records: int = 0
    etag: str = ""
    unchanged: bool = False
    status: HTTPStatus = HTTPStatus.OK
    sent: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] | None = None
    draw: Draw | None = None
    limits: Mapping[str, str] = field(default_factory=dict)

    def identify(self) -> None:
        """Read the headers and take over the caller's id where it is a UUID, which cannot hold a personal value."""
        self.headers = headers_of(self.request.scope)
        given = self.headers.get(b"hub-request-id")
        self.id = given.decode().lower() if given and _UUID.fullmatch(given) else str(self.entry_id)

    @property
    def organisation(self) -> str:
        """The organisation of the system that asks; none where none does."""
        return self.system.organisation if self.system else ""

    def count_outside(self, records: int) -> None:
        """Put on the ledger how many records were found that are outside the agreed rows; the caller is not told."""
        if records:
            self.facts = {**(self.facts or {}), "outside": records}

    @property
    def person(self) -> Person | None:
        """Who is signed in, where it is a person that asks."""
        return self.signed_in.person if self.signed_in else None

    @property
    def actor(self) -> Actor:
        """Who acts, person or system; ``AccessDenied`` where nobody is known."""
        if self.signed_in is not None:
            return Actor.of_person(self.signed_in.person)
        if self.system is not None:
            return Actor.of_system(self.system)
        raise AccessDenied("Nobody is known to act.")

    def has_fresh(self, etag: str) -> bool:
        """Tell whether the caller holds this version of the answer (RFC 9110, 13.1.2); the answer then has no body."""
        self.etag = etag
        given = self.headers.get(b"if-none-match", b"").decode("latin-1")
        held = {part.strip().removeprefix("W/") for part in given.split(",")}
        self.unchanged = bool(held & {etag, "*"})
        return self.unchanged


@dataclass(frozen=True, slots=True)
class Parts:
    """What the door works with, for the life of a process."""

    reception: Reception
    directory: Directory
    appender: Appender
    spender: Spender
    receipts: Receipts
    clock: Clock = now


Reading = Callable[[Attempt], Awaitable[Any]]


class Door:
    """Passes an authenticated request to ``reading``, and its outcome, whatever it is, to the ledger first."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def passed(
        self, request: Request, action: str, reading: Reading, by: Admission = SYSTEMS
    ) -> Response:
        """Answer a request of those admitted; every outcome has its ledger entry, and without one there is no data."""
        attempt = Attempt(request, action)
        attempt.identify()
        try:
            await self._authenticate(attempt, by)
            if "\0" in request.scope["path"]:  # no id has one, and no database takes it
                raise MalformedRequest("The path holds a zero character.")
            body = orjson.dumps(await reading(attempt))
            return await self._answered(attempt, body)
        except HubError as error:
            if status_of(error) is HTTPStatus.INTERNAL_SERVER_ERROR:  # the answer sends its reader to the log
                _log.error("A %s call failed, request %s: %s", action, attempt.id, describe(error))
            return await self.refused(attempt, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes on the ledger and not to the caller
            _log.error("A %s call failed, request %s: %s", action, attempt.id, describe(error))
            return await self.refused(attempt, HubError("The call failed inside the hub."))

    async def _authenticate(self, attempt: Attempt, by: Admission) -> None:
        if not by.asks_who:
            return
        holder = self._parts.reception.holder(attempt.headers, by)
        if holder.session is None:
            attempt.system = self._parts.reception.system(holder)
            self._parts.reception.check(attempt.system)
        else:
            attempt.signed_in = await self._parts.reception.signed_in(holder)
            by.check(attempt.signed_in)

    async def _answered(self, attempt: Attempt, body: bytes) -> Response:
        entry = _entry(attempt, Kind.CALL, "answered", None)
        await self._record(attempt, entry)
        headers = self._receipt(attempt, entry)
        if attempt.etag:
            headers |= {
                "ETag": attempt.etag,
                "Cache-Control": "private, no-cache",
            }  # keep it, and ask whether it holds
        if attempt.unchanged:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(body, attempt.status, {**headers, **attempt.sent}, media_type="application/json")

    async def refused(self, attempt: Attempt, error: HubError) -> Response:
        """Put a refusal on the ledger and answer with its problem; for the token endpoint, too."""
        if isinstance(error, LedgerUnavailable):
            return problem(error, attempt.id)
        if isinstance(error, RecordNotFound | UnknownCode):
            entry = _entry(attempt, Kind.CALL, "not_found", error.code)
        else:
            outcome = "refused" if isinstance(error, CallError) or status_of(error) < 500 else "failed"
            entry = _entry(attempt, Kind.REFUSAL, outcome, error.code)
        if isinstance(error, AllowanceSpent):
            attempt.limits = self._limits_met(attempt, error)
        try:
            await self._record(attempt, entry)
        except LedgerUnavailable as unwritten:
            return problem(unwritten, attempt.id)
        except AllowanceSpent as spent:  # that there is no such record is an answer, too
            return await self.refused(attempt, spent)
        return problem(error, attempt.id, self._receipt(attempt, entry))

    async def _record(self, attempt: Attempt, entry: Entry) -> None:
        """Return when the entry is durable; what is answered spends what its agreement allows, in the same commit."""
        draw, attempt.draw = attempt.draw, None
        if draw is None or entry.kind is not Kind.CALL:
            await self._parts.appender.append(entry)
        else:
            spent = await self._parts.spender.append(entry, draw)
            attempt.limits = limits(
                draw.agreement, draw.at, spent, self._parts.spender.circumstances.calendar
            )

    def _limits_met(self, attempt: Attempt, refusal: AllowanceSpent) -> Mapping[str, str]:
        """Return the headers that say what is left of the agreement that refuses a call."""
        at, around = self._parts.clock(), self._parts.spender.circumstances
        for agreement in self.agreements(attempt, attempt.resource or ""):
            if agreement.id == refusal.context.get("agreement") and agreement.id in around.spent:
                return limits(agreement, at, around.spent[agreement.id], around.calendar)
        return {}

    def _receipt(self, attempt: Attempt, entry: Entry) -> dict[str, str]:
        return {
            "Hub-Request-Id": attempt.id,
            "Hub-Entry": str(entry.id),
            "Hub-Promise": self._parts.receipts.promise(entry),
            "Cache-Control": "no-store",
            **attempt.limits,
        }

    def agreed(self, attempt: Attempt, resource: str, call: Call) -> Agreement:
        """Return the agreement that allows the call at this moment, under which the attempt goes on; raise the refusal."""
        attempt.items, at = call.items, self._parts.clock()
        agreement = agreement_allowing(
            self.agreements(attempt, resource), call, at, self._parts.spender.circumstances
        )
        attempt.agreement = agreement
        attempt.items = (
            (call.items or agreement.items) if agreement.answer.discloses_values else agreement.answer.items
        )
        attempt.draw = Draw(agreement, call, at) if agreement.is_spent else None
        return agreement

    async def circumstances(self, agreements: Sequence[Agreement]) -> tuple[datetime, Circumstances]:
        """Return the moment and what a call would meet at it, with what is spent of these agreements in truth."""
        at, spender = self._parts.clock(), self._parts.spender
        counted = any(agreement.is_spent for agreement in agreements)
        return at, await spender.as_spent(agreements, at) if counted else spender.circumstances

    def agreements(self, attempt: Attempt, resource: str) -> list[Agreement]:
        """Return the agreements of the caller on a resource, in force or not."""
        if attempt.system is None:
            return []
        return list(self._parts.directory.snapshot.agreements.get((attempt.system.id, resource), ()))

    def doubts(self, resource: str) -> Mapping[bytes, Sequence[Doubt]] | None:
        """Return what is in doubt of a resource's records by subject; None, as nearly always, where nothing is."""
        return self._parts.directory.snapshot.doubts.get(resource)


def _entry(attempt: Attempt, kind: Kind, outcome: str, problem_code: str | None) -> Entry:
    stated, agreement, who = attempt.stated, attempt.agreement, attempt.system or attempt.person
    return Entry(
        id=attempt.entry_id,
        kind=kind,
        action=attempt.action,
        outcome=outcome,
        problem=problem_code,
        actor=who.id if who else None,
        organisation=who.organisation if who else None,
        agreement=agreement.id if agreement else None,
        resource=attempt.resource,
        keys=len(attempt.subjects) or attempt.keys,
        subjects=b"".join(attempt.subjects) or None,
        items=attempt.items,
        purpose=stated.purpose if stated else None,
        legal_basis=stated.legal_basis if stated else None,
        case_code=stated.case_code if stated else None,
        records=attempt.records if kind is Kind.CALL else 0,
        duration=(time.perf_counter_ns() - attempt.started) // 1000,
        request=attempt.id,
        facts=attempt.facts,
    )
