"""The connector for departments' databases: read-only, paged by (watermark, row id), streamed over one connection.

Each page is a statement and a transaction of its own: no snapshot and no lock outlives it, and one that takes longer than
``options.timeout_seconds`` is given up. Without a watermark the whole table comes in every pull. PostgreSQL is read through ADBC,
all else through SQLAlchemy. How a pull is gone on with is in ``connectors.sql.progress``.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.batch import Delivery, rechunk, with_last
from connectors.pace import Pace
from connectors.references import row_references
from connectors.source import Source
from connectors.sql import refusals
from connectors.sql.page import UNPLACED, Key, Page, Register, Span
from connectors.sql.progress import Progress
from connectors.sql.text import POSTGRESQL
from connectors.sql.values import json_ready
from connectors.window import Window
from schemas.errors import InvalidWindow
from schemas.update_cycles import CHINA

_PAGE_BATCHES = 8
_PAGE_OF_REFERENCES = 200_000
_PAGE_SECONDS = 10


class SqlConnector:
    """A department's database, read page by page."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._register = _open(source)
        self._columns = tuple(name for name in source.columns if name in self._register.shape)
        self._pace = Pace(source.option("rows_per_second"))

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield the source's rows behind ``state``; the last batch of a whole-table pull resets it."""
        source, progress = self._source, Progress.of(state)
        as_of = datetime.now(tz=UTC)
        _require_ids(self._register, source)
        for (table, placed), last in with_last(self._tables(progress, batch_rows)):
            order, _ = _order(source) if placed else (source.row_id, None)
            window = _window(source, progress, placed=placed)
            progress = progress.behind(_last_key(table, order), placed=placed)
            if last:
                progress = progress.ended(again=source.watermark is None)
            yield self._delivery(table, window, progress.state(), as_of)

    def within(self, window: Window, batch_rows: int) -> Iterator[Delivery]:
        """Yield the rows whose watermark lies in the window; departments' clocks show China's time."""
        source = self._source
        as_of = datetime.now(tz=UTC)
        _require_ids(self._register, source)
        order, placed = _order(source)
        page = replace(self._page(order, batch_rows), null=placed, within=_span(source, window))
        told = f"from {window.since:%Y-%m-%d %H:%M %z} until {window.until:%Y-%m-%d %H:%M %z}"
        for table in rechunk(self._pages(page), batch_rows):
            yield self._delivery(table, told, {}, as_of)

    def references(self) -> Iterator[pa.Array]:
        """Yield the reference of every row that is there now, in pages of their own."""
        names = self._source.row_id
        limit = self._limit(_PAGE_OF_REFERENCES)
        for table in self._pages(Page(names, names, limit), apart=False):
            yield row_references(table, names, pa.nulls(table.num_rows, pa.string()))

    def acknowledge(self, state: dict[str, Any]) -> None:
        """A database keeps its rows whatever the hub has stored."""

    def close(self) -> None:
        """Let the database go."""
        self._register.close()

    def _tables(self, progress: Progress, batch_rows: int) -> Iterator[tuple[pa.Table, bool]]:
        """Yield the rows of each batch, those without a watermark first, and whether they have one."""
        source = self._source
        order, placed = _order(source)
        within = progress.overlap(source)
        page = replace(self._page(order, batch_rows), null=placed, within=within)
        if within is None:
            page = replace(page, after=progress.after)
        rest = None
        if source.watermark and not progress.placed_only:
            rest = self._at_once(page) if progress.expects_all_placed else None
            if rest is None:
                first = replace(
                    self._page(source.row_id, batch_rows), after=progress.unplaced, null=(order[0], True)
                )
                for table in rechunk(self._pages(first), batch_rows):
                    yield table, False
        for table in rechunk(self._pages(page) if rest is None else rest, batch_rows):
            yield table, True

    def _at_once(self, page: Page) -> Iterator[pa.Table] | None:
        """Read the page and ask for rows without a watermark in one statement; None where there are any, or it cannot be.

        Without an index a table of a million rows is then gone through once, not twice, to find that nothing is new.
        """
        if not self._register.nulls_first:
            return None
        tables = self._pages(replace(page, besides=page.order[0]))
        first = next(tables, None)
        if first is None:
            return iter(())
        if first[UNPLACED][0].as_py():
            tables.close()
            return None
        return (
            table.drop_columns([UNPLACED]) if UNPLACED in table.column_names else table
            for table in chain([first], tables)
        )

    def _page(self, order: tuple[str, ...], batch_rows: int) -> Page:
        limit = self._source.option("page_rows") or self._limit(_PAGE_BATCHES * batch_rows)
        return Page(self._columns, order, limit, chunk=min(limit, batch_rows))

    def _limit(self, most: int) -> int:
        """Return how many rows a page may have: where they are slowed down, as many as some seconds may bring."""
        per_second = self._source.option("rows_per_second")
        return min(most, _PAGE_SECONDS * per_second) if per_second else most

    def _pages(self, page: Page, *, apart: bool = True) -> Generator[pa.Table, None, None]:
        """Stream page after page; the pace is kept between them, while nothing is open at the department.

        Rows must differ in the key where they must be told ``apart``.
        """
        ends: set[str] = set()
        last: pa.Table | None = None
        while True:
            count = 0
            # Read one ahead: with its last rows a page is over at the department, too, and the hub may take its time.
            for table, _ in with_last(self._register.rows(page)):
                if table.num_rows:
                    if apart:
                        _require_apart(self._source, last, table, page.order)
                    count, last = count + table.num_rows, table
                    yield table
            if last is None or count < page.limit:
                return
            self._pace.spent(count)
            page = replace(page, after=_last_key(last, page.order), besides=None)
            if str(page.after) in ends:
                raise refusals.same_ids(self._source, page.order)
            ends.add(str(page.after))

    def _delivery(self, table: pa.Table, window: str, state: dict[str, Any], as_of: datetime) -> Delivery:
        references = row_references(
            table, self._source.row_id, pa.nulls(table.num_rows, pa.string()).fill_null("")
        )
        return Delivery(table.append_column("_row", references), window, state, as_of, self._register.shape)


def _order(source: Source) -> tuple[tuple[str, ...], tuple[str, bool] | None]:
    """Say by which columns rows are paged, and which of them must not be null."""
    if source.watermark is None:
        return source.row_id, None
    first = source.watermark.column
    return (first, *(name for name in source.row_id if name != first)), (first, False)


def _span(source: Source, window: Window) -> Span:
    """Write a window as the watermark's column reads it; only PostgreSQL reads a zone, and there some columns have one."""
    if source.watermark is None or source.watermark.type not in ("datetime", "date"):
        raise InvalidWindow(
            f"Source {source.code} cannot be read by window: it has no watermark that is a time.",
            hint="Read what is new instead, without a window.",
            source=source.code,
        )
    local = [moment.astimezone(CHINA) for moment in (window.since, window.until)]
    if source.watermark.type == "date":
        since, until = (f"{moment:%Y-%m-%d}" for moment in local)
    else:
        zone = "%z" if _is_postgresql(source) else ""
        since, until = (moment.strftime(f"%Y-%m-%d %H:%M:%S{zone}") for moment in local)
    return source.watermark.column, since, until


def _is_postgresql(source: Source) -> bool:
    return POSTGRESQL.match(str(source.option("url"))) is not None


def _open(source: Source) -> Register:
    if _is_postgresql(source):
        from connectors.sql.postgresql import PostgresRegister

        return PostgresRegister(source)
    from connectors.sql.relational import RelationalRegister

    return RelationalRegister(source)


def _require_ids(register: Register, source: Source) -> None:
    """A row without an id would be passed over by every comparison with a key, so none may be there."""
    for name in source.row_id:
        if any(table.num_rows for table in register.rows(Page((name,), (name,), 1, null=(name, True)))):
            raise refusals.no_id(source, name)


def _require_apart(source: Source, before: pa.Table | None, table: pa.Table, order: tuple[str, ...]) -> None:
    """Two rows of the same key would be one to every comparison, so that a pull gone on with may pass over the second."""
    keys = table.select(order)
    if any(pa.types.is_null(column.type) for column in keys.columns):
        return  # rows without a watermark: by their row id they are told apart when they are read for themselves
    if before is not None:
        first, second = (
            one.select(order).to_pylist() for one in (before.slice(before.num_rows - 1), table.slice(0, 1))
        )
        if first == second:
            raise refusals.same_ids(source, order)
    same = None
    for column in keys.columns:
        equal = pc.equal(column.slice(1), column.slice(0, max(0, len(column) - 1)))
        same = equal if same is None else pc.and_(same, equal)
    if pc.any(same).as_py():
        raise refusals.same_ids(source, order)


def _last_key(table: pa.Table, order: tuple[str, ...]) -> Key:
    return [json_ready(table.column(name)[-1].as_py()) for name in order]


def _window(source: Source, progress: Progress, *, placed: bool) -> str:
    if not placed:
        return f"{source.watermark.column if source.watermark else ''} is null"
    if overlap := progress.overlap(source):
        return f"{overlap[0]} from {overlap[1]}"
    if progress.after is None:
        return "from the start"
    if source.watermark:
        return f"{source.watermark.column} after {progress.after[0]}"
    return f"{', '.join(source.row_id)} after {', '.join(str(part) for part in progress.after)}"
