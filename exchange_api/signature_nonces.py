"""Nonces of signed calls: each passes once, whichever of the hub's processes it comes to.

Marked before anything is read, many calls' in one statement. That commit does not wait for the disk: the ledger's does, later in the
same log, and nothing is answered or changed before that; so a nonce lost with a crash is one of a call that nobody was answered.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from exchange_api.signatures import SignedCall
from infra.coalescing import Coalescer
from infra.lanes import Lanes
from schemas.errors import DatabaseUnavailable, ReplayedSignature

LANES = 2  # one for what calls bring, one for sweeping
SECONDS_BETWEEN_SWEEPS = 60.0
_log = logging.getLogger(__name__)
_SWEEP = "DELETE FROM catalog.used_nonce WHERE expires_at < now()"
# In one order, so that two processes never wait for each other; the setting holds for this statement's own transaction.
_USE = """
    INSERT INTO catalog.used_nonce (digest, expires_at)
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
    WHERE set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT DO NOTHING RETURNING digest
"""


class Nonces:
    """Marks nonces as used, for one process and event loop."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._coalescer: Coalescer[SignedCall, bool] = Coalescer(self._used)

    async def use(self, call: SignedCall) -> None:
        """Mark a call's nonce as used; ``ReplayedSignature`` when it was."""
        if not await self._coalescer.ask(call):
            raise ReplayedSignature(
                "The signature was used before.", hint="Sign each call by itself, with a new nonce."
            )

    async def keep_swept(self) -> None:
        """Forget nonces whose signatures have expired, again and again."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_SWEEPS)
            try:
                async with self._lanes.one() as connection:
                    await connection.execute(_SWEEP)
            except (asyncpg.PostgresError, DatabaseUnavailable) as error:
                _log.warning("Used nonces could not be swept (%s); trying again.", type(error).__name__)

    async def _used(self, calls: list[SignedCall]) -> Sequence[bool]:
        ends = {call.nonce: datetime.fromtimestamp(call.until, UTC) for call in calls}
        digests = sorted(ends)
        async with self._lanes.one() as connection:
            rows = await connection.fetch(_USE, digests, [ends[digest] for digest in digests])
        return _first({row["digest"] for row in rows}, calls)


def _first(new: set[UUID], calls: Sequence[SignedCall]) -> Sequence[bool]:
    """Say of each call whether it is the one that uses its nonce: of two alike that came together, the first."""
    told = []
    for call in calls:
        told.append(call.nonce in new)
        new.discard(call.nonce)
    return told
