"""The quarantine: rows that the gate refused, sealed, until the department repairs them or a person dismisses them.

An entry is ``open`` until the department's row is let in as its system has it now (``repaired``) or as somebody corrected
it here (``corrected``), comes again in other words that are refused too (``replaced``), or is given up (``dismissed``). Only
open entries are work. Content that was corrected or given up may come as often as it likes: it stays settled.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, text

from infra.keyring import Keyring
from infra.sealing import BlindIndex, Sealer

_STAGE = (
    "CREATE TEMP TABLE IF NOT EXISTS stage_quarantine (row_reference text, content_digest bytea, reasons text, sealed bytea) "
    "ON COMMIT DELETE ROWS"
)
_KEEP = (
    "INSERT INTO library.quarantine (source, resource, batch, row_reference, content_digest, reasons, sealed, recorded_at, "
    "last_batch) SELECT DISTINCT ON (row_reference, content_digest) $1, $2, $3::integer, row_reference, content_digest, "
    "reasons::jsonb, sealed, $4::timestamptz, $3::integer FROM stage_quarantine "
    "ON CONFLICT (source, row_reference, content_digest) DO UPDATE SET last_batch = excluded.last_batch, "
    "reasons = excluded.reasons, "
    "state = CASE WHEN quarantine.state IN ('corrected', 'dismissed') THEN quarantine.state ELSE 'open' END, "
    "settled_at = CASE WHEN quarantine.state IN ('corrected', 'dismissed') THEN quarantine.settled_at END"
)
# What the department now says instead is as old as what it said first.
_REPLACE = (
    "WITH old AS (UPDATE library.quarantine q SET state = 'replaced', settled_at = $2::timestamptz, settled_batch = $3::integer "
    "FROM stage_quarantine s WHERE q.source = $1 AND q.state = 'open' AND q.row_reference = s.row_reference "
    "AND q.last_batch <> $3::integer RETURNING q.row_reference, q.recorded_at) "
    "UPDATE library.quarantine q SET recorded_at = o.first_at FROM (SELECT row_reference, min(recorded_at) AS first_at FROM old "
    "GROUP BY 1) o WHERE q.source = $1 AND q.row_reference = o.row_reference AND q.last_batch = $3::integer"
)
_SETTLE = (
    "UPDATE library.quarantine q SET state = $4, settled_at = $2::timestamptz, settled_batch = $3::integer "
    "FROM stage_admitted s WHERE q.source = $1 AND q.state = 'open' AND q.row_reference = s.row_reference "
    "AND q.last_batch <> $3::integer"
)


class Quarantine:
    """Keeps what the gate refuses of one source; works on the caller's ADBC cursor and commits with the batch.

    ``settles_as`` is the state of what was refused of a row before, once the row is let in; ``None`` where a reference does
    not name the same row tomorrow, as row 7 of a file does not.
    """

    def __init__(
        self, source: str, resource: str, keyring: Keyring, settles_as: str | None = "repaired"
    ) -> None:
        self._source, self._resource, self._settles_as = source, resource, settles_as
        self._index = BlindIndex(keyring)
        self._sealer = Sealer(keyring, f"quarantine/{source}")

    def keep(
        self, cursor: Any, rows: pa.Table, delivered: pa.Array, batch: int, recorded_at: datetime
    ) -> None:
        """Store the refused rows (``_row``, ``_reasons``) as JSON ``delivered``; a row met before is only marked as met again.

        Where references name rows, what was refused of the same row before counts as replaced.
        """
        if rows.num_rows == 0:
            return
        originals = [text.encode() for text in delivered.to_pylist()]
        digests = self._index.digest(f"quarantine/{self._source}", originals)
        reasons = [json.dumps(found, ensure_ascii=False) for found in rows["_reasons"].to_pylist()]
        staged = pa.table({
            "row_reference": rows["_row"],
            "content_digest": pa.array(digests, pa.binary()),
            "reasons": pa.array(reasons),
            "sealed": pa.array(self._sealer.seal(originals, digests, [1] * len(digests)), pa.binary()),
        })  # fmt: skip
        cursor.execute(_STAGE)
        cursor.adbc_ingest("stage_quarantine", staged, mode="append", temporary=True)
        cursor.execute(_KEEP, (self._source, self._resource, batch, recorded_at))
        if self._settles_as:
            cursor.execute(_REPLACE, (self._source, recorded_at, batch))

    def settle(self, cursor: Any, references: pa.ChunkedArray, batch: int, at: datetime) -> None:
        """Close the open entries of rows that are now let in: the department has repaired them."""
        if not self._settles_as or not len(references):
            return
        cursor.execute(
            "SELECT EXISTS (SELECT FROM library.quarantine WHERE source = $1 AND state = 'open')",
            (self._source,),
        )
        if not cursor.fetchone()[0]:
            return
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS stage_admitted (row_reference text) ON COMMIT DELETE ROWS"
        )
        admitted = pa.table({"row_reference": references})
        cursor.adbc_ingest("stage_admitted", admitted, mode="append", temporary=True)
        cursor.execute(_SETTLE, (self._source, at, batch, self._settles_as))

    def originals(self, entries: Sequence["Entry"]) -> list[dict[str, Any]]:
        """Return the rows as they were delivered, column → value; part of the security boundary."""
        digests = [entry.content_digest for entry in entries]
        opened = self._sealer.open([entry.sealed for entry in entries], digests, [1] * len(digests))
        return [json.loads(found) for found in opened]


@dataclass(frozen=True)
class Entry:
    """One refused row: where it is at the department, why it was refused, since when; its content stays sealed."""

    number: int
    source: str
    row_reference: str
    reasons: Sequence[dict[str, Any]]
    recorded_at: datetime
    escalated_at: datetime | None
    content_digest: bytes
    sealed: bytes


_COLUMNS = "number, source, row_reference, reasons, recorded_at, escalated_at, content_digest, sealed"


def entries(
    connection: Connection,
    source: str | None = None,
    rule: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Entry]:
    """Return open entries in order of number, behind ``after``; ``rule`` as ``item: rule``."""
    item, _, name = (rule or "").partition(": ")
    rows = connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM library.quarantine WHERE state = 'open' AND number > :after "
            "AND (CAST(:source AS text) IS NULL OR source = :source) "
            "AND (:item = '' OR reasons @> jsonb_build_array(jsonb_build_object('item', CAST(:item AS text), "
            "'rule', CAST(:name AS text)))) ORDER BY number LIMIT :limit"
        ),
        {"source": source, "item": item, "name": name, "after": after, "limit": limit},
    )
    return [Entry(*row) for row in rows]


def entries_of(connection: Connection, source: str, window: str, limit: int) -> list[dict[str, Any]]:
    """Return what the batches of one window put into quarantine, open or not: number, row and reasons, without a value."""
    rows = connection.execute(
        text(
            "SELECT q.number, q.row_reference, q.reasons FROM library.quarantine q JOIN library.batch b ON b.number = q.last_batch "
            "WHERE b.source = :source AND b.pull_window = :window ORDER BY q.number LIMIT :limit"
        ),
        {"source": source, "window": window, "limit": limit},
    )
    return [{"number": number, "row": row, "reasons": reasons} for number, row, reasons in rows]


def groups(connection: Connection, source: str | None = None) -> list[tuple[str, str, int, datetime]]:
    """Return open entries counted by source and reason: source, ``item: rule``, entries, since when; the most first."""
    rows = connection.execute(
        text(
            "SELECT q.source, concat(r->>'item', ': ', r->>'rule') AS reason, count(*), min(q.recorded_at) "
            "FROM library.quarantine q, jsonb_array_elements(q.reasons) r WHERE q.state = 'open' "
            "AND r->>'severity' <> 'warning' AND (CAST(:source AS text) IS NULL OR q.source = :source) "
            "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
        ),
        {"source": source},
    )
    return [tuple(row) for row in rows]


def dismiss(connection: Connection, numbers: Sequence[int]) -> int:
    """Give entries up; returns how many were open."""
    done = connection.execute(
        text(
            "UPDATE library.quarantine SET state = 'dismissed', settled_at = now() "
            "WHERE number = ANY(:numbers) AND state = 'open'"
        ),
        {"numbers": list(numbers)},
    )
    return done.rowcount


def escalate(connection: Connection, before: datetime) -> list[tuple[str, int]]:
    """Mark open entries older than ``before`` as escalated, once each; returns how many by source."""
    rows = connection.execute(
        text(
            "WITH late AS (UPDATE library.quarantine SET escalated_at = now() WHERE state = 'open' "
            "AND escalated_at IS NULL AND recorded_at < :before RETURNING source) "
            "SELECT source, count(*) FROM late GROUP BY 1 ORDER BY 1"
        ),
        {"before": before},
    )
    return [tuple(row) for row in rows]
