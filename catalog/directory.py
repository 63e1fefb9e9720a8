"""The catalogue in the memory of an API process, kept fresh by NOTIFY.

A change is heard within milliseconds, with the id of what changed, and only that is loaded. Where the listening connection
breaks it is made again; then, and by a slow clock for networks that swallow notifications, versions are compared and what differs
is loaded.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg

from catalog.agreement import Agreement
from catalog.doubts import Doubts
from catalog.held import Heard, HeldAgreements, HeldSystems, Place
from catalog.held_doubts import HeldDoubts
from catalog.system import System
from schemas.errors import HubError

CHANNEL = "catalog_changed"
SECONDS_BETWEEN_LOOKS = 30.0
_SECONDS_AFTER_FAILURE = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """Systems by id, agreements by system and resource, and what is in doubt, as they are known now.

    The directory replaces what changes, between two turns of the loop; who has read an entry keeps what it has read.
    """

    systems: Mapping[str, System] = field(default_factory=dict)
    agreements: Mapping[Place, Sequence[Agreement]] = field(default_factory=dict)
    doubts: Doubts = field(default_factory=dict)


class Directory:
    """Holds the current ``snapshot``; ``start`` returns when all of it is loaded.

    ``resources_changed`` is awaited whenever other published resources may be in force, before any agreement on them is known.
    """

    def __init__(self, url: str, resources_changed: Callable[[], Awaitable[None]] | None = None) -> None:
        self._url, self._resources_changed = url, resources_changed
        self._changed = asyncio.Event()
        self._heard = Heard()
        self._keeping: asyncio.Task[None] | None = None
        self._systems, self._agreements, self._doubts = HeldSystems(), HeldAgreements(), HeldDoubts()
        self.snapshot = Snapshot(self._systems.by_id, self._agreements.by_place, self._doubts.by_resource)

    async def start(self) -> None:
        """Load the catalogue, and keep it fresh from now on."""
        connection = await self._listen()
        self._keeping = asyncio.create_task(self._keep(connection))

    async def close(self) -> None:
        """Stop listening."""
        if self._keeping:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping

    async def _listen(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self._url)
        await connection.add_listener(CHANNEL, self._hear)
        connection.add_termination_listener(self._lose)
        self._changed.clear()
        await self._renew(connection, Heard(everything=True))
        return connection

    def _hear(self, _connection: object, _process: int, _channel: str, told: object) -> None:
        self._heard.add(str(told))
        self._changed.set()

    def _lose(self, _connection: object) -> None:
        self._heard.everything = True
        self._changed.set()

    async def _keep(self, connection: asyncpg.Connection) -> None:
        try:
            while True:
                heard = await self._next()
                try:
                    if connection.is_closed():
                        connection = await self._listen()
                    else:
                        await self._renew(connection, heard)
                except (
                    OSError,
                    TimeoutError,
                    asyncpg.PostgresError,
                    asyncpg.InterfaceError,
                    HubError,
                ) as error:
                    _log.warning(
                        "The catalogue could not be loaded (%s); trying again.", type(error).__name__
                    )
                    await asyncio.sleep(_SECONDS_AFTER_FAILURE)
                    self._heard.everything = True  # what was heard is not loaded yet
                    self._changed.set()
        finally:
            connection.terminate()

    async def _next(self) -> Heard:
        """Wait until something is heard, or the slow clock strikes."""
        try:
            await asyncio.wait_for(self._changed.wait(), SECONDS_BETWEEN_LOOKS)
        except TimeoutError:
            self._heard.everything = True
        self._changed.clear()
        heard, self._heard = self._heard, Heard()
        return heard

    async def _renew(self, connection: asyncpg.Connection, heard: Heard) -> None:
        if self._resources_changed and (heard.everything or heard.resources):
            await self._resources_changed()
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await self._systems.renew(connection, heard)
            await self._agreements.renew(connection, heard)
            await self._doubts.renew(connection, heard)
