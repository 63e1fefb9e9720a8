"""Subscriptions by pull: the snapshot page by page, and the changes behind it, waited for where there are none yet.

Part of the security boundary: records pass through in the clear. Each page is an answer with an entry of its own.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from base_libraries.feed import FIRST
from exchange_api.announcements import Announcements
from exchange_api.answers import Body
from exchange_api.attempt import Attempt
from exchange_api.calls import parameters_of
from exchange_api.delivery import (
    MOST_SCANNED,
    MOST_TOLD,
    WINDOW,
    Deliveries,
    Found,
    Opened,
    check_sight,
    pruned,
)
from exchange_api.formats import Format, format_for
from exchange_api.library import Row
from exchange_api.subscription_cursor import Cursor, Use
from exchange_api.subscription_desk import subscription_named
from exchange_api.tabular import CHANGES, STOOD, Layout
from schemas.errors import MalformedRequest

LONGEST_WAIT = 60  # seconds
_LOOK_AGAIN = 5.0  # seconds, where no announcement is heard


class ChangeDesk:
    """The readings of a subscription's snapshot and changes."""

    def __init__(self, deliveries: Deliveries, announcements: Announcements) -> None:
        self._deliveries, self._cursors = deliveries, deliveries.cursors
        self._announcements = announcements

    # ── the snapshot ─────────────────────────────────────────────────────────────────────────────────

    async def snapshot(self, attempt: Attempt) -> Any:
        """Answer a page of the records as they stood when the snapshot was begun, and the cursor of the changes since."""
        told, form = _parameters(attempt, "after", "limit"), format_for(attempt.headers)
        opened = await self._opened(attempt, _limit(told))
        id_, feed, view = opened.subscription.id, opened.feed, opened.view
        if "after" in told:
            cursor = self._deliveries.cursor(opened, Use.SNAPSHOT, told["after"])
        else:
            last = await self._fetch(feed.last)
            cursor = Cursor(last[0]["last"] if last else 0, view.sight, FIRST)
        records, end = await self._standing(attempt, opened, cursor)
        self._deliveries.put(attempt, opened, [row for row, _ in records], [one for _, one in records])
        changes = self._cursors.write(id_, Use.CHANGES, replace(cursor, subject=b""))
        after = None if end is None else self._cursors.write(id_, Use.SNAPSHOT, replace(cursor, subject=end))
        links = {"monitor": f"changes?after={changes}"} | (
            {"next": f"snapshot?after={after}"} if after else {}
        )
        attempt.sent = _links(id_, links)
        page = [one for _, one in records]
        if form.encoder is not None:
            return _body(opened, form, STOOD, page)
        return self._told(opened, "records", page, after) | {"changes": changes}

    async def _standing(
        self, attempt: Attempt, opened: Opened, cursor: Cursor
    ) -> tuple[list[tuple[Row, dict[str, Any]]], bytes | None]:
        """Read on until a page is full or the snapshot ends; returns what is told, and behind which subject it goes on, None at the end."""
        told: list[tuple[Row, dict[str, Any]]] = []
        scanned, end, window = 0, cursor.subject, max(opened.most, WINDOW)
        while len(told) < opened.most and scanned < MOST_SCANNED:
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
            raise pruned()
        end = bounds[0]["bound"] if bounds else None
        place = place if end is None else (*place, end)
        return await self._fetch(opened.feed.page(opened.view.looked_at, end is None), *place), end

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────

    async def changes(self, attempt: Attempt) -> Any:
        """Answer a page of changes behind a cursor; where there are none, wait for them up to ``wait`` seconds."""
        told, form = _parameters(attempt, "after", "limit", "wait"), format_for(attempt.headers)
        if "after" not in told:
            raise MalformedRequest("Parameter after is missing.", hint="The snapshot gives the first cursor.")
        limit, wait = _limit(told), _number(told, "wait", 0, 0, LONGEST_WAIT)
        until = time.monotonic() + wait
        opened = await self._opened(attempt, limit)
        cursor = self._deliveries.cursor(opened, Use.CHANGES, told["after"])
        began = cursor.position
        while True:
            with self._announcements.heard(opened.subscription.resource) as heard:
                found = await self._deliveries.found(opened, cursor.position)
                if found.seen or found.more or time.monotonic() >= until:
                    break
                cursor = replace(cursor, position=found.position)
                await heard(min(_LOOK_AGAIN, until - time.monotonic()))
            opened = await self._opened(attempt, limit)  # what was agreed when it began may be so no more
            check_sight(opened, cursor.sight)
        return self._answered(attempt, opened, replace(cursor, position=found.position), found, (began, form))

    def _answered(
        self, attempt: Attempt, opened: Opened, cursor: Cursor, found: Found, asked: tuple[int, Format]
    ) -> Any:
        told, (began, form) = [one.told for one in found.seen], asked
        marked = self._deliveries.put(attempt, opened, [one.row for one in found.seen], told)
        id_ = opened.subscription.id
        if not marked:  # the same stretch of the feed, seen the same way, is the same answer for ever
            attempt.has_fresh(_etag(id_, began, cursor, form))
        after = self._cursors.write(id_, Use.CHANGES, cursor)
        attempt.sent = _links(id_, {"next": f"changes?after={after}"})
        if form.encoder is not None:
            return _body(opened, form, CHANGES, told)
        return self._told(opened, "changes", told, after) | {"more": found.more}

    # ── both ─────────────────────────────────────────────────────────────────────────────────────────

    async def _opened(self, attempt: Attempt, limit: int) -> Opened:
        return await self._deliveries.opened(attempt, subscription_named(attempt), limit)

    def _told(
        self, opened: Opened, name: str, told: Sequence[Mapping[str, Any]], after: str | None
    ) -> dict[str, Any]:
        subscription = opened.subscription
        return {"subscription": subscription.id, "resource": subscription.resource, name: told, "next": after}

    async def _fetch(self, sql: str, *values: Any) -> Sequence[Row]:
        return await self._deliveries.fetch(sql, *values)


def _links(id_: str, links: Mapping[str, str]) -> dict[str, str]:
    told = (f'</v1/subscriptions/{id_}/{rest}>; rel="{rel}"' for rel, rest in links.items())
    return {"Link": ", ".join(told)}


def _body(
    opened: Opened, form: Format, beside: tuple[pa.Field, ...], told: Sequence[Mapping[str, Any]]
) -> Body:
    """Return a page in a form that has no place for cursors: they are in its Link header."""
    view = opened.view
    masked = view.agreement.masked & set(view.items)
    layout = Layout(view.shelf.resource, view.items, masked, keyed=False, beside=beside)
    return Body(form.media_type, form.whole(layout, told))


def _etag(id_: str, began: int, cursor: Cursor, form: Format) -> str:
    told = f"{id_}/{began}-{cursor.position}/{form.media_type}/".encode() + cursor.sight
    return f'"{blake2b(told, digest_size=16).hexdigest()}"'


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
