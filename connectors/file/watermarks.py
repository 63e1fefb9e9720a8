"""Comparing and keeping watermarks of files, whose cells are text."""

from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.dates import STAMP, to_timestamps
from connectors.source import Watermark


def comparable(column: pa.ChunkedArray | pa.Array, watermark: Watermark) -> pa.Array:
    """Turn the watermark column into values that compare as the watermark's type does; unreadable ones are null."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if watermark.type in ("datetime", "date"):
        return to_timestamps(whole)
    text = whole.cast(pa.string())
    if watermark.type == "integer":
        whole_number = pc.match_substring_regex(text, r"^[+-]?\d{1,18}$")
        return pc.if_else(whole_number, text, None).cast(pa.int64())
    return text


def highest(column: pa.Array, former: Any, watermark: Watermark) -> Any:
    """Return the higher of ``former`` and the column's maximum, JSON-ready; None when neither has a value."""
    value = pc.max(column).as_py()
    candidates = [kept for kept in (value, _value(former, watermark)) if kept is not None]
    if not candidates:
        return None
    top = max(candidates)
    return top.isoformat() if isinstance(top, datetime) else top


def not_below(column: pa.Array, floor: Any, watermark: Watermark) -> pa.Array:
    """Tell which rows are at or above ``floor``; a row without a readable watermark is never left out."""
    scalar = pa.scalar(
        _value(floor, watermark), STAMP if isinstance(column.type, pa.TimestampType) else column.type
    )
    return pc.fill_null(pc.greater_equal(column, scalar), True)


def _value(kept: Any, watermark: Watermark) -> Any:
    if kept is None or watermark.type not in ("datetime", "date"):
        return kept
    return datetime.fromisoformat(kept)
