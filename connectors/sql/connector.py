"""The connector for departments' databases: read-only, paged by (watermark, row id), streamed.

Each page is a statement of its own, so nothing is held open at the department while the hub works, and a page that
takes longer than ``options.timeout_seconds`` (default 600) is given up. Rows whose watermark is null can be placed
nowhere in that order; they come first in every pull. Without a watermark the whole table comes in every pull.
PostgreSQL is read through ADBC, all else through SQLAlchemy.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from connectors.batch import Delivery, rechunk, with_last
from connectors.pace import Pace
from connectors.references import row_references
from connectors.source import Source
from connectors.sql.page import Key, Page, Register, Span
from connectors.window import Window
from schemas.errors import InvalidWindow, WrongFormat
from schemas.update_cycles import CHINA

_PAGE_BATCHES = 8
_PAGE_OF_REFERENCES = 200_000


class SqlConnector:
    """A department's database, read page by page."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._register = _open(source)
        self._columns = tuple(name for name in source.columns if name in self._register.shape)

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield the source's rows behind ``state``; the last batch of a whole-table pull resets it."""
        source, register = self._source, self._register
        after: Key | None = (state or {}).get("after")
        as_of = datetime.now(tz=UTC)
        _require_ids(register, source)
        if source.watermark:
            yield from self._unplaced(state, batch_rows, as_of)
        order, placed = _order(source)
        pages = _pages(
            register, source, Page(self._columns, order, _PAGE_BATCHES * batch_rows, after, placed)
        )
        for table, last in with_last(rechunk(pages, batch_rows)):
            window = _window(source, after)
            after = None if last and not source.watermark else _last_key(table, order)
            yield self._delivery(table, window, {"after": after}, as_of)

    def within(self, window: Window, batch_rows: int) -> Iterator[Delivery]:
        """Yield the rows whose watermark lies in the window; departments' clocks show China's time."""
        source, register = self._source, self._register
        as_of = datetime.now(tz=UTC)
        _require_ids(register, source)
        order, placed = _order(source)
        page = Page(
            self._columns, order, _PAGE_BATCHES * batch_rows, null=placed, within=_span(source, window)
        )
        for table in rechunk(_pages(register, source, page), batch_rows):
            yield self._delivery(
                table,
                f"from {window.since:%Y-%m-%d %H:%M %z} until {window.until:%Y-%m-%d %H:%M %z}",
                {},
                as_of,
            )

    def references(self) -> Iterator[pa.Array]:
        """Yield the reference of every row that is there now, in pages of their own."""
        names = self._source.row_id
        for table in _pages(self._register, self._source, Page(names, names, _PAGE_OF_REFERENCES)):
            yield row_references(table, names, pa.nulls(table.num_rows, pa.string()))

    def acknowledge(self, state: dict[str, Any]) -> None:
        """A database keeps its rows whatever the hub has stored."""

    def close(self) -> None:
        """Let the database go."""
        self._register.close()

    def _unplaced(self, state: dict[str, Any] | None, batch_rows: int, as_of: datetime) -> Iterator[Delivery]:
        """Yield rows without a watermark, leaving the state as it was: they are digested, so nothing is doubled."""
        source = self._source
        column = source.watermark.column if source.watermark else ""
        page = Page(self._columns, source.row_id, _PAGE_BATCHES * batch_rows, null=(column, True))
        pages = _pages(self._register, source, page)
        for table in rechunk(pages, batch_rows):
            yield self._delivery(table, f"{column} is null", state or {"after": None}, as_of)

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
    return str(source.option("url")).startswith(("postgresql://", "postgres://"))


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
            raise WrongFormat(
                f"Source {source.code}: a row has no {name!r}, so the rows cannot be paged by it.",
                hint="Name a column that is never null in row_id.",
                source=source.code,
                column=name,
            )


def _pages(register: Register, source: Source, page: Page) -> Iterator[pa.Table]:
    """Stream page after page, at no more rows a second than the department allows."""
    pace = Pace(source.option("rows_per_second"))
    while True:
        count, last = 0, None
        for table in register.rows(page):
            if table.num_rows:
                count, last = count + table.num_rows, table
                yield table
                pace.spent(table.num_rows)
        if last is None or count < page.limit:
            return
        page = replace(page, after=_last_key(last, page.order))


def _last_key(table: pa.Table, order: tuple[str, ...]) -> Key:
    return [_json_ready(table.column(name)[-1].as_py()) for name in order]


def _json_ready(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _window(source: Source, after: Key | None) -> str:
    if after is None:
        return "from the start"
    names = source.watermark.column if source.watermark else ", ".join(source.row_id)
    return f"{names} after {after[0] if source.watermark else ', '.join(str(part) for part in after)}"
