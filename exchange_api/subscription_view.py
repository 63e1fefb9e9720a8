"""What a subscriber sees of a library and of its changes: the agreed items of the agreed rows, and nothing else.

Part of the security boundary: records pass through in the clear. A record that comes into the agreed rows is an insert, one that leaves
them a close, and a change of nothing agreed is not told.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import orjson

from base_libraries.feed import CLOSE, INSERT, UPDATE
from catalog.agreement import Agreement
from exchange_api.library import Row, Shelf
from exchange_api.subscription_cursor import SIGHT_BYTES

Version = tuple[bytes, int]
Names = Callable[[Sequence[bytes]], Sequence[str]]


@dataclass(frozen=True)
class Seen:
    """A change as the subscriber sees it, and the row it is told from; ``told`` is JSON-ready."""

    position: int
    row: Row
    told: dict[str, Any]


@dataclass(frozen=True)
class View:
    """One subscriber's sight of one resource, by the agreement as it is now; ``names`` gives records their ids in this subscription."""

    agreement: Agreement
    items: tuple[str, ...]
    shelf: Shelf
    names: Names

    @cached_property
    def looked_at(self) -> tuple[str, ...]:
        """The items that are read: those told and those the agreed rows are known by."""
        return tuple(dict.fromkeys((*self.items, *self.agreement.rows.items)))

    @cached_property
    def sight(self) -> bytes:
        """A digest of what is seen: items, masks and rows. What was told under another is no ground to go on from."""
        masked = sorted(self.agreement.masked & set(self.items))
        told = orjson.dumps([self.items, masked, self.agreement.rows.as_list()])
        return blake2b(told, digest_size=SIGHT_BYTES).digest()

    @cached_property
    def _key(self) -> tuple[str, ...]:
        key = self.shelf.resource.key.name
        return (key,) if key in self.items else ()

    @cached_property
    def _watched(self) -> frozenset[str]:
        return frozenset(self.looked_at)

    # ── the library as it stood ──────────────────────────────────────────────────────────────────────

    def records(self, rows: Sequence[Row]) -> list[tuple[Row, dict[str, Any]]]:
        """Return the rows that are agreed, each with what is told of it."""
        kept = [row for row, inside in zip(rows, self._inside(rows), strict=True) if inside]
        return [
            (
                row,
                {"record": name, "version": row["_version"], "valid_from": row["_valid_from"], "data": data},
            )
            for row, name, data in zip(kept, self._named(kept), self._data(kept, self.items), strict=True)
        ]

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────

    def may_concern(self, row: Row) -> bool:
        """Tell, without opening anything, whether a change can be one that is told."""
        return row["_operation"] != UPDATE or not self._watched.isdisjoint(row["_changed"] or ())

    def crosses(self, row: Row) -> bool:
        """Whether a change may lead into the agreed rows or out of them, so that the version before has to be looked at."""
        return row["_operation"] == UPDATE and not self._conditioned.isdisjoint(row["_changed"] or ())

    @cached_property
    def _conditioned(self) -> frozenset[str]:
        return frozenset(self.agreement.rows.items)

    def changes(self, rows: Sequence[Row], before: Mapping[Version, Row]) -> list[Seen]:
        """Return the changes that are told, in their order; ``before`` has the version before of each that ``crosses``."""
        if not self.agreement.rows.conditions:
            kept = [(row, row["_operation"]) for row in rows if self._shows(row)]
        else:
            kept = [
                (row, operation) for row, operation in self._judged(rows, before) if operation is not None
            ]
        return self._told(kept)

    def _shows(self, row: Row) -> bool:
        return row["_operation"] != UPDATE or not self._shown.isdisjoint(row["_changed"])

    @cached_property
    def _shown(self) -> frozenset[str]:
        return frozenset(self.items)

    def _judged(self, rows: Sequence[Row], before: Mapping[Version, Row]) -> Iterator[tuple[Row, str | None]]:
        """Yield each row with what it is to who sees the agreed rows alone."""
        crossing = [self.crosses(row) for row in rows]
        earlier = [before[_before(row)] for row, crosses in zip(rows, crossing, strict=True) if crosses]
        was_inside = iter(self._inside(earlier))
        for row, now, crosses in zip(rows, self._inside(rows), crossing, strict=True):
            yield row, self._operation(row, now, next(was_inside) if crosses else now)

    def _operation(self, row: Row, now: bool, before: bool) -> str | None:
        operation: str = row["_operation"]
        if operation != UPDATE:
            return operation if now else None
        if now and before:
            return UPDATE if self._shows(row) else None
        return INSERT if now else CLOSE if before else None

    def _told(self, kept: Sequence[tuple[Row, str]]) -> list[Seen]:
        rows = [row for row, _ in kept]
        whole = iter(self._data([row for row, operation in kept if operation != CLOSE], self.items))
        keys = iter(self._data([row for row, operation in kept if operation == CLOSE], self._key))
        found = []
        for (row, operation), name in zip(kept, self._named(rows), strict=True):
            told = {
                "operation": operation,
                "record": name,
                "version": row["_version"],
                "valid_from": row["_valid_from"],
                "recorded_at": row["_told_at"],
            }
            if operation == UPDATE:
                changed = set(row["_changed"])
                told["changed"] = [item for item in self.items if item in changed]
            told["data"] = next(keys if operation == CLOSE else whole)
            found.append(Seen(row["_position"], row, told))
        return found

    # ── both ─────────────────────────────────────────────────────────────────────────────────────────

    def _inside(self, rows: Sequence[Row]) -> list[bool]:
        """Say of each row whether it is agreed."""
        agreed = self.agreement.rows
        if not agreed.conditions or not rows:
            return [True] * len(rows)
        return [agreed.hold(record) for record in self.shelf.reader.records(rows, agreed.items)]

    def _data(self, rows: Sequence[Row], items: tuple[str, ...]) -> list[dict[str, Any]]:
        if not items or not rows:
            return [{} for _ in rows]
        records = self.shelf.reader.records(rows, items)
        for name in self.agreement.masked & set(items):
            mask = self.shelf.masks[name]
            for record in records:
                record[name] = mask(record[name])
        return records

    def _named(self, rows: Sequence[Row]) -> Sequence[str]:
        return self.names([row["_subject"] for row in rows])


def _before(row: Row) -> Version:
    return row["_subject"], row["_version"] - 1


def versions_before(view: View, rows: Sequence[Row]) -> list[Version]:
    """Return the versions that ``View.changes`` has to look at beside the rows."""
    return [_before(row) for row in rows if view.crosses(row)]
