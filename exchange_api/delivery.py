"""What is delivered to a subscriber, however it is: judged as it stands at that moment, read, and put on the attempt for its entry.

Part of the security boundary: records pass through in the clear. Every delivery's agreement is judged as it is then, its entry names
every record it tells of, and what it tells is drawn from the quota in the commit of that entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from base_libraries.feed import Feed, is_gapless
from catalog.spending import Draw
from catalog.subscription import Subscription, subscription_of
from catalog.subscriptions import ONE, unknown_subscription
from exchange_api.attempt import Attempt
from exchange_api.calls import Call, Stated
from exchange_api.door import Door
from exchange_api.doubt_marks import mark
from exchange_api.library import Library, Row
from exchange_api.subscription_cursor import Cursor, Cursors, Use
from exchange_api.subscription_desk import call_of
from exchange_api.subscription_view import Seen, Version, View, versions_before
from infra.keyring import Keyring
from infra.sealing import BlindIndex
from schemas.errors import SnapshotNeeded, SubscriptionEnded

MOST_TOLD = 1_000  # records or changes at once
MOST_SCANNED = 20_000  # changes that are looked at for them, of which few may concern the subscriber
WINDOW = 500  # changes that are read at once, at least
_HINT = "Begin anew with the snapshot: GET /v1/subscriptions/{id}/snapshot."


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


class Deliveries:
    """Opens subscriptions for delivery and reads what is to be delivered."""

    def __init__(self, library: Library, door: Door, keyring: Keyring) -> None:
        self._library, self._door = library, door
        self.cursors, self._index = Cursors(keyring), BlindIndex(keyring)

    async def opened(self, attempt: Attempt, id_: str, limit: int) -> Opened:
        """Judge a subscription as it stands now: its agreement, in all its terms, and what is left of it."""
        rows = await self.fetch(ONE, id_, attempt.actor.id)
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

    async def found(self, opened: Opened, position: int, until: int | None = None) -> Found:
        """Read on until a page is full or the feed ends, no further than ``until``; what is not told is passed over."""
        seen: list[Seen] = []
        scanned, more, window = 0, True, max(opened.most, WINDOW)
        while more and len(seen) < opened.most and scanned < MOST_SCANNED:
            rows = await self.fetch(opened.feed.changes(opened.view.looked_at, window), position)
            if not is_gapless([row["_position"] for row in rows], position):
                raise pruned()
            more, scanned = len(rows) == window, scanned + len(rows)
            if until is not None and rows and rows[-1]["_position"] >= until:
                more, rows = False, [row for row in rows if row["_position"] <= until]
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
            found = await self.fetch(query, subjects, numbers)
            before = {(row["_subject"], row["_version"]): row for row in found}
        return view.changes(rows, before)

    def put(
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

    def cursor(self, opened: Opened, use: Use, text: str) -> Cursor:
        """Read a cursor of the subscription, or raise ``WrongCursor`` or ``SnapshotNeeded``."""
        cursor = self.cursors.read(opened.subscription.id, use, text)
        check_sight(opened, cursor.sight)
        return cursor

    def _names(self, subscription: str, subjects: Sequence[bytes]) -> list[str]:
        """Return what records are called in a subscription: ids that no other subscriber knows them by."""
        return [name.hex() for name in self._index.digest(f"feed/{subscription}", subjects)]

    async def fetch(self, sql: str, *values: Any) -> Sequence[Row]:
        """Return the rows of a query."""
        return await self._library.fetch(sql, *values)


def check_sight(opened: Opened, sight: bytes) -> None:
    """Raise ``SnapshotNeeded`` where what was told before was seen under other terms."""
    if sight != opened.view.sight:
        raise SnapshotNeeded("Items, masks or rows of the agreement are others now.", hint=_HINT)


def pruned() -> SnapshotNeeded:
    """Return the error of a place in the feed behind which changes are gone."""
    return SnapshotNeeded("Changes behind the cursor are no longer kept.", hint=_HINT)
