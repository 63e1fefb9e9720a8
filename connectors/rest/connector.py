"""The connector for departments' JSON interfaces: page after page, each asked for in a request of its own.

Without a watermark everything is read in every pull, and compared by the library. With one the interface is asked for what changed
since. A pull that was interrupted goes on within the page where it stopped; see ``connectors.rest.progress`` for why no
row is lost when records change while pages are read.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.batch import Delivery, Shape, content_digest, rechunk, with_last
from connectors.json_members import UNSTATED, has_new, shape_of, table_of
from connectors.missing import missing_columns
from connectors.references import row_references
from connectors.rest import refusals
from connectors.rest.paging import Page, Pager
from connectors.rest.progress import Progress, Spot, written
from connectors.rest.session import Session
from connectors.source import Source

_PAGE, _ROW = "_page", "_place"


class RestConnector:
    """A department's interface."""

    def __init__(
        self,
        source: Source,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source = source
        self._session = Session(source, clock, sleep)
        self._pager = Pager(source, self._session)

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield what changed since ``state``, or everything."""
        as_of = datetime.now(tz=UTC)
        one = _Pass(self._source, self._pager, Progress.of(state))
        window = f"changed since {one.progress.since}" if one.progress.since else "everything"
        for table, last in with_last(rechunk(one.tables(), batch_rows)):
            progress = one.ended() if last else one.at(table)
            yield Delivery(
                _filled(table.drop_columns([_PAGE, _ROW]), progress.members),
                window,
                progress.state(),
                as_of,
                progress.members,
            )

    def references(self) -> Iterator[pa.Array]:
        """Yield the reference of every row; where pages are numbered twice over, for one pass may pass over a row."""
        for _ in range(2 if self._pager.unsteady else 1):
            number = 0
            for number, page in enumerate(self._pager.pages(None), start=1):  # noqa: B007 (the last is looked at)
                table = table_of(page.records, self._source.row_id)
                yield row_references(table, self._source.row_id, _numbers(page))
            if number <= 2:  # all came in one page, and perhaps an empty one after it
                return

    def acknowledge(self, state: dict[str, Any]) -> None:
        """An interface keeps its rows whatever the hub has stored."""

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class _Pass:
    """One pass over the pages."""

    def __init__(self, source: Source, pager: Pager, progress: Progress) -> None:
        self._source, self._pager = source, pager
        self.progress = progress if progress.spot else replace(progress, top=progress.high)
        self._pages: dict[int, tuple[Page, pa.Table]] = {}
        self._oldest = 0

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows of each page that are not known yet, with page (a number of its own) and place in it (from 1)."""
        spot, since = self.progress.spot, written(self.progress.since, self._source.option("since"))
        start = (spot.place, spot.before) if spot else None
        for number, page in enumerate(self._pager.pages(since, start)):
            if not page.records:
                continue
            self._learn(page)
            table = table_of(page.records, self._source.columns)
            self._pages = {old: kept for old, kept in self._pages.items() if old >= self._oldest}
            self._pages[number] = page, table
            done = _done(spot, page, table) if spot and not number else 0
            marked = self._marked(table, page, number)
            yield marked.filter(self._news(table)).filter(pc.field(_ROW) > done)

    def at(self, table: pa.Table) -> Progress:
        """Return the progress when the rows of ``table`` are the last that were stored."""
        number, row = table.column(_PAGE)[-1].as_py(), table.column(_ROW)[-1].as_py()
        page, whole = self._pages[number]
        self._oldest = number
        return replace(
            self.progress, spot=Spot(page.place, page.before, row, content_digest(whole.slice(0, row)))
        )

    def ended(self) -> Progress:
        """Return the progress when all rows are stored."""
        return self.progress.ended(unsteady=self._pager.unsteady)

    def _learn(self, page: Page) -> None:
        if self.progress.pages and not has_new(page.records, self.progress.members):
            self.progress = replace(self.progress, pages=self.progress.pages + 1)
            return
        members = shape_of(page.records, self.progress.members)
        if not self.progress.pages:
            self._require(members)
        stated = {name: kind for name, kind in self.progress.members.items() if kind != UNSTATED}
        known = {**members, **stated} if self.progress.pages else members
        self.progress = replace(self.progress, members=known, pages=self.progress.pages + 1)

    def _require(self, members: Shape) -> None:
        lacking = [name for name in self._source.lacks(members) if not _within(name, members)]
        if lacking:
            place = refusals.place_of(self._source, str(self._source.option("url")))
            where = f"the records of {place} have no"
            raise missing_columns(self._source.code, where, lacking, members, self._source.columns)

    def _marked(self, table: pa.Table, page: Page, number: int) -> pa.Table:
        references = row_references(table, self._source.row_id, _numbers(page))
        rows = np.arange(1, table.num_rows + 1)
        return (
            table.append_column("_row", references)
            .append_column(_PAGE, pa.array(np.full(table.num_rows, number)))
            .append_column(_ROW, pa.array(rows))
        )

    def _news(self, table: pa.Table) -> pa.Array:
        """Tell which rows are not those that the former pass ended with, and note the highest watermark."""
        watermark, former = self._source.watermark, self.progress.high
        # After a pass that may have passed over rows everything is given again, even what is known.
        again = watermark is None or self.progress.since != former.at
        if watermark:
            self.progress = replace(self.progress, top=self.progress.top.risen(table, watermark))
        if again or watermark is None:
            return pa.array(np.full(table.num_rows, True))
        return former.unknown(table, watermark)


def _done(spot: Spot, page: Page, table: pa.Table) -> int:
    """How many rows of the page were stored: none where it is no longer the page it was."""
    same = page.place == spot.place and content_digest(table.slice(0, spot.rows)) == spot.mark
    return spot.rows if same else 0


def _numbers(page: Page) -> pa.Array:
    """References for rows without an id: their place in the whole list."""
    first = page.before + 1
    return pa.array([f"#{number}" for number in range(first, first + len(page.records))], pa.string())


def _within(name: str, members: Shape) -> bool:
    """Whether a path leads into an object that no record of the page has: it may be empty in all."""
    parent = name.rpartition(".")[0]
    return bool(parent) and members.get(parent) == UNSTATED


def _filled(table: pa.Table, members: Shape) -> pa.Table:
    """Leave out the columns that no record has had yet."""
    unknown = [
        name
        for name in table.column_names
        if name != "_row" and name not in members and not _any(table, name)
    ]
    return table.drop_columns(unknown)


def _any(table: pa.Table, name: str) -> bool:
    return table.column(name).null_count < table.num_rows
