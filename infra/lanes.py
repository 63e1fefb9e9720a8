"""Connections kept in hand for the hot path.

Giving a connection back to asyncpg's pool costs a round trip to reset its session. The hot path only ever runs plain
statements, so it keeps its connections and takes a new one when one has died.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from schemas.errors import DatabaseUnavailable

if TYPE_CHECKING:
    import asyncpg

SECONDS = 10.0  # how long one statement, or waiting for a connection, may take


def _broken() -> tuple[type[Exception], ...]:
    import asyncpg

    # A server that is shut down says so as an operator's intervention; a client that meets the end of its
    # connection halfway calls it an error of its own.
    told = (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
    return (OSError, TimeoutError, *told, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Lanes:
    """As many connections of a pool as there are users at once; more users wait in line for the next one kept."""

    def __init__(self, pool: "asyncpg.Pool") -> None:
        self._pool = pool
        self._free = asyncio.Semaphore(pool.get_max_size())
        self._idle: deque[asyncpg.Connection] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator["asyncpg.Connection"]:
        """A live connection; ``DatabaseUnavailable`` when none can be had or it breaks, whatever the cause."""
        try:
            await self._turn()
            try:
                connection = await self._taken()
                try:
                    yield connection
                except _broken():
                    connection.terminate()
                    raise
                finally:
                    await self._keep(connection)
            finally:
                self._free.release()
        except _broken() as error:
            raise DatabaseUnavailable(
                "The hub's database does not answer.",
                hint="Try again; if it stays, tell the hub's operators.",
            ) from error

    async def _turn(self) -> None:
        if self._free.locked():
            await asyncio.wait_for(self._free.acquire(), SECONDS)
        else:
            await self._free.acquire()  # at once, and without the cost of a timer

    async def _taken(self) -> "asyncpg.Connection":
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            await self._pool.release(connection)
        return await self._pool.acquire(timeout=SECONDS)

    async def _keep(self, connection: "asyncpg.Connection") -> None:
        if connection.is_closed():
            await self._pool.release(connection)
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Give every connection back and close the pool."""
        while self._idle:
            await self._pool.release(self._idle.pop())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._pool.close(), SECONDS)
