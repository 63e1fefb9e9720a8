"""The change feed and the library as it stood at a position of it, read in one statement each, so that ingests may run meanwhile.

A position is given out under the library's lock, in the order of commits and without gaps: who has read up to one has missed none.
Every change names the version it brought about, which is in force or in history and never changes. Part of the security boundary:
rows are sealed here, and what decodes them is ``GoldenReader``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, text

from base_libraries.reading import GoldenReader
from base_libraries.rewriting import lock
from base_libraries.storage import Tables
from schemas.resource import Resource

CHANNEL = "library_changed"
"""On which the code of a resource is told when changes of it are committed."""
INSERT, UPDATE, CLOSE = "insert", "update", "close"
FIRST = b""
"""A subject before all others."""


@dataclass(frozen=True)
class Feed:
    """The queries of one resource's feed, for asyncpg. Sizes are written into them, because plans depend on them."""

    reader: GoldenReader

    @property
    def last(self) -> str:
        """The last position there is."""
        return f"SELECT coalesce(max(_position), 0) AS last FROM {self.reader.tables.change}"

    def changes(self, items: tuple[str, ...], limit: int) -> str:
        """Changes behind position ``$1``, each with the version it brought about, in order.

        Columns are those of ``change_*`` with the moment as ``_told_at``, and of the version what ``items`` need.
        """
        tables = self.reader.tables
        told = "_position, _subject, _version, _operation, _changed, _recorded_at AS _told_at"
        wanted = ", ".join(f"c.{name.rpartition(' ')[2]}" for name in told.split(", "))
        select = f"SELECT {wanted}, {_values(self.reader.resource, items)} FROM c JOIN"
        return (
            f"WITH c AS MATERIALIZED (SELECT {told} FROM {tables.change} WHERE _position > $1 "
            f"ORDER BY _position LIMIT {int(limit)}) "
            f"{select} {tables.golden} v ON v._subject = c._subject AND v._version = c._version "
            f"UNION ALL {select} {tables.history} v ON v._subject = c._subject AND v._version = c._version "
            f"ORDER BY _position"
        )

    def versions(self, items: tuple[str, ...]) -> str:
        """Versions in history, by subjects ``$1`` and version numbers ``$2``."""
        return (
            f"SELECT v._subject, v._version, {_values(self.reader.resource, items)} "
            f"FROM unnest($1::bytea[], $2::integer[]) AS n (s, n) "
            f"JOIN {self.reader.tables.history} v ON v._subject = n.s AND v._version = n.n"
        )

    def bound(self, limit: int) -> str:
        """Where a page of the library as it stood at position ``$1`` ends that begins behind subject ``$2``.

        ``bound`` is None on the last page; ``missing`` how many changes since are no longer kept.
        """
        tables = self.reader.tables
        some = f"WHERE _subject > $2 ORDER BY _subject LIMIT {int(limit)}"
        both = f"(SELECT _subject FROM {tables.golden} {some}) UNION (SELECT _subject FROM since {some})"
        return (
            f"WITH {self._since} SELECT (SELECT _subject FROM ({both}) AS both_of_them ORDER BY _subject OFFSET {int(limit) - 1} "
            f"LIMIT 1) AS bound, (SELECT coalesce(max(_position), $1::bigint) - $1::bigint - count(*) FROM {tables.change} "
            f"WHERE _position > $1) AS missing"
        )

    def page(self, items: tuple[str, ...], last: bool) -> str:
        """The records as they stood at position ``$1`` behind subject ``$2`` and, unless it is the ``last`` page, up to ``$3``."""
        tables, values = self.reader.tables, _values(self.reader.resource, items)
        within = "v._subject > $2" + ("" if last else " AND v._subject <= $3")
        select = f"SELECT v._subject, v._version, {values} FROM"
        return (
            f"WITH {self._since} {select} {tables.golden} v WHERE {within} "
            f"AND NOT EXISTS (SELECT FROM since WHERE since._subject = v._subject) UNION ALL "
            f"{select} since JOIN {tables.history} v ON v._subject = since._subject AND v._version = since._version "
            f"WHERE {within} ORDER BY _subject"
        )

    @property
    def _since(self) -> str:
        """Subjects changed since position ``$1``, with the version that was in force before; null where there was none."""
        return (
            f"since AS MATERIALIZED (SELECT DISTINCT ON (_subject) _subject, CASE _operation WHEN '{UPDATE}' THEN _version - 1 "
            f"WHEN '{CLOSE}' THEN _version END AS _version FROM {self.reader.tables.change} WHERE _position > $1 "
            f"ORDER BY _subject, _position)"
        )


@lru_cache(maxsize=256)
def _columns(resource: Resource, items: tuple[str, ...]) -> tuple[str, ...]:
    wanted = [resource.item(name) for name in items]
    sealed = ["_sealed"] if any(item.sealed for item in wanted) else []
    return ("_valid_from", *sealed, *(item.name for item in wanted if not item.sealed))


def _values(resource: Resource, items: tuple[str, ...]) -> str:
    return ", ".join(f'v."{name}"' for name in _columns(resource, items))


def prune(connection: Connection, resource: Resource, before: datetime) -> int:
    """Forget changes recorded before a moment; returns how many. Records and their history stay. The caller commits.

    The last change stays, from which positions are counted on, and the last close, by which the library knows that there was one.
    """
    lock(connection, resource)
    change = Tables(resource).change
    kept = (
        f"SELECT max(_position) FROM {change} UNION SELECT max(_position) FROM {change} "
        f"WHERE _operation = '{CLOSE}'"
    )
    pruned = f"""
        DELETE FROM {change} WHERE _position < (
            SELECT coalesce(min(_position), (SELECT max(_position) FROM {change})) FROM {change} WHERE _recorded_at >= :before
        ) AND _position NOT IN (SELECT p FROM ({kept}) AS kept (p) WHERE p IS NOT NULL)
    """
    return connection.execute(text(pruned), {"before": before}).rowcount


def announcement(resource: Resource) -> str:
    """Return the statement that tells, when its transaction commits, that a resource has changed."""
    return f"NOTIFY {CHANNEL}, '{resource.code}'"


def is_gapless(positions: Sequence[int], after: int) -> bool:
    """Whether these are the positions right behind one, in order, none missing."""
    return not positions or (positions[0] == after + 1 and positions[-1] == after + len(positions))
