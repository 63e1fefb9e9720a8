"""Where a subscription is pushed to and how far it has been, on asyncpg: claimed by one process at a time, sent, and noted.

A claim ends by itself, so that what a killed process had claimed is sent once more by another, as the same message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    import asyncpg

CLAIM_SECONDS = 60
IDLE_SECONDS = 30  # after which it is looked for changes though none is announced
RUNNING, STOPPED = "running", "stopped"

_CLAIM = f"""
    UPDATE catalog.subscription_push SET claim = $1, claimed_until = clock_timestamp() + interval '{CLAIM_SECONDS}s',
        next_at = clock_timestamp() + interval '{IDLE_SECONDS}s'
    WHERE subscription = (
        SELECT p.subscription FROM catalog.subscription_push p JOIN catalog.subscription s ON s.id = p.subscription
        WHERE p.status = '{RUNNING}' AND s.status = 'active' AND p.next_at <= clock_timestamp()
          AND (p.claimed_until IS NULL OR p.claimed_until < clock_timestamp())
        ORDER BY p.next_at LIMIT 1 FOR UPDATE OF p SKIP LOCKED)
    RETURNING *, (SELECT system FROM catalog.subscription s WHERE s.id = subscription) AS system
"""
_WAKE = f"""
    UPDATE catalog.subscription_push p SET next_at = clock_timestamp() FROM catalog.subscription s
    WHERE s.id = p.subscription AND s.resource = ANY($1) AND p.status = '{RUNNING}' AND p.attempts = 0
      AND p.next_at > clock_timestamp()
"""
_MINE = "WHERE subscription = $1 AND claim = $2"
_FREE = "claim = NULL, claimed_until = NULL"
_SENDING = f"UPDATE catalog.subscription_push SET until = $3 {_MINE} RETURNING 1"
_PASSED = f"UPDATE catalog.subscription_push SET position = $3, until = NULL, reason = NULL, {_FREE} {_MINE}"
_TAKEN = f"""
    WITH taken AS (
        UPDATE catalog.subscription_push SET position = $3, until = NULL, attempts = 0, reason = NULL, taken_at = clock_timestamp(),
            next_at = clock_timestamp(), {_FREE} {_MINE} RETURNING subscription)
    DELETE FROM catalog.dead_letter USING taken WHERE dead_letter.subscription = taken.subscription AND message = $4
"""
_FAILED = f"""
    UPDATE catalog.subscription_push SET attempts = attempts + 1, reason = $3, status = $4,
        next_at = clock_timestamp() + make_interval(secs => $5), {_FREE} {_MINE}
"""
_WAITING = f"""
    UPDATE catalog.subscription_push SET reason = $3, status = $4, next_at = clock_timestamp() + make_interval(secs => $5), {_FREE}
    {_MINE}
"""
_DEAD = """
    INSERT INTO catalog.dead_letter (subscription, message, position, until, attempts, reason) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (subscription, message) DO UPDATE SET attempts = excluded.attempts, reason = excluded.reason, died_at = excluded.died_at
"""


@dataclass(frozen=True, slots=True)
class Push:
    """A push that this process has claimed. ``until`` ends the stretch that was sent before and not taken; None where none was."""

    subscription: str
    system: str
    claim: UUID
    url: str
    thin: bool
    secret: bytes
    position: int
    sight: bytes
    until: int | None
    attempts: int
    reason: str | None


async def claimed(connection: "asyncpg.Connection") -> Push | None:
    """Claim the push that has been due for longest; None where none is."""
    row = await connection.fetchrow(_CLAIM, uuid4())
    return None if row is None else Push(**{name: row[name] for name in Push.__slots__})


async def wake(connection: "asyncpg.Connection", resources: Sequence[str]) -> None:
    """Have the pushes of resources that have changed looked at now, but for those that wait after a failure."""
    await connection.execute(_WAKE, list(resources))


async def sending(connection: "asyncpg.Connection", push: Push, until: int) -> bool:
    """Note what is about to be sent; False where the claim is another's by now."""
    return await connection.fetchval(_SENDING, push.subscription, push.claim, until) is not None


async def passed(connection: "asyncpg.Connection", push: Push, position: int) -> None:
    """Note that up to a position there was nothing to tell."""
    await connection.execute(_PASSED, push.subscription, push.claim, position)


async def taken(connection: "asyncpg.Connection", push: Push, position: int, message: str) -> None:
    """Note that a message was taken, and go on behind it at once."""
    await connection.execute(_TAKEN, push.subscription, push.claim, position, message)


async def failed(
    connection: "asyncpg.Connection", push: Push, reason: str, pause: float, *, stopped: bool
) -> None:
    """Note that nothing was taken: it is tried again after so many seconds, or stands until somebody has it go on."""
    status = STOPPED if stopped else RUNNING
    await connection.execute(_FAILED, push.subscription, push.claim, reason, status, pause)


async def waiting(
    connection: "asyncpg.Connection", push: Push, reason: str, pause: float, *, stopped: bool
) -> None:
    """Note that nothing may be sent for now: that is no failure of the other side, and is looked at again after so many seconds."""
    status = STOPPED if stopped else RUNNING
    await connection.execute(_WAITING, push.subscription, push.claim, reason, status, pause)


async def died(connection: "asyncpg.Connection", push: Push, message: str, until: int, reason: str) -> None:
    """Keep a message that was not taken as a dead letter."""
    told = (push.subscription, message, push.position, until, push.attempts + 1, reason)
    await connection.execute(_DEAD, *told)


# ── administration ───────────────────────────────────────────────────────────────────────────────────

_SET = text(f"""
    INSERT INTO catalog.subscription_push (subscription, url, thin, secret, status, position, sight)
    VALUES (:subscription, :url, :thin, :secret, '{RUNNING}', :position, :sight)
    ON CONFLICT (subscription) DO UPDATE SET url = excluded.url, thin = excluded.thin, secret = excluded.secret, status = excluded.status,
        position = excluded.position, sight = excluded.sight, until = NULL, attempts = 0, reason = NULL, next_at = clock_timestamp(),
        {_FREE}
""")
_REMOVE = text("DELETE FROM catalog.subscription_push WHERE subscription = :subscription")
_RESUME = text(f"""
    UPDATE catalog.subscription_push SET status = '{RUNNING}', attempts = 0, next_at = clock_timestamp(),
        position = CASE WHEN :skip THEN coalesce(until, position) ELSE position END,
        until = CASE WHEN :skip THEN NULL ELSE until END
    WHERE subscription = :subscription
""")
_REPLAY = text(f"""
    UPDATE catalog.subscription_push p SET status = '{RUNNING}', attempts = 0, next_at = clock_timestamp(), position = d.position,
        until = d.until, {_FREE}
    FROM catalog.dead_letter d WHERE p.subscription = :subscription AND d.subscription = p.subscription AND d.message = :message
""")
_STATUS = text("""
    SELECT p.subscription, s.system, s.resource, s.status AS subscribed, p.url, p.thin, p.status, p.attempts, p.reason, p.next_at,
        p.taken_at, p.position FROM catalog.subscription_push p JOIN catalog.subscription s ON s.id = p.subscription
    WHERE p.subscription = :subscription OR CAST(:subscription AS text) IS NULL ORDER BY p.subscription
""")
_LETTERS = text("""
    SELECT subscription, message, attempts, reason, died_at FROM catalog.dead_letter
    WHERE subscription = :subscription OR CAST(:subscription AS text) IS NULL ORDER BY subscription, died_at, message
""")


def set_push(connection: Connection, told: Mapping[str, Any]) -> None:
    """Push a subscription from now on, from ``position`` seen by ``sight``; the caller has recorded it."""
    connection.execute(_SET, dict(told))


def remove_push(connection: Connection, subscription: str) -> bool:
    """Push it no more; tells whether it was."""
    return connection.execute(_REMOVE, {"subscription": subscription}).rowcount > 0


def resume_push(connection: Connection, subscription: str, *, skip: bool = False) -> bool:
    """Go on where it stopped, with the same message; with ``skip`` behind it. Tells whether there is such a push."""
    return connection.execute(_RESUME, {"subscription": subscription, "skip": skip}).rowcount > 0


def replay_push(connection: Connection, subscription: str, message: str) -> bool:
    """Go back to a dead letter and on from there; tells whether there is one."""
    return connection.execute(_REPLAY, {"subscription": subscription, "message": message}).rowcount > 0


def pushes(connection: Connection, subscription: str | None = None) -> list[dict[str, Any]]:
    """Return how pushes stand, of one subscription or of all, JSON-ready but for their moments."""
    told = {"subscription": subscription}
    return [dict(row) for row in connection.execute(_STATUS, told).mappings()]


def dead_letters(connection: Connection, subscription: str | None = None) -> list[dict[str, Any]]:
    """Return the messages that were not taken, of one subscription or of all."""
    told = {"subscription": subscription}
    return [dict(row) for row in connection.execute(_LETTERS, told).mappings()]


def moments_told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its moments as text."""
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in row.items()}
