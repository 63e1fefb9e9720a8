"""Rows that a department has no more: told by a tombstone in the batch, or found by comparing keys."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from base_libraries import batches
from base_libraries.intake import GONE
from base_libraries.library import Library
from base_libraries.writer import Writer
from connectors.batch import Batch, content_digest
from connectors.source import Comparison, Source
from schemas.errors import TooManyDeletions


def parted(batch: Batch) -> tuple[Batch, Batch | None]:
    """Part a batch into the rows that are there and those that are gone, None where none can be."""
    if "_gone" not in batch.table.column_names:
        return batch, None
    gone = batch.table["_gone"]
    table = batch.table.drop_columns(["_gone"])
    there = replace(batch, table=table.filter(pc.invert(gone)))
    return there, replace(batch, table=table.filter(gone))


def is_due(source: Source, last: datetime | None, now: datetime) -> bool:
    """Whether the source's keys are to be compared again."""
    if not isinstance(source.deletions, Comparison):
        return False
    return last is None or now - last >= timedelta(hours=source.deletions.every_hours)


def compared(
    cursor: Any, library: Library, source: Source, references: Iterable[pa.Array]
) -> tuple[Batch, pa.Table]:
    """Return a batch of the rows that the department has no more, and the same rows as ``GONE``.

    ``references`` are those of all rows that are there. Raises ``TooManyDeletions`` where too many are not.
    """
    now = datetime.now(UTC)
    with Writer(cursor) as writer:
        known = library.standing(writer, source.ordinal)
        absent = library.absent(writer, source.ordinal, references)
    _require_believable(source, absent.num_rows, known)
    gone = absent.append_column(
        "_observed_at", pa.repeat(pa.scalar(now, GONE.field(2).type), absent.num_rows)
    )
    rows = pa.table({"_row": absent["_row"].cast(pa.string())})
    state = batches.watermark(cursor, source.code) or {}
    batch = Batch(source.code, rows, content_digest(rows), batches.COMPARISON, state, now)
    return batch, gone.select(GONE.names).cast(GONE)


def _require_believable(source: Source, absent: int, known: int) -> None:
    deletions = source.deletions
    if isinstance(deletions, Comparison) and absent > deletions.at_most * known:
        raise TooManyDeletions(
            f"Source {source.code}: {absent:,} of {known:,} rows are not there any more, over {deletions.at_most:.0%}.",
            hint="Ask the department; if it is right, raise deletions.at_most for one run.",
            source=source.code,
            absent=absent,
            known=known,
        )
