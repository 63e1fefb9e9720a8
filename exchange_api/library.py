"""Golden records for the door: many calls' keys in one query.

Part of the security boundary: what ``Found`` decodes is in the clear.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg

from base_libraries.reading import GoldenReader
from exchange_api.moments import Moment
from infra.coalescing import Coalescer
from infra.keyring import Keyring
from infra.lanes import Lanes
from schemas.errors import DatabaseUnavailable, FilterTooCostly
from schemas.masking import mask_of
from schemas.resource import Resource

LANES = 2
CHOOSING_LANES = 2  # for selections, of their own: calls by key must not wait for them
SELECTION_SECONDS = 5
_BOUNDED = f"BEGIN READ ONLY; SET LOCAL statement_timeout = '{SELECTION_SECONDS}s'; SET LOCAL jit = off"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One resource, ready to be read from."""

    resource: Resource
    reader: GoldenReader
    by_key: Coalescer[bytes, Row | None]
    masks: Mapping[str, Callable[[Any], Any]]


class Library:
    """Every resource's shelf, over one pool of connections; ``shelves`` is replaced whole when other resources are in force."""

    def __init__(
        self, resources: Mapping[str, Resource], keyring: Keyring, lanes: Lanes, choosing: Lanes
    ) -> None:
        self._lanes, self._choosing, self._keyring = lanes, choosing, keyring
        self._batches: dict[int, str] = {}
        self.shelves: Mapping[str, Shelf] = {}
        self.renew(resources)

    def renew(self, resources: Mapping[str, Resource]) -> None:
        """Have a shelf for each of these; those whose resource is the same stay, with what waits on them."""
        held = self.shelves
        fresh = {
            code: held[code] if code in held and held[code].resource is resource else self._shelf(resource)
            for code, resource in resources.items()
        }
        if fresh.keys() != held.keys() or any(fresh[code] is not held[code] for code in fresh):
            self.shelves = fresh

    def _shelf(self, resource: Resource) -> Shelf:
        reader = GoldenReader(resource, self._keyring)
        by_key = Coalescer(partial(self._rows_in_order, reader.sql), lanes=LANES)
        return Shelf(resource, reader, by_key, {item.name: mask_of(item) for item in resource.items})

    async def _rows_in_order(self, sql: str, subjects: list[bytes]) -> Sequence[Row | None]:
        found = {row["_subject"]: row for row in await self._fetch(sql, subjects)}
        return [found.get(subject) for subject in subjects]

    async def by_keys(self, shelf: Shelf, subjects: Sequence[bytes]) -> dict[bytes, list[Row]]:
        """Return the rows of many keys by blind index: one query of its own."""
        return {row["_subject"]: [row] for row in await self._fetch(shelf.reader.sql, subjects)}

    async def by_lookup(self, shelf: Shelf, item: str, indexes: Sequence[bytes]) -> dict[bytes, list[Row]]:
        """Return the rows that hold these values of a lookup item, by blind index."""
        column = shelf.reader.tables.lookups[item]
        found: dict[bytes, list[Row]] = {}
        for row in await self._fetch(shelf.reader.lookup_sql(item), indexes):
            found.setdefault(row[column], []).append(row)
        return found

    async def history(self, shelf: Shelf, subjects: Sequence[bytes]) -> dict[bytes, list[Row]]:
        """Return what was known of subjects before, by subject, the newest version first."""
        found: dict[bytes, list[Row]] = {}
        for row in await self._fetch(shelf.reader.history_sql, subjects):
            found.setdefault(row["_subject"], []).append(row)
        return found

    async def versions(self, shelf: Shelf, subjects: Sequence[bytes], moment: Moment) -> dict[bytes, Row]:
        """Return the version of each record that there is now as of a moment, of those that had one."""
        found = await self.fetch(shelf.reader.versions_sql(moment.by), subjects, moment.at)
        return {row["_subject"]: row for row in found}

    async def selected(self, sql: str, parameters: Sequence[Any]) -> Sequence[Row]:
        """Return the rows of a selection; ``FilterTooCostly`` where they are not found in time."""
        try:
            return await self._selected_once(sql, parameters)
        except DatabaseUnavailable:  # as in _fetch
            return await self._selected_once(sql, parameters)

    async def _selected_once(self, sql: str, parameters: Sequence[Any]) -> Sequence[Row]:
        async with self._choosing.one() as connection:
            await connection.execute(_BOUNDED)
            try:
                rows: Sequence[Row] = await connection.fetch(sql, *parameters)
            except asyncpg.UndefinedTableError:
                await connection.execute("ROLLBACK")
                return []
            except asyncpg.QueryCanceledError:
                await connection.execute("ROLLBACK")
                raise FilterTooCostly(
                    f"The records were not found within {SELECTION_SECONDS} seconds.",
                    hint="Ask for fewer by another condition, on an item that can be filtered by.",
                ) from None
            await connection.execute("COMMIT")
            return rows

    async def provenance(self, shelf: Shelf, row: Row, items: Sequence[str]) -> dict[str, Any]:
        """Return where each item of a row came from."""
        unknown = shelf.reader.batches_of(row) - self._batches.keys()
        if unknown:
            query = "SELECT number, source FROM library.batch WHERE number = ANY($1::int[])"
            self._batches |= {
                batch["number"]: batch["source"] for batch in await self._fetch(query, list(unknown))
            }
        return shelf.reader.provenance(row, items, self._batches)

    async def _fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        return await self.fetch(sql, values)

    async def fetch(self, sql: str, *values: Any) -> Sequence[Row]:
        """Return the rows of a query, none where the resource has no tables yet; it is asked again where a connection breaks."""
        try:
            return await self._fetch_once(sql, values)
        except DatabaseUnavailable:  # the connection may just have been cut; there are others
            return await self._fetch_once(sql, values)

    async def _fetch_once(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        async with self._lanes.one() as connection:
            try:
                return await connection.fetch(sql, *values)
            except asyncpg.UndefinedTableError:
                return []  # nothing was ever ingested into this resource
