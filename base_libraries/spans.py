"""From when until when a record said what it said of an item: its versions compared, for whoever was told something wrong.

Part of the security boundary: the versions are opened here to be compared; what leaves is numbers and moments, and values only
of the items that tell whether an agreement covers a record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from base_libraries.reading import GoldenReader


@dataclass(frozen=True, slots=True)
class Span:
    """The versions in a row in which items had the same values; ``since`` is when the first of them was recorded.

    ``changed`` is the version that has another value, recorded ``until``; of a record that is no more it is its last version, and
    ``until`` is None. ``indexes`` are what the record could be asked for by meanwhile: its subject, and blind indexes of lookup items;
    ``first`` and ``last`` are the versions.
    """

    first: int
    last: int
    since: datetime
    changed: int | None
    until: datetime | None
    indexes: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Standing:
    """The version of a record in force; ``values`` are JSON-ready, of the items asked for."""

    version: int
    indexes: frozenset[bytes]
    values: Mapping[str, Any]


def standing(
    connection: Connection, reader: GoldenReader, subject: bytes, items: Sequence[str] = ()
) -> Standing | None:
    """Return the version in force, None where there is no record."""
    query = text(f"SELECT {_names(reader)} FROM {reader.tables.golden} WHERE _subject = :subject")
    row = connection.execute(query, {"subject": subject}).mappings().first()
    if row is None:
        return None
    (values,) = reader.records([dict(row)], tuple(items))
    return Standing(row["_version"], _indexes(reader, subject, [row]), values)


def span(
    connection: Connection, reader: GoldenReader, subject: bytes, items: Sequence[str], version: int
) -> Span | None:
    """Return the span around a version of a record in which the items did not change; None where it never had that version."""
    rows = _versions(connection, reader, subject)
    places = {row["_version"]: place for place, row in enumerate(rows)}
    if version not in places:
        return None
    values = reader.records(rows, tuple(items))
    first = last = places[version]
    while first > 0 and values[first - 1] == values[first]:
        first -= 1
    while last + 1 < len(rows) and values[last + 1] == values[last]:
        last += 1
    indexes = _indexes(reader, subject, rows[first : last + 1])
    head = (rows[first]["_version"], rows[last]["_version"], rows[first]["_recorded_at"])
    if last + 1 < len(rows):
        changed = rows[last + 1]
        return Span(*head, changed["_version"], changed["_recorded_at"], indexes)
    return Span(*head, None if rows[last]["is_in_force"] else rows[last]["_version"], None, indexes)


def values_in(
    connection: Connection, reader: GoldenReader, subject: bytes, items: Sequence[str], within: Span
) -> list[dict[str, Any]]:
    """Return the values, JSON-ready, that items had in the versions of a span, version by version."""
    rows = _versions(connection, reader, subject)
    return reader.records(
        [row for row in rows if within.first <= row["_version"] <= within.last], tuple(items)
    )


def _versions(connection: Connection, reader: GoldenReader, subject: bytes) -> list[Mapping[str, Any]]:
    names = _names(reader)
    query = text(
        f"SELECT {names}, true AS is_in_force FROM {reader.tables.golden} WHERE _subject = :subject UNION ALL "
        f"SELECT {names}, false FROM {reader.tables.history} WHERE _subject = :subject ORDER BY _version"
    )
    return [dict(row) for row in connection.execute(query, {"subject": subject}).mappings()]


def _names(reader: GoldenReader) -> str:
    return ", ".join(f'"{name}"' for name in (*reader.columns, "_recorded_at"))


def _indexes(
    reader: GoldenReader, subject: bytes, rows: Sequence[Mapping[Any, Any]]
) -> frozenset[bytes]:  # fmt: skip
    columns = reader.tables.lookups.values()
    return frozenset(
        {subject, *(bytes(row[name]) for row in rows for name in columns if row[name] is not None)}
    )
