"""How far the pulls of a database have come, and from where the next one reads.

Rows are read in the order of (watermark, row id). Rows without a watermark have no place in it; they are read before all others, in
the order of the row id, by every pull anew. A pull that was interrupted goes on behind its last batch; only a pull that begins
reads once more what lies ``overlap`` behind the watermark.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from connectors.source import Source
from connectors.sql.page import Key, Span
from schemas.errors import WrongFormat


@dataclass(frozen=True)
class Progress:
    """``after`` is the key of the last row stored; ``unplaced`` that of the last one without a watermark.

    ``running`` is what a pull is that has not ended: it has its rows without a watermark behind it, unless it stands among them.
    """

    after: Key | None = None
    unplaced: Key | None = None
    running: bool = False

    @classmethod
    def of(cls, state: Mapping[str, Any] | None) -> "Progress":
        """Read it as it was stored."""
        told = state or {}
        return cls(told.get("after"), told.get("unplaced"), bool(told.get("running")))

    def state(self) -> dict[str, Any]:
        """Write it, JSON-ready; what says nothing is left out."""
        told = {"unplaced": self.unplaced} if self.unplaced is not None else {}
        return {"after": self.after} | told | ({"running": True} if self.running else {})

    @property
    def placed_only(self) -> bool:
        """Whether the rows without a watermark are stored already by the pull that is gone on with."""
        return self.running and self.unplaced is None

    def behind(self, key: Key, *, placed: bool) -> "Progress":
        """Return the progress of a pull that stored the row of that key, with a watermark or without."""
        if placed:
            return Progress(key, running=True)
        return replace(self, unplaced=key, running=True)

    def ended(self, *, again: bool) -> "Progress":
        """Return the progress of a pull that has stored all; ``again`` where the next one reads everything."""
        return Progress(None if again else self.after)

    def overlap(self, source: Source) -> Span | None:
        """Say from which watermark a pull that begins reads again, where the source has an overlap."""
        behind = source.option("overlap")
        if not behind or self.after is None or self.placed_only or source.watermark is None:
            return None
        return source.watermark.column, _earlier(source, self.after[0], behind), None


def _earlier(source: Source, mark: Any, behind: int) -> str:
    kind = source.watermark.type if source.watermark else ""
    try:
        if kind == "integer":
            return str(int(mark) - behind)
        if kind == "date":
            return (date.fromisoformat(str(mark)[:10]) - timedelta(days=behind)).isoformat()
        return (datetime.fromisoformat(str(mark)) - timedelta(seconds=behind)).isoformat(sep=" ")
    except (ValueError, OverflowError):
        raise WrongFormat(
            f"Source {source.code}: the watermark is no {kind}, so nothing can be said to lie behind it.",
            hint="Correct watermark.type, or leave out options.overlap.",
            source=source.code,
        ) from None
