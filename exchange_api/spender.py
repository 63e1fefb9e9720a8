"""Entries of calls that spend something: appended and counted in one commit, many at once; only what is granted is appended.

Beside ``audit.appender``, on a connection of its own: calls under agreements that count nothing never wait for these. A call is
counted if, and only if, its entry is on the ledger.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from audit.appender import copy_entries, unwritten
from audit.entry import Entry
from catalog.agreement import Agreement
from catalog.allowance import Spent
from catalog.spending import Draw, Held, hold, spent_of, store
from catalog.terms import Circumstances, Refusal
from infra.clock import Clock, now
from infra.coalescing import Coalescer
from infra.lanes import Lanes
from schemas.errors import DatabaseUnavailable, HubError
from schemas.working_days import Calendar

LANES = 1  # its transactions would wait for one another's rows anyway
# A process that is frozen in the midst of it must not keep the others from their rows.
_BEGIN = "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '5s'"


@dataclass(frozen=True, slots=True)
class Spending:
    """A call that waits to be recorded and counted."""

    entry: Entry
    draw: Draw


class Spender:
    """Records and counts calls for one process and event loop; knows what is spent at least, so as to refuse before reading."""

    def __init__(self, lanes: Lanes, calendar: Calendar, clock: Clock = now) -> None:
        self._lanes = lanes
        self._clock = clock
        self._known: dict[str, Spent] = {}
        self._coalescer: Coalescer[Spending, Refusal | Spent] = Coalescer(
            self._recorded, lanes=LANES, keep_cancelled=True
        )
        self.circumstances = Circumstances(calendar, self._known)

    async def append(self, entry: Entry, draw: Draw) -> Spent:
        """Return what is spent now, the entry being durable; raise the refusal where too little is left."""
        outcome = await self._coalescer.ask(Spending(entry, draw))
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

    async def _recorded(self, asked: list[Spending]) -> Sequence[Refusal | Spent]:
        try:
            try:
                return await self._record(asked, broken=False)
            except DatabaseUnavailable:
                return await self._record(asked, broken=True)
        except (asyncpg.PostgresError, DatabaseUnavailable) as error:
            raise unwritten() from error

    async def _record(self, asked: list[Spending], *, broken: bool) -> Sequence[Refusal | Spent]:
        """Hold, judge, store and append; ``broken`` says that an attempt before may have been committed, or not."""
        async with self._lanes.one() as connection:
            began = self._clock()  # not later than the time under the locks: what is known is spent at least
            async with _transaction(connection):
                held = await hold(connection, [one.draw for one in asked], self.circumstances.calendar)
                recorded = await _recorded_of(connection, asked) if broken else frozenset[UUID]()
                outcomes = [_outcome(held, one, recorded) for one in asked]
                new = [one for one, outcome in zip(asked, outcomes, strict=True)
                       if isinstance(outcome, Spent) and one.entry.id not in recorded]  # fmt: skip
                await store(connection, held, (one.draw.agreement.id for one in new))
                await copy_entries(connection, [one.entry for one in new])
        for one in asked:
            self._known[one.draw.agreement.id] = held.seen(held.spent[one.draw.agreement.id], began)
        return outcomes


@asynccontextmanager
async def _transaction(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction and its limits, begun in one round trip."""
    await connection.execute(_BEGIN)
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


def _outcome(held: Held, asked: Spending, recorded: frozenset[UUID]) -> Refusal | Spent:
    if asked.entry.id in recorded:
        return held.seen(held.spent[asked.draw.agreement.id], asked.draw.at)
    return held.draw(asked.draw)


async def _recorded_of(connection: asyncpg.Connection, asked: Sequence[Spending]) -> frozenset[UUID]:
    """Which entries are on the ledger already; asked under the locks, behind which a commit under way has ended."""
    query = "SELECT id FROM ledger.entry WHERE id = ANY($1)"
    return frozenset(row["id"] for row in await connection.fetch(query, [one.entry.id for one in asked]))
