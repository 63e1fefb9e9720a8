"""Batches and watermarks: what came when, and how far a source is read.

All functions work on the caller's ADBC cursor and so commit with the batch they speak of.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

COMPARISON = "comparison of keys"
"""The window of a batch that holds the rows found gone by comparing keys."""

COUNTED = ("pulled", "contributed", "unchanged", "quarantined", "created", "updated", "withdrawn", "closed")
"""What is counted of a batch: rows, and of ``created`` to ``closed`` golden records."""


@dataclass(frozen=True)
class BatchRecord:
    """A batch as it is remembered; ``pulled = contributed + unchanged + quarantined`` always holds.

    A row that tells of an end counts as contributed where it took a contribution back; those are ``withdrawn``.
    """

    number: int
    source: str
    resource: str
    digest: str
    window: str
    pulled: int
    contributed: int
    unchanged: int
    quarantined: int
    created: int
    updated: int
    report: Sequence[Mapping[str, Any]]
    recorded_at: datetime
    withdrawn: int = 0
    closed: int = 0


def lock_source(cursor: Any, source: str) -> bool:
    """Take the source for this session; False when another session has it."""
    cursor.execute("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", (f"source.{source}",))
    return bool(cursor.fetchone()[0])


def unlock_source(cursor: Any, source: str) -> None:
    """Give the source back; the end of the session does so too."""
    cursor.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", (f"source.{source}",))


def next_number(cursor: Any) -> int:
    """Reserve a batch number."""
    cursor.execute("SELECT nextval(pg_get_serial_sequence('library.batch', 'number'))::integer")
    return int(cursor.fetchone()[0])


def watermark(cursor: Any, source: str) -> dict[str, Any] | None:
    """Return how far the source is read, as its connector stored it, or None before the first batch."""
    cursor.execute("SELECT state::text FROM library.watermark WHERE source = $1", (source,))
    row = cursor.fetchone()
    return json.loads(row[0]) if row else None


def last_comparison(cursor: Any, source: str) -> datetime | None:
    """Return when the source's keys were last compared (UTC), or None."""
    cursor.execute(
        "SELECT extract(epoch FROM max(recorded_at))::float8 FROM library.batch WHERE source = $1 AND pull_window = $2",
        (source, COMPARISON),
    )
    (at,) = cursor.fetchone()
    return None if at is None else datetime.fromtimestamp(at, UTC)


def record(cursor: Any, batch: BatchRecord, state: Mapping[str, Any]) -> None:
    """Remember the batch and move the source's watermark."""
    counts = (
        batch.pulled,
        batch.contributed,
        batch.unchanged,
        batch.quarantined,
        batch.created,
        batch.updated,
        batch.withdrawn,
        batch.closed,
    )
    cursor.execute(
        "INSERT INTO library.batch (number, source, resource, digest, pull_window, pulled, contributed, unchanged, "
        "quarantined, created, updated, withdrawn, closed, report, recorded_at) "
        "VALUES ($1::integer, $2, $3, $4, $5, $6::integer, $7::integer, $8::integer, $9::integer, $10::integer, $11::integer, "
        "$12::integer, $13::integer, $14::text::jsonb, $15::timestamptz)",
        (batch.number, batch.source, batch.resource, batch.digest, batch.window, *counts,
         json.dumps(batch.report, ensure_ascii=False), batch.recorded_at),
    )  # fmt: skip
    cursor.execute(
        "INSERT INTO library.watermark VALUES ($1, $2::text::jsonb, $3::integer, $4::timestamptz) ON CONFLICT (source) "
        "DO UPDATE SET state = excluded.state, batch = excluded.batch, recorded_at = excluded.recorded_at",
        (batch.source, json.dumps(state, ensure_ascii=False), batch.number, batch.recorded_at),
    )
