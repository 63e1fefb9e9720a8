"""Which calls read a subject: found without reading the ledger, however long it is.

Sealed entries are indexed by segments of leaves. Of each subject read in a segment four bytes are kept, by its first byte; blind
indexes are as good as random, so in a segment of 16,384 calls of 14 records one that was not read there is found by mistake once in
millions. An index over all subjects would be written at random places with every call; this one grows at its end, by 4 bytes a record,
in the background. It only says where to look: what it leads to is compared in full. Behind it, the entries not yet indexed
are read themselves.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

LEAVES = 16_384
_AT_ONCE = 64  # segments, where a ledger was there before its index
_READ = "kind = 'call' AND outcome = 'answered' AND subjects IS NOT NULL"

_DUE = text("""
    SELECT coalesce((SELECT max(number) + 1 FROM ledger.segment), 0) AS first,
        coalesce((SELECT max(size) FROM ledger.checkpoint), 0) / :leaves AS behind
""")
_LEAVES_OF = """
    (SELECT entry FROM ledger.leaf WHERE number >= {low} AND number < {high} OFFSET 0) AS leaf
    CROSS JOIN LATERAL (SELECT * FROM ledger.entry WHERE id = leaf.entry OFFSET 0) AS entry
"""
_SEGMENT = text(
    f"INSERT INTO ledger.segment SELECT :number, min(at), max(at) FROM {_LEAVES_OF.format(low=':low', high=':high')}"
)
_SUBJECTS = text(f"""
    INSERT INTO ledger.segment_subject (head, segment, prints)
    SELECT get_byte(subjects, 16 * place), :number, string_agg(substring(subjects, 16 * place + 2, 4), '')
    FROM {_LEAVES_OF.format(low=":low", high=":high")}, generate_series(0, octet_length(subjects) / 16 - 1) AS place
    WHERE {_READ} GROUP BY 1
""")


@dataclass(frozen=True, slots=True)
class Reading:
    """A call that was answered: who made it when, for which case, under which agreement; which items and how many records it got."""

    entry: UUID
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
        connection.execute(_SEGMENT, told)
        connection.execute(_SUBJECTS, told)
    return len(numbers)


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────

_COLUMNS = "entry.id, actor, organisation, case_code, at, items, agreement, records, subjects"
_WANTED = f"""
    {_READ} AND resource = :resource AND action = ANY(:actions) AND at >= :since AND at < :until
    AND position(CAST(:subject AS bytea) IN subjects) > 0
"""
_SEGMENTS = text("""
    SELECT s.segment FROM ledger.segment_subject AS s JOIN ledger.segment AS g ON g.number = s.segment
    WHERE s.head = get_byte(CAST(:subject AS bytea), 0) AND g.first_at < :until AND g.last_at >= :since
      AND position(substring(CAST(:subject AS bytea), 2, 4) IN s.prints) > 0
    ORDER BY s.segment
""")
_IN_SEGMENT = text(f"SELECT {_COLUMNS} FROM {_LEAVES_OF.format(low=':low', high=':high')} WHERE {_WANTED}")
_INDEXED = text("SELECT coalesce(max(number) + 1, 0) FROM ledger.segment")
_END = 2**63 - 1
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
        segments = connection.execute(_SEGMENTS, told).scalars().all()
        spans = [(number * LEAVES, (number + 1) * LEAVES) for number in segments]
        for low, high in (*spans, (behind * LEAVES, _END)):
            _take(found, connection.execute(_IN_SEGMENT, told | {"low": low, "high": high}), subject)
        _take(found, connection.execute(_UNSEALED, told), subject)
    return sorted(found.values(), key=lambda one: (one.at, one.entry))


def _take(found: dict[UUID, Reading], rows: Iterable[Any], subject: bytes) -> None:
    """Take the calls that name the subject; bytes that lie across two others are none."""
    for row in rows:
        named = bytes(row.subjects)
        if any(named[place : place + 16] == subject for place in range(0, len(named), 16)):
            who = (row.id, row.actor, row.organisation, row.case_code, row.at)
            found[row.id] = Reading(*who, tuple(row.items or ()), row.agreement, row.records)
