"""Writing behind the door: one transaction with its ledger entries, in a thread, for whoever the attempt is of."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from audit.recording import record_administration
from catalog.actor import Actor
from catalog.recorded import Recorder
from exchange_api.door import Attempt
from infra.database import Database, Role

_AT_ONCE = 4  # of one process: each holds a connection
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Transaction:
    """A connection whose transaction commits when the work ends well, who acts, and the recorder that tells so."""

    connection: Connection
    record: Recorder
    actor: Actor


class Transactions:
    """Runs synchronous work on the database for readings that are not."""

    def __init__(self, database: Database, at_once: int = _AT_ONCE) -> None:
        self._database = database
        self._free = asyncio.Semaphore(at_once)

    async def committed(self, attempt: Attempt, work: Callable[[Transaction], Made]) -> Made:
        """Do the work as the attempt's actor; what it wrote is committed with its ledger entries, or nothing is.

        The entries name the actor's organisation and the request. ``AccessDenied`` where nobody is known to act.
        """
        actor = attempt.actor
        record = partial(record_administration, organisation=actor.organisation, request=attempt.id)

        def _work(connection: Connection) -> Made:
            return work(Transaction(connection, record, actor))

        return await self.alone(_work)

    async def alone(self, work: Callable[[Connection], Made]) -> Made:
        """Do work that records for itself, or only reads."""
        async with self._free:
            return await asyncio.to_thread(self._in_one, work)

    def _in_one(self, work: Callable[[Connection], Made]) -> Made:
        with self._database.engine(Role.APPLICATION).begin() as connection:
            return work(connection)
