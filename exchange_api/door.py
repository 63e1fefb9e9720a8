"""The guarded door: the only way a record leaves the hub, and no way past the ledger.

authenticate → find the agreement → coalesced read → unseal → project and mask → append, durable → answer. Part of the
security boundary: values in the clear pass through ``Door``, which logs none of them.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from audit.answers import Leaf
from audit.appender import Appender
from audit.entry import Entry, Kind
from audit.receipts import Receipts
from catalog.agreement import Agreement, agreement_allowing
from catalog.asking import Way
from catalog.claims import Tried, Try
from catalog.directory import Directory
from catalog.hours import seconds_of_day_left
from catalog.objection import Doubt
from catalog.spending import Draw
from catalog.terms import Circumstances
from exchange_api.admission import SYSTEMS, Admission
from exchange_api.agreed import limits
from exchange_api.answers import JSON, Body, Stream
from exchange_api.attempt import Attempt
from exchange_api.calls import Call
from exchange_api.problems import MEDIA_TYPE, problem, status_of
from exchange_api.proofs import Proofs
from exchange_api.reception import Reception
from exchange_api.signature_bodies import held_against_digest
from exchange_api.signatures import is_signed_call
from exchange_api.spender import Spender
from exchange_api.streaming import Flow, StreamedAnswer
from exchange_api.whole import WholeAnswer
from infra.clock import Clock, now
from infra.telemetry import describe
from schemas.errors import (
    AccessDenied,
    AgreementChanged,
    AllowanceSpent,
    CallError,
    HubError,
    LedgerUnavailable,
    MalformedRequest,
    RecordNotFound,
    UnknownCode,
)

_log = logging.getLogger(__name__)
__all__ = ("Attempt", "Door", "Parts", "Reading")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the door works with, for the life of a process."""

    reception: Reception
    directory: Directory
    appender: Appender
    spender: Spender
    receipts: Receipts
    proofs: Proofs
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
            self._parts.proofs.bind_body(attempt)
            told = await reading(attempt)
            if isinstance(told, Stream):
                return await self._streamed(attempt, told)
            body = told if isinstance(told, Body) else Body(JSON, orjson.dumps(told))
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
        if is_signed_call(attempt.headers):
            await self._authenticate_signed(attempt, by)
            return
        holder = self._parts.reception.holder(attempt.headers, by)
        if holder.session is None:
            attempt.system = self._parts.reception.system(holder)
            self._parts.reception.check(attempt.system)
            attempt.take_stated(holder.stated)
        else:
            attempt.signed_in = await self._parts.reception.signed_in(holder)
            by.check(attempt.signed_in)

    async def _authenticate_signed(self, attempt: Attempt, by: Admission) -> None:
        reception = self._parts.reception
        call = reception.signed(attempt.request.scope, attempt.headers, by)
        attempt.system, attempt.signed, attempt.message = call.system, True, call.message
        reception.check(call.system)
        await reception.use_once(call)
        attempt.request = held_against_digest(attempt.request)

    async def _answered(self, attempt: Attempt, body: Body) -> Response:
        if attempt.unchanged:
            attempt.status, body = HTTPStatus.NOT_MODIFIED, Body("", b"")
        leaf = self._parts.proofs.leaf(attempt, attempt.status, body.media_type, body.content)
        entry = attempt.entry(Kind.CALL, "answered")
        await self._record(attempt, entry)
        headers = await self._receipt(attempt, entry, leaf)
        if attempt.etag:
            headers |= {
                "ETag": attempt.etag,
                "Cache-Control": "private, no-cache",
            }  # keep it, and ask whether it holds
        if attempt.unchanged:
            return Response(status_code=attempt.status, headers=headers)
        sent = {**headers, **attempt.sent, "Content-Type": body.media_type}  # which Starlette would add to
        return WholeAnswer(body.content, attempt.status, sent)

    async def _streamed(self, attempt: Attempt, stream: Stream) -> Response:
        """Begin a stream: what stops it before its first portion is on record is answered as of any reading."""
        flow = Flow(attempt, stream, self)
        entry = await flow.begin()
        headers = {**await self._receipt(attempt, entry), **attempt.sent, **stream.headers}
        return StreamedAnswer(flow, attempt.status, {**headers, "Content-Type": stream.media_type})

    async def keep(self, attempt: Attempt, entry: Entry) -> None:
        """Put an entry of a stream on the ledger; ``AllowanceSpent`` where its portion is more than is left."""
        await self._record(attempt, entry)

    def moment(self) -> datetime:
        """Return the moment at which calls are judged."""
        return self._parts.clock()

    def check_still(self, attempt: Attempt) -> None:
        """Raise what refuses a stream to go on: its system suspended, its agreement over, out of its hours or changed."""
        if attempt.system is None or attempt.agreement is None or attempt.call is None:
            return
        system = self._parts.directory.snapshot.systems.get(attempt.system.id, attempt.system)
        self._parts.reception.check(system)
        now_agreed = {one.id: one for one in self.agreements(attempt, attempt.resource or "")}
        agreement = now_agreed.get(attempt.agreement.id)
        if agreement is not None:
            unspent = Circumstances(
                self._parts.spender.circumstances.calendar
            )  # what is spent, each portion is asked
            agreement.check_allows(attempt.call, self._parts.clock(), unspent)
        if agreement != attempt.agreement:
            raise AgreementChanged(
                f"Agreement {attempt.agreement.id} was changed while records were read under it.",
                hint="Ask again.",
                agreement=attempt.agreement.id,
            )

    async def refused(self, attempt: Attempt, error: HubError) -> Response:
        """Put a refusal on the ledger and answer with its problem; for the token endpoint, too."""
        if isinstance(error, LedgerUnavailable):
            return problem(error, attempt.id)
        told = problem(error, attempt.id)
        leaf = self._parts.proofs.leaf(attempt, told.status_code, MEDIA_TYPE, bytes(told.body))
        if isinstance(error, RecordNotFound | UnknownCode):
            entry = attempt.entry(Kind.CALL, "not_found", error.code)
        else:
            outcome = "refused" if isinstance(error, CallError) or status_of(error) < 500 else "failed"
            entry = attempt.entry(Kind.REFUSAL, outcome, error.code)
        if isinstance(error, AllowanceSpent):
            attempt.limits = self._limits_met(attempt, error)
        try:
            await self._record(attempt, entry)
        except LedgerUnavailable as unwritten:
            return problem(unwritten, attempt.id)
        except AllowanceSpent as spent:  # that there is no such record is an answer, too
            return await self.refused(attempt, spent)
        told.headers.update(await self._receipt(attempt, entry, leaf))
        return told

    async def _record(self, attempt: Attempt, entry: Entry) -> None:
        """Return when the entry is durable; what is answered spends what its agreement allows, in the same commit."""
        draw, tried = attempt.draw, attempt.tried
        attempt.draw = attempt.tried = None
        if (draw is None and tried is None) or entry.kind is not Kind.CALL:
            await self._parts.appender.append(entry)
            return
        spent = await self._parts.spender.append(entry, draw, tried)
        if draw is not None and spent is not None:
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

    async def _receipt(self, attempt: Attempt, entry: Entry, leaf: Leaf | None = None) -> dict[str, str]:
        """Return what an answer whose entry is on the ledger says of it, with its proof where one is asked for."""
        proven = {} if leaf is None else await self._parts.proofs.headers(leaf)
        return {
            **proven,
            "Hub-Request-Id": attempt.id,
            "Hub-Entry": attempt.entry_text if entry.id is attempt.entry_id else str(entry.id),
            "Hub-Promise": self._parts.receipts.promise(entry),
            "Cache-Control": "no-store",
            **attempt.limits,
        }

    def agreed(self, attempt: Attempt, resource: str, call: Call, under: str | None = None) -> Agreement:
        """Return the agreement that allows the call at this moment, under which the attempt goes on; raise the refusal.

        With ``under`` no other agreement is asked than that of this number.
        """
        call, at = attempt.asked(call), self._parts.clock()
        attempt.call, attempt.items = call, call.items
        its = [one for one in self.agreements(attempt, resource) if under is None or one.id == under]
        agreement = agreement_allowing(its, call, at, self._parts.spender.circumstances)
        attempt.agreement = agreement
        if call.way is Way.READ:
            shown = agreement.answer.discloses_values
            attempt.items = (call.items or agreement.items) if shown else agreement.answer.items
        attempt.draw = Draw(agreement, call, at) if agreement.is_spent else None
        return agreement

    def tries(self, attempt: Attempt, tries: Sequence[Try], claims: int, failed: int) -> None:
        """Have what a call claims counted with it, and against the limit of the agreement that allows it."""
        system, agreement = attempt.system, attempt.agreement
        if system is None or agreement is None:
            raise AccessDenied("Nobody is known to claim anything.")
        at, calendar = self._parts.clock(), self._parts.spender.circumstances.calendar
        attempt.tried = Tried(
            system.id, agreement.resource, agreement.id, agreement.claims,
            calendar.day(at), seconds_of_day_left(at, calendar), tuple(tries), claims, failed,
        )  # fmt: skip

    def day(self, moment: datetime) -> date:
        """Return the local day of a moment."""
        return self._parts.spender.circumstances.calendar.day(moment)

    def today(self) -> date:
        """Return the local day that it is."""
        return self.day(self._parts.clock())

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
