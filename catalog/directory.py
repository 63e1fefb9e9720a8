"""The catalogue in the memory of an API process, kept fresh by NOTIFY.

A change is heard within milliseconds. Where the listening connection breaks it is made again and everything is
loaded anew; a slow clock loads it anyway, for the networks that swallow notifications.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
import orjson

from catalog.agreement import Agreement
from catalog.repository import agreement_of, system_of
from catalog.system import System
from schemas.errors import HubError

CHANNEL = "catalog_changed"
SECONDS_BETWEEN_LOADS = 30.0
_SECONDS_AFTER_FAILURE = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """Systems by id, and agreements by system and resource, as they were when loaded."""

    systems: Mapping[str, System] = field(default_factory=dict)
    agreements: Mapping[tuple[str, str], Sequence[Agreement]] = field(default_factory=dict)


async def load(connection: asyncpg.Connection) -> Snapshot:
    """Read the whole catalogue, consistently."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        systems = await connection.fetch("SELECT * FROM catalog.system")
        agreements = await connection.fetch("SELECT * FROM catalog.agreement ORDER BY created_at, id")
    by_place: dict[tuple[str, str], list[Agreement]] = {}
    for row in agreements:
        agreement = agreement_of({**row, "terms": orjson.loads(row["terms"])})
        by_place.setdefault((agreement.system, agreement.resource), []).append(agreement)
    return Snapshot(
        {row["id"]: system_of({**row, "keys": orjson.loads(row["keys"])}) for row in systems}, by_place
    )


class Directory:
    """Holds the current ``snapshot``; ``start`` returns when the first one is loaded."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._changed = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self.snapshot = Snapshot()

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
        connection.add_termination_listener(self._hear)
        self._changed.clear()
        self.snapshot = await load(connection)
        return connection

    def _hear(self, *_told: object) -> None:
        self._changed.set()

    async def _keep(self, connection: asyncpg.Connection) -> None:
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), SECONDS_BETWEEN_LOADS)
                self._changed.clear()
                try:
                    if connection.is_closed():
                        connection = await self._listen()
                    else:
                        self.snapshot = await load(connection)
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
                    self._changed.set()
        finally:
            connection.terminate()
