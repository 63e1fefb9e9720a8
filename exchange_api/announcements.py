"""Hearing that libraries have changed, so that who waits for changes is answered as they happen.

One connection a process listens. Where it breaks, everybody looks for themselves until it is made again: nothing is lost by it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import asyncpg

from base_libraries.feed import CHANNEL

_SECONDS_AFTER_FAILURE = 1.0
_log = logging.getLogger(__name__)
Wait = Callable[[float], Awaitable[None]]


class Announcements:
    """Tells who waits that a resource has changed; ``start`` returns when it is listening."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._listeners: dict[asyncio.Event, set[str]] = {}
        self._lost = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen from now on."""
        connection = await self._listen()
        self._keeping = asyncio.create_task(self._keep(connection))

    async def close(self) -> None:
        """Listen no more; whoever waits looks once more and finds what there is."""
        if self._keeping:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        self._wake(*self._waiting)

    @contextmanager
    def heard(self, resource: str) -> Iterator[Wait]:
        """Yield what waits, at most so many seconds, until a change is committed after the block was entered."""
        event = asyncio.Event()
        self._waiting.setdefault(resource, set()).add(event)

        async def wait(seconds: float) -> None:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), max(seconds, 0))

        try:
            yield wait
        finally:
            self._waiting[resource].discard(event)

    @contextmanager
    def heard_any(self) -> Iterator[Callable[[float], Awaitable[Sequence[str]]]]:
        """Yield what waits, at most so many seconds, and tells which resources have changed since the block was entered."""
        event, told = asyncio.Event(), set[str]()
        self._listeners[event] = told

        async def wait(seconds: float) -> Sequence[str]:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), max(seconds, 0))
            return sorted(told)

        try:
            yield wait
        finally:
            del self._listeners[event]

    async def _listen(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self._url)
        await connection.add_listener(CHANNEL, self._hear)
        connection.add_termination_listener(lambda _: self._lost.set())
        self._lost.clear()
        self._wake(*self._waiting)
        return connection

    def _hear(self, _connection: object, _process: int, _channel: str, resource: object) -> None:
        self._wake(str(resource))

    def _wake(self, *resources: str) -> None:
        for resource in resources:
            for event in self._waiting.get(resource, ()):
                event.set()
            for event, told in self._listeners.items():
                told.add(resource)
                event.set()

    async def _keep(self, connection: asyncpg.Connection) -> None:
        try:
            while True:
                await self._lost.wait()
                try:
                    connection = await self._listen()
                except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    _log.warning("Changes are not heard of (%s); trying again.", type(error).__name__)
                    await asyncio.sleep(_SECONDS_AFTER_FAILURE)
        finally:
            connection.terminate()
