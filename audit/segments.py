"""Which calls asked for a subject: found without reading the ledger, however long it is.

Sealed entries are indexed by segments of leaves. Of each subject asked for in a segment six bytes are kept, by its first byte: the next
four, and which leaf it was. Blind indexes are as good as random, so that one in hundreds of thousands is taken for another's; what
is found is compared in full. An index over all subjects would be written at random places with every call; this one grows at its
end, in the background. Behind it, the entries not yet indexed are read themselves.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

LEAVES = 8_192  # of a segment; at most 32,768, for a leaf's place takes two bytes
_AT_ONCE = 64  # segments, where a ledger was there before its index
_READ = "kind = 'call' AND outcome = 'answered' AND subjects IS NOT NULL"

_DUE = text("""
    SELECT coalesce((SELECT max(number) + 1 FROM ledger.segment), 0) AS first,
        coalesce((SELECT max(size) FROM ledger.checkpoint), 0) / :leaves AS behind
""")
_LEAVES_OF = """
    (SELECT number, entry FROM ledger.leaf WHERE {leaves} OFFSET 0) AS leaf
    CROSS JOIN LATERAL (SELECT * FROM ledger.entry WHERE id = leaf.entry OFFSET 0) AS entry
"""
_SPAN = _LEAVES_OF.format(leaves="number >= :low AND number < :high")
_INDEX = text(f"""
    WITH read AS MATERIALIZED (
        SELECT leaf.number - :low AS place, at, CASE WHEN {_READ} THEN subjects END AS subjects FROM {_SPAN}
    ), segment AS (
        INSERT INTO ledger.segment SELECT :number, min(at), max(at) FROM read
    )
    INSERT INTO ledger.segment_subject (head, segment, prints)
    SELECT get_byte(subjects, 16 * key), :number,
        string_agg(substring(subjects, 16 * key + 2, 4) || int2send(place::smallint), '')
    FROM read, generate_series(0, octet_length(subjects) / 16 - 1) AS key GROUP BY 1
""")


@dataclass(frozen=True, slots=True)
class Reading:
    """A call that was answered, by what the ledger calls it: who made it when, for which case, under which agreement; which items and how many records it got."""

    entry: UUID
    action: str
    system: str
    organisation: str | None
    case_code: str | None
    at: datetime
    items: tuple[str, ...]
    agreement: str | None
    records: int


def index_segments(connection: Connection) -> int:
    """Index the segments that have been sealed in full; returns how many. For the sealer, in its transaction."""
    due = connection.execute(_DUE, {"leaves": LEAVES}).one()
    numbers = range(due.first, min(due.behind, due.first + _AT_ONCE))
    for number in numbers:
        told = {"number": number, "low": number * LEAVES, "high": (number + 1) * LEAVES}
        connection.execute(_INDEX, told)
    return len(numbers)


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────

_COLUMNS = "entry.id, action, actor, organisation, case_code, at, items, agreement, records, subjects"
_WANTED = f"""
    {_READ} AND resource = :resource AND action = ANY(:actions) AND at >= :since AND at < :until
    AND position(CAST(:subject AS bytea) IN subjects) > 0
"""
_MARKED = text("""
    SELECT s.segment, s.prints FROM ledger.segment_subject AS s JOIN ledger.segment AS g ON g.number = s.segment
    WHERE s.head = get_byte(CAST(:subject AS bytea), 0) AND g.first_at < :until AND g.last_at >= :since
      AND position(substring(CAST(:subject AS bytea), 2, 4) IN s.prints) > 0
""")
_OF_LEAVES = text(
    f"SELECT {_COLUMNS} FROM {_LEAVES_OF.format(leaves='number = ANY(:numbers)')} WHERE {_WANTED}"
)
_BEHIND = text(f"SELECT {_COLUMNS} FROM {_LEAVES_OF.format(leaves='number >= :low')} WHERE {_WANTED}")
_INDEXED = text("SELECT coalesce(max(number) + 1, 0) FROM ledger.segment")
_PRINT = 6  # bytes
# The entries without a leaf are found as the sealer finds them.
_UNSEALED = text(f"""
    SELECT {_COLUMNS} FROM ledger.entry AS entry
    WHERE (transaction >= coalesce((SELECT horizon FROM ledger.checkpoint ORDER BY size DESC LIMIT 1), '0'::xid8)
           OR transaction >= pg_snapshot_xmax(pg_current_snapshot()))
      AND {_WANTED}
""")


def readings(
    connection: Connection,
    resource: str,
    indexes: Collection[bytes],
    actions: Sequence[str],
    since: datetime,
    until: datetime,
) -> list[Reading]:
    """Return the calls of those actions that asked for a record by one of the blind indexes and were answered, in order of time."""
    found: dict[UUID, Reading] = {}
    behind = connection.execute(
        _INDEXED
    ).scalar_one()  # first: a segment that is indexed meanwhile is read twice, not never
    for subject in indexes:
        told = {
            "resource": resource,
            "subject": subject,
            "actions": list(actions),
            "since": since,
            "until": until,
        }
        numbers = [
            number for row in connection.execute(_MARKED, told) for number in _marked(row.segment, row.prints, subject)
        ]  # fmt: skip
        _take(found, connection.execute(_OF_LEAVES, told | {"numbers": numbers}), subject)
        _take(found, connection.execute(_BEHIND, told | {"low": behind * LEAVES}), subject)
        _take(found, connection.execute(_UNSEALED, told), subject)
    return sorted(found.values(), key=lambda one: (one.at, one.entry))


def _marked(segment: int, prints: bytes, subject: bytes) -> Iterator[int]:
    """Yield the numbers of the leaves of a segment that seem to name the subject."""
    for place in range(0, len(prints), _PRINT):
        if prints[place : place + 4] == subject[1:5]:
            yield segment * LEAVES + int.from_bytes(prints[place + 4 : place + _PRINT], "big")


def _take(found: dict[UUID, Reading], rows: Iterable[Any], subject: bytes) -> None:
    """Take the calls that name the subject; bytes that lie across two others are none."""
    for row in rows:
        named = bytes(row.subjects)
        if any(named[place : place + 16] == subject for place in range(0, len(named), 16)):
            who = (row.id, row.action, row.actor, row.organisation, row.case_code, row.at)
            found[row.id] = Reading(*who, tuple(row.items or ()), row.agreement, row.records)
