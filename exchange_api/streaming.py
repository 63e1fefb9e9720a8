"""Streams on their way out: portion after portion, each on the ledger, durable, before a byte of it is sent.

What is answered cannot be taken back, nor its status changed. So a stream that stops before its end leaves its body unfinished
(RFC 9112, 8), which every client sees; and its last ledger entry says how much went out, how much the reader's side took, and why
it ended. It is written before the body is finished: a body that is finished is whole, and on record as such.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from audit.entry import Entry, Kind
from exchange_api.answers import Portion, Stream
from exchange_api.attempt import Attempt
from exchange_api.outflow import Outflow
from infra.telemetry import describe
from schemas.errors import HubError, LedgerUnavailable

MOST_AHEAD = 4 * 1024 * 1024  # bytes that may be on their way to a reader
STALLED_SECONDS = 60.0  # in which a reader takes nothing: then it is not waited for any longer
_SOON, _LATER = 0.001, 0.1  # seconds between two looks at the reader
_WHOLE, _LEFT, _STALLED, _STOPPED = "whole", "left", "stalled", "stopped"
_log = logging.getLogger(__name__)


class Keeper(Protocol):
    """What a stream needs of the door."""

    async def keep(self, attempt: Attempt, entry: Entry) -> None:
        """Put an entry on the ledger, durable, with what it spends."""
        ...

    def check_still(self, attempt: Attempt) -> None:
        """Raise where the call would be refused now."""
        ...

    def moment(self) -> datetime:
        """Return the moment at which calls are judged."""
        ...


class Flow:
    """The portions of one stream, each taken when it is on record."""

    def __init__(self, attempt: Attempt, stream: Stream, keeper: Keeper) -> None:
        self.attempt = attempt
        self._portions, self._keeper = stream.portions, keeper
        self._first: Portion | None = None
        self._number = self._records = 0

    async def begin(self) -> Entry:
        """Take the first portion and return its entry; raises what the reading raises, or the ledger refuses."""
        try:
            self._first = await anext(self._portions, Portion(b""))
            return await self._recorded(self._first)
        except BaseException:
            await self.close()
            raise

    async def next(self) -> Portion | None:
        """Return the next portion, on record; None at the end."""
        if self._first is not None:
            portion, self._first = self._first, None
            return portion
        self._keeper.check_still(self.attempt)
        taken = await anext(self._portions, None)
        if taken is not None and taken.records:
            await self._recorded(taken)
        return taken

    async def end(self, how: str, error: HubError | None, sent: int, taken: int | None) -> bool:
        """Put the end on the ledger; False where it cannot be."""
        told: dict[str, Any] = {"portions": self._number, "records": self._records, "bytes": sent, "end": how}
        one = self.attempt.of_end(told if taken is None else {**told, "taken": taken})
        try:
            await self._keeper.keep(one, one.entry(Kind.CALL, how, error.code if error else None))
        except LedgerUnavailable as unwritten:
            _log.error(
                "The end of a stream is not on the ledger, request %s: %s", one.id, describe(unwritten)
            )
            return False
        return True

    async def close(self) -> None:
        """Let the reading give back what it holds."""
        await self._portions.aclose()

    async def _recorded(self, portion: Portion) -> Entry:
        one = self.attempt.of_portion(portion, self._number, self._keeper.moment())
        entry = one.entry(Kind.CALL, "answered")
        await self._keeper.keep(one, entry)
        if not self._number:
            self.attempt.limits = one.limits
        self._number += 1
        self._records += portion.records
        return entry


class StreamedAnswer(Response):
    """Sends a flow that has begun, no faster than its reader takes it."""

    def __init__(self, flow: Flow, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(None, status, headers)
        if "content-length" in self.headers:
            del self.headers["content-length"]
        self._flow = flow
        self._sent = 0
        self._outflow: Outflow | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; the body is finished only where it is whole, and on record as that."""
        self._outflow = Outflow.of(scope)
        how: str = _STOPPED
        error: HubError | None = None
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            how = await self._all_sent(send)
        except HubError as stopping:
            error = stopping
        except Exception as unknown:  # noqa: BLE001 - whatever it is, it goes on the ledger
            _log.error("A stream stopped, request %s: %s", self._flow.attempt.id, describe(unknown))
            error = HubError("The stream stopped inside the hub.")
        finally:  # also where the server stops meanwhile
            written = await asyncio.shield(self._ended(how, error))
        if how == _WHOLE and written:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _ended(self, how: str, error: HubError | None) -> bool:
        taken = self._taken()
        if self._outflow is not None:
            self._outflow.close()
        await self._flow.close()
        return await self._flow.end(how, error, self._sent, taken)

    async def _all_sent(self, send: Send) -> str:
        while (portion := await self._flow.next()) is not None:
            if portion.content:
                await send({"type": "http.response.body", "body": portion.content, "more_body": True})
                self._sent += len(portion.content)
            if (how := await self._room(MOST_AHEAD)) is not None:
                return how
        return await self._room(0) or _WHOLE

    async def _room(self, ahead: int) -> str | None:
        """Return when no more than so many bytes are on their way to the reader; how it ended where it takes no more."""
        watched, pause, waited, before = self._outflow, _SOON, 0.0, self._taken()
        while watched is not None and self._sent - (taken := self._taken() or 0) > ahead:
            if watched.left:
                return _LEFT
            waited, before = (waited, before) if taken == before else (0.0, taken)
            if waited > STALLED_SECONDS:
                return _STALLED
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.5, _LATER)
        return _LEFT if watched is not None and watched.left else None

    def _taken(self) -> int | None:
        """Return how many bytes of the body the reader's side has taken; None where nobody counts."""
        if self._outflow is None:
            return None
        try:
            return min(self._outflow.taken(), self._sent)
        except OSError:
            return 0
