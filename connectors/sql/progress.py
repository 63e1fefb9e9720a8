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
    ``mixed`` tells that there were rows without a watermark.
    """

    after: Key | None = None
    unplaced: Key | None = None
    running: bool = False
    mixed: bool = False

    @classmethod
    def of(cls, state: Mapping[str, Any] | None) -> "Progress":
        """Read it as it was stored."""
        told = state or {}
        running, mixed = (bool(told.get(name)) for name in ("running", "mixed"))
        return cls(told.get("after"), told.get("unplaced"), running, mixed)

    def state(self) -> dict[str, Any]:
        """Write it, JSON-ready; what says nothing is left out."""
        told = {"unplaced": self.unplaced} if self.unplaced is not None else {}
        flags = {"running": self.running, "mixed": self.mixed}
        return {"after": self.after} | told | {name: True for name, is_set in flags.items() if is_set}

    @property
    def placed_only(self) -> bool:
        """Whether the rows without a watermark are stored already by the pull that is gone on with."""
        return self.running and self.unplaced is None

    @property
    def expects_all_placed(self) -> bool:
        """Whether a pull begins that has stored rows before, none of them without a watermark the last time."""
        return self.after is not None and not self.running and not self.mixed

    def behind(self, key: Key, *, placed: bool) -> "Progress":
        """Return the progress of a pull that stored the row of that key, with a watermark or without."""
        mixed = not placed or (self.running and self.mixed)
        if placed:
            return Progress(key, running=True, mixed=mixed)
        return replace(self, unplaced=key, running=True, mixed=mixed)

    def ended(self, *, again: bool) -> "Progress":
        """Return the progress of a pull that has stored all; ``again`` where the next one reads everything."""
        return Progress(None if again else self.after, mixed=self.mixed)

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
