"""Entries of calls that spend something: appended and counted in one commit, many at once; only what is granted is appended.

What is spent are records and calls that an agreement allows so many of, and claims that may fail so often.
Beside ``audit.appender``, on a connection of its own: calls under agreements that count nothing never wait for these. A call is
counted if, and only if, its entry is on the ledger.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg

from audit.appender import copy_entries, unwritten
from audit.entry import Entry
from catalog.agreement import Agreement
from catalog.allowance import Spent
from catalog.claims import Tally, Tried, forget, holding, tally
from catalog.spending import Draw, Held, hold, spent_of, store
from catalog.terms import Circumstances, Refusal
from infra.clock import Clock, now
from infra.coalescing import Coalescer
from infra.lanes import Lanes
from schemas.errors import DatabaseUnavailable, HubError
from schemas.working_days import Calendar

LANES = 2  # those of one agreement wait for its row; those that only claim seldom for one another
# A process that is frozen in the midst of it must not keep the others from their rows.
_BEGIN = "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '5s'"


@dataclass(frozen=True, slots=True)
class Spending:
    """A call that waits to be recorded and counted: what it draws on an agreement, what it claims, or both."""

    entry: Entry
    draw: Draw | None
    tried: Tried | None = None


Outcome = Refusal | Spent | None
"""Why a call is refused, or what is spent then; None where its agreement counts nothing."""


class Spender:
    """Records and counts calls for one process and event loop; knows what is spent at least, so as to refuse before reading."""

    def __init__(self, lanes: Lanes, calendar: Calendar, clock: Clock = now) -> None:
        self._lanes = lanes
        self._clock = clock
        self._known: dict[str, Spent] = {}
        self._forgotten: date | None = None
        self._coalescer: Coalescer[Spending, Outcome] = Coalescer(
            self._recorded, lanes=LANES, keep_cancelled=True
        )
        self.circumstances = Circumstances(calendar, self._known)

    async def append(self, entry: Entry, draw: Draw | None, tried: Tried | None = None) -> Spent | None:
        """Return what is spent now, the entry being durable; raise the refusal where too little is left."""
        outcome = await self._coalescer.ask(Spending(entry, draw, tried))
        if isinstance(outcome, HubError):
            raise outcome
        return outcome

    async def drain(self) -> None:
        """Wait for everything under way."""
        await self._coalescer.drain()

    async def as_spent(self, agreements: Sequence[Agreement], at: datetime) -> Circumstances:
        """Return the circumstances with what is spent in truth at this moment."""
        async with self._lanes.one() as connection:
            return Circumstances(self.circumstances.calendar, await spent_of(connection, agreements, at))

    async def _recorded(self, asked: list[Spending]) -> Sequence[Outcome]:
        try:
            try:
                return await self._record(asked, broken=False)
            except DatabaseUnavailable:
                return await self._record(asked, broken=True)
        except (asyncpg.PostgresError, DatabaseUnavailable) as error:
            raise unwritten() from error

    async def _record(self, asked: list[Spending], *, broken: bool) -> Sequence[Outcome]:
        """Hold, judge, store and append; ``broken`` says that an attempt before may have been committed, or not."""
        async with self._lanes.one() as connection:
            began = self._clock()  # not later than the time under the locks: what is known is spent at least
            async with _transaction(connection, holding([one.tried for one in asked if one.tried])):
                calls = await self._held(connection, asked)
                recorded = await _recorded_of(connection, asked) if broken else frozenset[UUID]()
                outcomes = [calls.outcome(one, recorded) for one in asked]
                new = [one for one, outcome in zip(asked, outcomes, strict=True)
                       if not isinstance(outcome, HubError) and one.entry.id not in recorded]  # fmt: skip
                if calls.held is not None:
                    await store(connection, calls.held, (one.draw.agreement.id for one in new if one.draw))
                await calls.tally.store(connection)
                await copy_entries(connection, [one.entry for one in new])
        self._known |= calls.seen(began)
        return outcomes

    async def _held(self, connection: asyncpg.Connection, asked: list[Spending]) -> "_Held":
        """Hold what is drawn on; what is claimed on is held already: always in this order, so that nobody waits in a circle."""
        draws, tried = [one.draw for one in asked if one.draw], [one.tried for one in asked if one.tried]
        held = await hold(connection, draws, self.circumstances.calendar) if draws else None
        await self._forget(connection, tried)
        return _Held(held, await tally(connection, tried))

    async def _forget(self, connection: asyncpg.Connection, tried: Sequence[Tried]) -> None:
        """Forget claims of days gone by, some with each transaction, until none are left; the day before may still have calls under way."""
        if tried and (before := max(one.day for one in tried) - timedelta(days=1)) != self._forgotten:
            self._forgotten = None if await forget(connection, before) else before


@dataclass(frozen=True, slots=True)
class _Held:
    """What is held for one transaction."""

    held: Held | None
    tally: Tally

    def outcome(self, asked: Spending, recorded: frozenset[UUID]) -> Outcome:
        """Judge a call, and count it where it passes; one that was recorded before its connection broke is counted already."""
        draw, tried, held = asked.draw, asked.tried, self.held
        if asked.entry.id in recorded:
            return None if draw is None or held is None else held.seen(held.spent[draw.agreement.id], draw.at)
        if tried is not None and (refused := self.tally.refusal(tried)) is not None:
            return refused
        outcome = None if draw is None or held is None else held.draw(draw)
        if tried is not None and not isinstance(outcome, HubError):
            self.tally.take(tried)
        return outcome

    def seen(self, at: datetime) -> dict[str, Spent]:
        """Return what is spent of agreements as a clock has it on which it was ``at`` when they were held."""
        held = self.held
        return {} if held is None else {id_: held.seen(spent, at) for id_, spent in held.spent.items()}


@asynccontextmanager
async def _transaction(connection: asyncpg.Connection, holding: str) -> AsyncIterator[None]:
    """A transaction, its limits and what it holds from the beginning, in one round trip."""
    try:
        await connection.execute(_BEGIN + holding)
        yield
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


async def _recorded_of(connection: asyncpg.Connection, asked: Sequence[Spending]) -> frozenset[UUID]:
    """Which entries are on the ledger already; asked under the locks, behind which a commit under way has ended."""
    query = "SELECT id FROM ledger.entry WHERE id = ANY($1)"
    return frozenset(row["id"] for row in await connection.fetch(query, [one.entry.id for one in asked]))
