"""How far the pulls of a REST source have come: what they ask for, and where a pull that was interrupted goes on.

A pull is a pass over all pages of what changed since the watermark of a former pass. Where pages are numbered, a record that changes
while they are read can move another past the reader; so after a pass of several pages the next one asks once more from
where that one began, and only then goes on behind it. What is read twice is the same and changes nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connectors.dates import to_timestamps
from connectors.file.watermarks import comparable
from connectors.rest.options import Since
from connectors.rest.paging import Place
from connectors.source import Watermark

_CHINA = ZoneInfo("Asia/Shanghai")
_MOST_KNOWN = 1_000


@dataclass(frozen=True)
class High:
    """The highest watermark of a pass, as the system wrote it, and fingerprints of the rows that have it."""

    at: str | None = None
    rows: tuple[str, ...] = ()

    def risen(self, table: pa.Table, watermark: Watermark) -> "High":
        """Return the highest of this and those of a page."""
        stamps = table.column(watermark.column).combine_chunks()
        written = pa.concat_arrays([pa.array([self.at], pa.string()), stamps.cast(pa.string())])
        values = comparable(written, watermark)
        top = pc.max(values)
        if not top.is_valid:
            return self
        places = pc.indices_nonzero(pc.fill_null(pc.equal(values, top), False)).to_pylist()
        kept = self.rows if places[0] == 0 else ()
        prints = fingerprints(table.take(pa.array([place - 1 for place in places if place], pa.int64())))
        rows = dict.fromkeys((*kept, *prints))
        # Too many to keep: they come again and are found unchanged.
        return High(written[places[0]].as_py(), tuple(rows) if len(rows) <= _MOST_KNOWN else ())

    def unknown(self, table: pa.Table, watermark: Watermark) -> pa.Array:
        """Tell which rows are not among those that have this watermark."""
        stamps = table.column(watermark.column).combine_chunks()
        places = pc.indices_nonzero(pc.fill_null(pc.equal(stamps, pa.scalar(self.at, pa.string())), False))
        prints = fingerprints(table.take(places))
        known = [place for place, mark in zip(places.to_pylist(), prints, strict=True) if mark in self.rows]
        return pc.invert(pc.is_in(pa.array(range(table.num_rows)), pa.array(known, pa.int64())))


@dataclass(frozen=True)
class Spot:
    """A place among the pages: ``rows`` of the page at ``place`` are done, whose fingerprint is ``mark``."""

    place: Place
    before: int
    rows: int
    mark: str


@dataclass(frozen=True)
class Progress:
    """``since`` is asked for; ``high`` was reached by former passes, ``top`` by this one, which stands at ``spot``.

    ``members`` are the members of records seen so far, with their types.
    """

    since: str | None = None
    high: High = field(default_factory=High)
    top: High = field(default_factory=High)
    spot: Spot | None = None
    pages: int = 0
    members: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, state: Mapping[str, Any] | None) -> "Progress":
        """Read a state."""
        if not state:
            return cls()
        spot = Spot(**state["spot"]) if state["spot"] else None
        high, top = (High(state[name]["at"], tuple(state[name]["rows"])) for name in ("high", "top"))
        return cls(state["since"], high, top, spot, state["pages"], state["members"])

    def state(self) -> dict[str, Any]:
        """Write it, JSON-ready."""
        spot = vars(self.spot) if self.spot else None
        high, top = ({"at": mark.at, "rows": list(mark.rows)} for mark in (self.high, self.top))
        return {
            "since": self.since,
            "high": high,
            "top": top,
            "spot": spot,
            "pages": self.pages,
            "members": dict(self.members),
        }

    def ended(self, *, unsteady: bool) -> "Progress":
        """Return the progress after the pass is done."""
        risen = self.top.at != self.high.at
        since = self.high.at if unsteady and self.pages > 1 and risen else self.top.at
        return replace(self, since=since, high=self.top, spot=None, pages=0)


def written(since: str | None, told: Since | None) -> str | None:
    """Write the watermark as the system wants to be asked by it."""
    if since is None or told is None or told.format is None:
        return since
    stamp = to_timestamps(pa.array([since], pa.string()))[0].as_py()
    if stamp is None:
        return since
    return (stamp - timedelta(seconds=told.overlap_seconds)).astimezone(_CHINA).strftime(told.format)


def fingerprints(table: pa.Table) -> list[str]:
    """Return a short fingerprint of each row's values."""
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return [hashlib.blake2b(repr(row).encode(), digest_size=8).hexdigest() for row in rows]
