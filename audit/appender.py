"""Appends of calls: concurrent entries share one COPY and one commit, and none returns before it is durable."""

from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from audit.entry import COLUMNS, Entry
from infra.coalescing import Coalescer
from infra.lanes import SECONDS, Lanes
from schemas.errors import ConfigurationError, DatabaseUnavailable, LedgerUnavailable

LANES = 2  # while one commit waits for the disk the next batch travels; PostgreSQL flushes them together
_UNWRITTEN = "The ledger cannot be written, so nothing is answered."
_HINT = "Try again; if it stays, tell the hub's operators."


class Appender:
    """Writes entries through one pool of the application role; one per process and event loop."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._coalescer: Coalescer[Entry, None] = Coalescer(self._write, lanes=LANES, keep_cancelled=True)

    async def check(self) -> None:
        """Raise ``ConfigurationError`` when the server would say "committed" before an entry is on disk."""
        async with self._lanes.one() as connection:
            setting = await connection.fetchval("SHOW synchronous_commit")
        if setting == "off":
            raise ConfigurationError(
                "The database has synchronous_commit off, so the ledger would not be durable.",
                hint="Set it to on for the role hub_application.",
            )

    async def append(self, entry: Entry) -> None:
        """Return when the entry is committed and on disk; ``LedgerUnavailable`` when it is not, or may not be."""
        await self._coalescer.ask(entry)

    async def drain(self) -> None:
        """Wait for everything under way."""
        await self._coalescer.drain()

    async def _write(self, entries: Sequence[Entry]) -> Sequence[None]:
        try:
            try:
                await self._copy(entries)
            except DatabaseUnavailable:
                await self._copy_again(entries)
        except (asyncpg.PostgresError, DatabaseUnavailable) as error:
            raise unwritten() from error
        return [None] * len(entries)

    async def _copy(self, entries: Sequence[Entry]) -> None:
        async with self._lanes.one() as connection:
            await copy_entries(connection, entries)

    async def _copy_again(self, entries: Sequence[Entry]) -> None:
        # The connection broke, perhaps after the commit. The ids tell: COPY writes all entries or none.
        with suppress(asyncpg.UniqueViolationError):
            await self._copy(entries)


async def copy_entries(connection: asyncpg.Connection, entries: Sequence[Entry]) -> None:
    """Append entries within the connection's transaction, or as one of their own where it has none."""
    await connection.copy_records_to_table(
        "entry",
        schema_name="ledger",
        columns=COLUMNS,
        records=[entry.row() for entry in entries],
        timeout=SECONDS,
    )


def unwritten() -> LedgerUnavailable:
    """Return the error of entries that are not, or may not be, on the ledger."""
    return LedgerUnavailable(_UNWRITTEN, hint=_HINT)
