"""Where the items of one record came from, and what the departments said of them; a few queries by key, whatever the library.

Part of the security boundary: a version and its contributions are opened here to be compared. What leaves is metadata, and
values only where they are asked for, masked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from base_libraries.reading import GoldenReader
from base_libraries.survivorship import Rule, origin_at
from schemas.masking import example_of
from schemas.resource import Item


@dataclass(frozen=True)
class Moment:
    """Which version is asked for: that number, the one known at that time, or, with neither, the last there was."""

    version: int | None = None
    as_of: datetime | None = None


LATEST = Moment()


@dataclass(frozen=True)
class Came:
    """A batch, as far as lineage tells of it; ``report`` has its quality records: counts, no values."""

    number: int
    source: str
    window: str
    digest: str
    recorded_at: datetime
    report: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Word:
    """What one source says of an item: ``same`` as the record, ``other`` than it, or ``nothing``.

    ``since`` says that it said so only after the version was recorded; ``value`` is masked, None where it was not asked for.
    """

    source: int
    batch: int
    row: str | None
    observed_at: datetime
    says: str
    since: bool
    value: str | None


@dataclass(frozen=True)
class ItemOrigin:
    """The batch and the rule by which an item has its value, None where it has none, and every source's word now."""

    item: Item
    batch: int | None
    rule: Rule | None
    words: Sequence[Word]
    value: str | None


@dataclass(frozen=True)
class Origins:
    """A version of a record with its items' origins; ``valid_to`` is None where it is in force.

    ``batches`` has every batch that an item or a word came in; ``decided_by`` is the last that the decision knew of.
    """

    version: int
    valid_from: datetime
    recorded_at: datetime
    valid_to: datetime | None
    items: Sequence[ItemOrigin]
    batches: Mapping[int, Came]
    decided_by: int


def origins(
    connection: Connection,
    reader: GoldenReader,
    subject: bytes,
    items: Sequence[str],
    moment: Moment,
    *,
    values: bool = False,
) -> Origins | None:
    """Return the origins of the items of a subject's record, None where there is no such version; ``values`` adds them, masked."""
    row = _version(connection, reader, subject, moment)
    if row is None:
        return None
    said = _contributions(connection, reader, subject)
    came = _batches(connection, reader.batches_of(row) | {given["_batch"] for given in said})
    late = {given["_source"] for given in said if _is_late(row, came.get(given["_batch"]))}
    names = tuple(items)
    record = reader.records([row], names)[0]
    opened = reader.records(said, names, "contribution")
    asked = _Asked(reader, row, record, list(zip(said, opened, strict=True)), late, values)
    weighed = [given["_batch"] for given in said if given["_source"] not in late]
    decided_by = max((*reader.batches_of(row), *weighed), default=0)
    times = (row["_valid_from"], row["_recorded_at"], row["_valid_to"])
    return Origins(row["_version"], *times, [_origin(asked, name) for name in names], came, decided_by)


def _version(
    connection: Connection, reader: GoldenReader, subject: bytes, moment: Moment
) -> Mapping[str, Any] | None:
    names = ", ".join(f'"{name}"' for name in (*reader.columns, "_recorded_at"))
    tables = reader.tables
    query = text(
        f"SELECT * FROM (SELECT {names}, NULL::timestamptz AS _valid_to FROM {tables.golden} WHERE _subject = :subject "
        f"UNION ALL SELECT {names}, _valid_to FROM {tables.history} WHERE _subject = :subject) AS known "
        f"WHERE (CAST(:version AS integer) IS NULL OR _version = :version) "
        f"AND (CAST(:at AS timestamptz) IS NULL OR _recorded_at <= :at) ORDER BY _version DESC LIMIT 1"
    )
    told = {"subject": subject, "version": moment.version, "at": moment.as_of}
    found = connection.execute(query, told).mappings().one_or_none()
    return None if found is None else dict(found)


def _contributions(connection: Connection, reader: GoldenReader, subject: bytes) -> list[Mapping[str, Any]]:
    open_items = "".join(f', "{item.name}"' for item in reader.resource.open_items)
    query = text(
        f"SELECT _subject, _source, _batch, _observed_at, _row, _sealed{open_items} "
        f"FROM {reader.tables.contribution} WHERE _subject = :subject ORDER BY _source"
    )
    return [dict(row) for row in connection.execute(query, {"subject": subject}).mappings()]


def _batches(connection: Connection, numbers: Iterable[int]) -> dict[int, Came]:
    query = text(
        "SELECT number, source, pull_window, digest, recorded_at, report FROM library.batch WHERE number = ANY(:numbers)"
    )
    return {row.number: Came(*row) for row in connection.execute(query, {"numbers": sorted(numbers)})}


def _is_late(row: Mapping[str, Any], came: Came | None) -> bool:
    """Whether a word came after a version that is no longer in force; of the one in force every word was weighed."""
    return row["_valid_to"] is not None and came is not None and came.recorded_at > row["_recorded_at"]


@dataclass(frozen=True)
class _Asked:
    reader: GoldenReader
    row: Mapping[str, Any]
    record: Mapping[str, Any]
    said: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
    late: Collection[int]
    values: bool


def _origin(asked: _Asked, name: str) -> ItemOrigin:
    resource, known = asked.reader.resource, asked.record[name]
    item = resource.item(name)
    masked = example_of(item) if asked.values else _absent
    batch, rule = origin_at(asked.row["_provenance"], resource.position(name)) or (None, None)
    words = [
        Word(
            given["_source"], given["_batch"], given["_row"], given["_observed_at"], _says(clear[name], known),
            given["_source"] in asked.late, masked(clear[name]),
        )
        for given, clear in asked.said
    ]  # fmt: skip
    return ItemOrigin(item, batch, rule, words, masked(known))


def _says(word: Any, known: Any) -> str:
    return "nothing" if word is None else "same" if word == known else "other"


def _absent(_value: Any) -> None:
    return None
