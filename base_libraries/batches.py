"""Batches, watermarks and quarantine: what came when, how far a source is read, and what was not let in.

All functions work on the caller's ADBC cursor and so commit with the batch they speak of.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from infra.keyring import Keyring
from infra.sealing import BlindIndex, Sealer

COMPARISON = "comparison of keys"
"""The window of a batch that holds the rows found gone by comparing keys."""


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


class Quarantine:
    """Keeps rows that the gate refused, their content sealed, until the department repairs them."""

    def __init__(self, source: str, resource: str, keyring: Keyring) -> None:
        self._source, self._resource = source, resource
        self._index = BlindIndex(keyring)
        self._sealer = Sealer(keyring, f"quarantine/{source}")

    def keep(self, cursor: Any, rows: pa.Table, batch: int, recorded_at: datetime) -> None:
        """Store the refused rows (``_row``, ``_raw``, ``_reasons``); a row met before is only marked as met again."""
        if rows.num_rows == 0:
            return
        originals = [text.encode() for text in rows["_raw"].to_pylist()]
        digests = self._index.digest(f"quarantine/{self._source}", originals)
        reasons = [json.dumps(found, ensure_ascii=False) for found in rows["_reasons"].to_pylist()]
        staged = pa.table({
            "row_reference": rows["_row"],
            "content_digest": pa.array(digests, pa.binary()),
            "reasons": pa.array(reasons),
            "sealed": pa.array(self._sealer.seal(originals, digests, [1] * len(digests)), pa.binary()),
        })  # fmt: skip
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS stage_quarantine (row_reference text, content_digest bytea, reasons text, "
            "sealed bytea) ON COMMIT DELETE ROWS"
        )
        cursor.adbc_ingest("stage_quarantine", staged, mode="append", temporary=True)
        cursor.execute(
            "INSERT INTO library.quarantine (source, resource, batch, row_reference, content_digest, reasons, sealed, "
            "recorded_at, last_batch) SELECT DISTINCT ON (row_reference, content_digest) $1, $2, $3::integer, row_reference, "
            "content_digest, reasons::jsonb, sealed, $4::timestamptz, $3::integer FROM stage_quarantine "
            "ON CONFLICT (source, row_reference, content_digest) DO UPDATE SET last_batch = excluded.last_batch",
            (self._source, self._resource, batch, recorded_at),
        )

    def original(self, content_digest: bytes, sealed: bytes) -> str:
        """Return a refused row as it was delivered (JSON); part of the security boundary."""
        return self._sealer.open([sealed], [content_digest], [1])[0].decode()
