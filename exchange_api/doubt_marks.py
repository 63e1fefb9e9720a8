"""Doubt marks: an answer that serves what is under objection says so, and serves it all the same (article 26)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from catalog.objection import WHOLE_RECORD, Doubt
from exchange_api.library import Row


def mark(
    told: Sequence[dict[str, Any]],
    rows: Sequence[Row],
    items: Collection[str],
    doubted: Mapping[bytes, Sequence[Doubt]],
) -> None:
    """Add ``doubts`` to what is told of each row that serves a doubted item; ``item`` is null for the whole record.

    Of several rows the same may be told, where the answer is a mere yes or no.
    """
    for one, row in zip(told, rows, strict=True):
        if (doubts := doubted.get(row["_subject"])) is not None:
            marks = [_told(doubt) for doubt in doubts if doubt.item == WHOLE_RECORD or doubt.item in items]
            if marks:
                one["doubts"] = one.get("doubts", []) + marks


def _told(doubt: Doubt) -> dict[str, Any]:
    return {"item": doubt.item or None, "objection": doubt.objection, "since": doubt.since}
