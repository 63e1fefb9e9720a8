"""Pushing changes to subscribers: a loop in every server process, over pushes that one of them claims at a time.

Claim, send with nothing open, note (decision 14): a message is a stretch of a subscription's feed, and while it is not taken, nothing
behind it is sent. What it holds is on the ledger before it leaves, and what became of it afterwards. Part of the security boundary.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request

from audit.entry import Kind
from catalog import subscription_push as store
from catalog.directory import Directory
from catalog.subscription_push import Push
from connectors.neighbour_web import Network
from exchange_api.announcements import Announcements
from exchange_api.attempt import Attempt
from exchange_api.delivery import MOST_TOLD, Deliveries, Found, Opened, check_sight
from exchange_api.door import Door
from exchange_api.problems import status_of
from exchange_api.reception import Reception
from exchange_api.subscription_cursor import Cursor, Use
from hub.webhooks import Failure, key_of, post, signed
from infra.clock import now
from infra.keyring import Keyring
from infra.lanes import Lanes
from infra.sealing import Sealer
from infra.telemetry import describe
from schemas.errors import AccessDenied, DatabaseUnavailable, HubError, LedgerUnavailable, SnapshotNeeded

ACTION = "subscription.push"
LANES = 2  # connections: nothing is open while a message is on its way
AT_ONCE = 8  # messages of one process
MOST_ATTEMPTS = 12
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 3600.0  # seconds
_LOOK_AGAIN = 5.0  # seconds, for pushes that are due by the clock
_SECRETS = "webhook-secret"
_log = logging.getLogger(__name__)


def pause_after(attempts: int) -> float:
    """Return the seconds before the next try: twice as long each time, and by chance more or less, so that not all come at once."""
    return min(_FIRST_PAUSE * 2.0**attempts, _LONGEST_PAUSE) * random.uniform(0.75, 1.25)  # noqa: S311


def sealed_secret(keyring: Keyring, subscription: str, secret: str) -> bytes:
    """Return a push's secret as it is stored."""
    return Sealer(keyring, _SECRETS).seal([secret.encode()], [subscription.encode()], [0])[0]


@dataclass(frozen=True)
class Posting:
    """What pushes need beside what they deliver: which networks may be told, how long to wait after a failure."""

    lanes: Lanes
    keyring: Keyring
    networks: tuple[Network, ...]
    pause: Callable[[int], float] = pause_after
    most_attempts: int = MOST_ATTEMPTS


@dataclass(frozen=True, slots=True)
class _Message:
    """A stretch of the feed, written; its id is the stretch's, so that a repeat is known as one."""

    id: str
    body: bytes
    until: int


class Pusher:
    """Sends what is due; ``run`` for ever, ``round`` once."""

    def __init__(self, deliveries: Deliveries, door: Door, directory: Directory, posting: Posting) -> None:
        self._deliveries, self._door, self._directory = deliveries, door, directory
        self._posting, self._sealer = posting, Sealer(posting.keyring, _SECRETS)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that may be told though they are not public."""
        return self._posting.networks

    async def run(self, announcements: Announcements) -> None:
        """Send as changes are announced, and what is due by the clock."""
        while True:
            with announcements.heard_any() as heard:
                try:
                    while await self.round():
                        pass
                except Exception as error:  # noqa: BLE001 - whatever it is, others are to be told later
                    _log.warning("Subscribers are not told (%s); trying again.", describe(error))
                if resources := await heard(_LOOK_AGAIN):
                    with suppress(DatabaseUnavailable):
                        async with self._posting.lanes.one() as connection:
                            await store.wake(connection, resources)

    async def round(self) -> int:
        """Claim what is due and send a message of each; returns how many were due."""
        due: list[Push] = []
        while len(due) < AT_ONCE:
            async with self._posting.lanes.one() as connection:
                push = await store.claimed(connection)
            if push is None:
                break
            due.append(push)
        await asyncio.gather(*(self._told(push) for push in due))
        return len(due)

    async def _told(self, push: Push) -> None:
        attempt = self._attempt(push)
        try:
            await self._tell(attempt, push)
        except (DatabaseUnavailable, LedgerUnavailable):
            raise  # its claim ends by itself
        except HubError as error:
            await self._refused(attempt, push, error)
        except Exception as error:  # noqa: BLE001 - one push that fails must not keep the others from being sent
            _log.error("Subscription %s could not be told: %s", push.subscription, describe(error))
            await self._refused(attempt, push, HubError("The push failed inside the hub."))

    def _attempt(self, push: Push) -> Attempt:
        """Begin an attempt of the subscriber that no request began: it is judged and recorded as if one had."""
        scope = {
            "type": "http",
            "method": "POST",
            "path": "",
            "headers": [],
            "query_string": b"",
            "path_params": {},
        }
        attempt = Attempt(Request(scope), ACTION)
        attempt.identify()
        attempt.system = self._directory.snapshot.systems.get(push.system)
        return attempt

    async def _tell(self, attempt: Attempt, push: Push) -> None:
        if attempt.system is None:
            raise AccessDenied("The system is not registered.")
        Reception.check(attempt.system)
        opened = await self._deliveries.opened(attempt, push.subscription, MOST_TOLD)
        check_sight(opened, push.sight)
        found = await self._deliveries.found(opened, push.position, push.until)
        if not found.seen:
            async with self._posting.lanes.one() as connection:
                await store.passed(connection, push, found.position)
            return
        message = self._written(attempt, opened, push, found)
        async with self._posting.lanes.one() as connection:
            if not await store.sending(connection, push, message.until):
                return
        await self._door.keep(attempt, attempt.entry(Kind.CALL, "answered"))  # before a byte of it leaves
        await self._noted(attempt, push, message, await self._sent(push, message))

    def _written(self, attempt: Attempt, opened: Opened, push: Push, found: Found) -> _Message:
        """Write the message, and put what it tells on the attempt; a thin one tells of no record."""
        seen = [] if push.thin else found.seen
        told = [one.told for one in seen]
        self._deliveries.put(attempt, opened, [one.row for one in seen], told)
        id_ = blake2b(
            f"{push.position}-{found.position}".encode(), key=push.subscription.encode()[:64], digest_size=16
        ).hexdigest()
        attempt.facts = {**(attempt.facts or {}), "message": f"msg_{id_}", "attempt": push.attempts + 1}
        data: dict[str, Any] = {"subscription": push.subscription, "resource": opened.subscription.resource}
        if push.thin:
            data["after"] = self._cursor(push, push.position)
        else:
            data |= {"changes": told, "next": self._cursor(push, found.position)}
        kind = "subscription.changed" if push.thin else "subscription.changes"
        body = orjson.dumps({"type": kind, "timestamp": now(), "data": data})
        return _Message(f"msg_{id_}", body, found.position)

    def _cursor(self, push: Push, position: int) -> str:
        return self._deliveries.cursors.write(push.subscription, Use.CHANGES, Cursor(position, push.sight))

    async def _sent(self, push: Push, message: _Message) -> Failure | None:
        (secret,) = self._sealer.open([push.secret], [push.subscription.encode()], [0])
        key = key_of(secret.decode(), "The secret", "")
        headers = signed(key, message.id, int(now().timestamp()), message.body)
        return await post(push.url, headers, message.body, self._posting.networks)

    async def _noted(self, sent: Attempt, push: Push, message: _Message, failure: Failure | None) -> None:
        outcome = sent.of_end({"message": message.id, **({"reason": failure.said} if failure else {})})
        await self._door.keep(outcome, outcome.entry(Kind.CALL, "not_taken" if failure else "taken"))
        stopped = failure is not None and (failure.gone or push.attempts + 1 >= self._posting.most_attempts)
        async with self._posting.lanes.one() as connection:
            if failure is None:
                await store.taken(connection, push, message.until, message.id)
                return
            if stopped:
                await store.died(connection, push, message.id, message.until, failure.said)
            pause = self._posting.pause(push.attempts)
            await store.failed(connection, push, failure.said, pause, stopped=stopped)

    async def _refused(self, attempt: Attempt, push: Push, error: HubError) -> None:
        """Wait where an agreement refuses now: it may allow again. A refusal is put on the ledger when it is new."""
        if push.reason != error.code:
            attempt.draw, attempt.subjects, attempt.records = None, [], 0
            status = status_of(error)
            outcome = "failed" if status is HTTPStatus.INTERNAL_SERVER_ERROR else "refused"
            await self._door.keep(attempt, attempt.entry(Kind.REFUSAL, outcome, error.code))
        async with self._posting.lanes.one() as connection:
            stopped = isinstance(error, SnapshotNeeded)
            await store.waiting(connection, push, error.code, self._posting.pause(3), stopped=stopped)
