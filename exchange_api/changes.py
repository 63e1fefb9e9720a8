"""Delivering to subscribers: the snapshot page by page, and the changes behind it, waited for where there are none yet.

Part of the security boundary: records pass through in the clear. Each page is an answer of its own: its agreement is judged as it is
then, its entry names every record it tells of, and what it tells is drawn from the quota in the commit of that entry.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from base_libraries.feed import FIRST, Feed, is_gapless
from catalog.spending import Draw
from catalog.subscription import Subscription, subscription_of
from catalog.subscriptions import ONE, unknown_subscription
from exchange_api.announcements import Announcements
from exchange_api.calls import Call, Stated, parameters_of
from exchange_api.door import Attempt, Door
from exchange_api.doubt_marks import mark
from exchange_api.library import Library, Row
from exchange_api.subscription_cursor import Cursor, Cursors, Use
from exchange_api.subscription_desk import call_of, check_records, subscription_named
from exchange_api.subscription_view import Seen, Version, View, versions_before
from infra.keyring import Keyring
from infra.sealing import BlindIndex
from schemas.errors import MalformedRequest, SnapshotNeeded, SubscriptionEnded

MOST_TOLD = 1_000  # records or changes a page
LONGEST_WAIT = 60  # seconds
_MOST_SCANNED = 20_000  # changes that are looked at for a page, of which few may concern its reader
_WINDOW = 500  # changes that are read at once, at least
_LOOK_AGAIN = 5.0  # seconds, where no announcement is heard
_PAGES_HINT = "Begin anew with the snapshot: GET /v1/subscriptions/{id}/snapshot."


@dataclass(frozen=True, slots=True)
class Opened:
    """A subscription as it may be delivered at this moment, with its resource's feed and up to how many records at once."""

    subscription: Subscription
    view: View
    feed: Feed
    asked: Call
    most: int


@dataclass(frozen=True, slots=True)
class Found:
    """What of the feed was looked at: changes to tell, up to which position, and whether more is known to follow."""

    seen: Sequence[Seen]
    position: int
    more: bool


class ChangeDesk:
    """The readings of a subscription's snapshot and changes."""

    def __init__(self, library: Library, door: Door, keyring: Keyring, announcements: Announcements) -> None:
        self._library, self._door, self._announcements = library, door, announcements
        self._cursors, self._index = Cursors(keyring), BlindIndex(keyring)

    # ── the snapshot ─────────────────────────────────────────────────────────────────────────────────

    async def snapshot(self, attempt: Attempt) -> dict[str, Any]:
        """Answer a page of the records as they stood when the snapshot was begun, and the cursor of the changes since."""
        told = _parameters(attempt, "after", "limit")
        opened = await self._opened(attempt, _limit(told))
        id_, feed, view = opened.subscription.id, opened.feed, opened.view
        if "after" in told:
            cursor = self._cursor(opened, Use.SNAPSHOT, told["after"])
        else:
            last = await self._fetch(feed.last)
            cursor = Cursor(last[0]["last"] if last else 0, view.sight, FIRST)
        records, end = await self._standing(attempt, opened, cursor)
        self._deliver(attempt, opened, [row for row, _ in records], [one for _, one in records])
        changes = self._cursors.write(id_, Use.CHANGES, replace(cursor, subject=b""))
        after = None if end is None else self._cursors.write(id_, Use.SNAPSHOT, replace(cursor, subject=end))
        attempt.sent = _links(id_, f"snapshot?after={after}" if after else f"changes?after={changes}")
        return self._told(opened, "records", [one for _, one in records], after) | {"changes": changes}

    async def _standing(
        self, attempt: Attempt, opened: Opened, cursor: Cursor
    ) -> tuple[list[tuple[Row, dict[str, Any]]], bytes | None]:
        """Read on until a page is full or the snapshot ends; returns what is told, and behind which subject it goes on, None at the end."""
        told: list[tuple[Row, dict[str, Any]]] = []
        scanned, end, window = 0, cursor.subject, max(opened.most, _WINDOW)
        while len(told) < opened.most and scanned < _MOST_SCANNED:
            rows, bound = await self._stood(opened, replace(cursor, subject=end), window)
            fresh = opened.view.records(rows)
            attempt.count_outside(len(rows) - len(fresh))
            scanned, room = scanned + window, opened.most - len(told)
            told += fresh[:room]
            if len(fresh) > room:
                return told, told[-1][0]["_subject"]
            if bound is None:
                return told, None
            end = bound
        return told, end

    async def _stood(self, opened: Opened, cursor: Cursor, window: int) -> tuple[Sequence[Row], bytes | None]:
        """Return the records that stood at a cursor, so many of them, and the subject they end with; None at the end."""
        place: tuple[Any, ...] = (cursor.position, cursor.subject)
        bounds = await self._fetch(opened.feed.bound(window), *place)
        if bounds and bounds[0]["missing"]:
            raise _pruned()
        end = bounds[0]["bound"] if bounds else None
        place = place if end is None else (*place, end)
        return await self._fetch(opened.feed.page(opened.view.looked_at, end is None), *place), end

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────

    async def changes(self, attempt: Attempt) -> dict[str, Any]:
        """Answer a page of changes behind a cursor; where there are none, wait for them up to ``wait`` seconds."""
        told = _parameters(attempt, "after", "limit", "wait")
        if "after" not in told:
            raise MalformedRequest("Parameter after is missing.", hint="The snapshot gives the first cursor.")
        limit, wait = _limit(told), _number(told, "wait", 0, 0, LONGEST_WAIT)
        until = time.monotonic() + wait
        opened = await self._opened(attempt, limit)
        cursor = self._cursor(opened, Use.CHANGES, told["after"])
        began = cursor.position
        while True:
            with self._announcements.heard(opened.subscription.resource) as heard:
                found = await self._found(opened, cursor.position)
                if found.seen or found.more or time.monotonic() >= until:
                    break
                cursor = replace(cursor, position=found.position)
                await heard(min(_LOOK_AGAIN, until - time.monotonic()))
            opened = await self._opened(attempt, limit)  # what was agreed when it began may be so no more
            self._check_sight(opened, cursor)
        return self._answered(attempt, opened, replace(cursor, position=found.position), found, began)

    def _answered(
        self, attempt: Attempt, opened: Opened, cursor: Cursor, found: Found, began: int
    ) -> dict[str, Any]:
        told = [one.told for one in found.seen]
        marked = self._deliver(attempt, opened, [one.row for one in found.seen], told)
        id_ = opened.subscription.id
        if not marked:  # the same stretch of the feed, seen the same way, is the same answer for ever
            attempt.has_fresh(_etag(id_, began, cursor))
        after = self._cursors.write(id_, Use.CHANGES, cursor)
        attempt.sent = _links(id_, f"changes?after={after}")
        return self._told(opened, "changes", told, after) | {"more": found.more}

    async def _found(self, opened: Opened, position: int) -> Found:
        """Read on until a page is full or the feed ends; what was looked at and is not told is passed over."""
        seen: list[Seen] = []
        scanned, more, window = 0, True, max(opened.most, _WINDOW)
        while more and len(seen) < opened.most and scanned < _MOST_SCANNED:
            rows = await self._fetch(opened.feed.changes(opened.view.looked_at, window), position)
            if not is_gapless([row["_position"] for row in rows], position):
                raise _pruned()
            more, scanned = len(rows) == window, scanned + len(rows)
            fresh = await self._seen(opened.view, [row for row in rows if opened.view.may_concern(row)])
            room = opened.most - len(seen)
            if len(fresh) > room:
                return Found([*seen, *fresh[:room]], fresh[room - 1].position, more=True)
            seen += fresh
            position = rows[-1]["_position"] if rows else position
        return Found(seen, position, more)

    async def _seen(self, view: View, rows: Sequence[Row]) -> list[Seen]:
        before: Mapping[Version, Row] = {}
        if wanted := versions_before(view, rows):
            query = Feed(view.shelf.reader).versions(view.agreement.rows.items)
            subjects, numbers = ([one[place] for one in wanted] for place in (0, 1))
            found = await self._fetch(query, subjects, numbers)
            before = {(row["_subject"], row["_version"]): row for row in found}
        return view.changes(rows, before)

    # ── both ─────────────────────────────────────────────────────────────────────────────────────────

    async def _opened(self, attempt: Attempt, limit: int) -> Opened:
        """Judge a subscription as it stands now: its agreement, in all its terms, and what is left of it."""
        rows = await self._fetch(ONE, subscription_named(attempt), attempt.actor.id)
        if not rows:
            raise unknown_subscription()
        subscription = subscription_of(rows[0])
        attempt.resource = subscription.resource
        stated = Stated(subscription.purpose, subscription.legal_basis, subscription.case_code)
        attempt.stated = stated
        if not subscription.is_active:
            raise SubscriptionEnded(
                "The subscription is cancelled.", hint="Subscribe anew: POST /v1/subscriptions."
            )
        shelf = self._library.shelves[subscription.resource]
        shelf.resource.check_in_use()
        asked = call_of(subscription.items, stated, attempt.organisation)
        agreement = self._door.agreed(attempt, subscription.resource, asked, under=subscription.agreement)
        check_records(agreement)
        items = subscription.items or agreement.items
        view = View(agreement, items, shelf, lambda subjects: self._names(subscription.id, subjects))
        most = min(limit, agreement.max_keys)
        if agreement.quota_per_day is not None:
            at, around = await self._door.circumstances([agreement])
            spent = around.spent.get(agreement.id)
            used = spent.on(around.calendar.day(at)) if spent else 0
            most = max(
                1, min(most, agreement.quota_per_day - used)
            )  # one more than are left is refused, with its reason
        return Opened(subscription, view, Feed(shelf.reader), asked, most)

    def _cursor(self, opened: Opened, use: Use, text: str) -> Cursor:
        cursor = self._cursors.read(opened.subscription.id, use, text)
        self._check_sight(opened, cursor)
        return cursor

    def _check_sight(self, opened: Opened, cursor: Cursor) -> None:
        if cursor.sight != opened.view.sight:
            raise SnapshotNeeded("Items, masks or rows of the agreement are others now.", hint=_PAGES_HINT)

    def _deliver(
        self, attempt: Attempt, opened: Opened, rows: Sequence[Row], told: Sequence[dict[str, Any]]
    ) -> bool:
        """Put on the attempt what its entry has to hold; returns whether anything told is in doubt."""
        attempt.subjects = list(dict.fromkeys(row["_subject"] for row in rows))
        attempt.records = len(rows)
        if (draw := attempt.draw) is not None:
            attempt.draw = Draw(draw.agreement, replace(opened.asked, portion=len(rows)), draw.at)
        doubted = self._door.doubts(opened.subscription.resource)
        if doubted is not None:
            mark(told, rows, opened.view.items, doubted)
        return doubted is not None

    def _told(
        self, opened: Opened, name: str, told: Sequence[Mapping[str, Any]], after: str | None
    ) -> dict[str, Any]:
        subscription = opened.subscription
        return {"subscription": subscription.id, "resource": subscription.resource, name: told, "next": after}

    def _names(self, subscription: str, subjects: Sequence[bytes]) -> list[str]:
        """Return what records are called in a subscription: ids that no other subscriber knows them by."""
        return [name.hex() for name in self._index.digest(f"feed/{subscription}", subjects)]

    async def _fetch(self, sql: str, *values: Any) -> Sequence[Row]:
        return await self._library.fetch(sql, *values)


def _links(id_: str, rest: str) -> dict[str, str]:
    return {"Link": f'</v1/subscriptions/{id_}/{rest}>; rel="next"'}


def _etag(id_: str, began: int, cursor: Cursor) -> str:
    told = f"{id_}/{began}-{cursor.position}/".encode() + cursor.sight
    return f'"{blake2b(told, digest_size=16).hexdigest()}"'


def _pruned() -> SnapshotNeeded:
    return SnapshotNeeded("Changes behind the cursor are no longer kept.", hint=_PAGES_HINT)


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────


def _parameters(attempt: Attempt, *known: str) -> dict[str, str]:
    told = parameters_of(attempt.request.scope["query_string"])
    if told.keys() - set(known):
        raise MalformedRequest(
            "There is a query parameter that is not known.", hint=f"Known are: {', '.join(known)}."
        )
    return told


def _limit(told: Mapping[str, str]) -> int:
    return _number(told, "limit", MOST_TOLD, 1, MOST_TOLD)


def _number(told: Mapping[str, str], name: str, usual: int, low: int, high: int) -> int:
    text = told.get(name, str(usual))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else -1
    if not low <= number <= high:
        raise MalformedRequest(f"Parameter {name} must be a number from {low} to {high}.")
    return number
