"""The connector for departments' databases: read-only, paged by (watermark, row id), streamed.

Each page is a statement of its own, so nothing is held open at the department while the hub works, and a page that
takes longer than ``options.timeout_seconds`` (default 600) is given up. Rows whose watermark is null can be placed
nowhere in that order; they come first in every pull. Without a watermark the whole table comes in every pull.
PostgreSQL is read through ADBC, all else through SQLAlchemy.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol

import pyarrow as pa

from connectors.batch import Delivery, rechunk, with_last
from connectors.references import row_references
from connectors.source import Source
from schemas.errors import WrongFormat

_PAGE_BATCHES = 8
Key = list[Any]


class Register(Protocol):
    """A department's database, open for reading."""

    def page(
        self, order: tuple[str, ...], after: Key | None, null: tuple[str, bool] | None, limit: int
    ) -> Iterator[pa.Table]:
        """Yield up to ``limit`` rows in the order of the columns ``order``, behind the key ``after``.

        ``null`` restricts the page to rows in which that column is (True) or is not (False) null.
        """

    def close(self) -> None:
        """Let the database go."""


def read_rows(source: Source, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
    """Yield the source's rows behind ``state``; the last batch of a whole-table pull resets it."""
    after: Key | None = (state or {}).get("after")
    as_of = datetime.now(tz=UTC)
    register = _open(source)
    try:
        _require_ids(register, source)
        if source.watermark:
            yield from _unplaced(register, source, state, batch_rows, as_of)
            order = (
                source.watermark.column,
                *(name for name in source.row_id if name != source.watermark.column),
            )
            placed: tuple[str, bool] | None = (source.watermark.column, False)
        else:
            order, placed = source.row_id, None
        batches = rechunk(_pages(register, source, order, after, placed, batch_rows), batch_rows)
        for table, last in with_last(batches):
            window = _window(source, after)
            after = None if last and not source.watermark else _last_key(table, order)
            yield Delivery(_referenced(table, source), window, {"after": after}, as_of)
    finally:
        register.close()


def _open(source: Source) -> Register:
    if str(source.option("url")).startswith(("postgresql://", "postgres://")):
        from connectors.postgresql import PostgresRegister

        return PostgresRegister(source)
    from connectors.relational import RelationalRegister

    return RelationalRegister(source)


def _require_ids(register: Register, source: Source) -> None:
    """A row without an id would be passed over by every comparison with a key, so none may be there."""
    for name in source.row_id:
        if any(table.num_rows for table in register.page((name,), None, (name, True), 1)):
            raise WrongFormat(
                f"Source {source.code}: a row has no {name!r}, so the rows cannot be paged by it.",
                hint="Name a column that is never null in row_id.",
                source=source.code,
                column=name,
            )


def _unplaced(
    register: Register, source: Source, state: dict[str, Any] | None, batch_rows: int, as_of: datetime
) -> Iterator[Delivery]:
    """Yield rows without a watermark, leaving the state as it was: they are digested, so nothing is doubled."""
    column = source.watermark.column if source.watermark else ""
    pages = _pages(register, source, source.row_id, None, (column, True), batch_rows)
    for table in rechunk(pages, batch_rows):
        yield Delivery(_referenced(table, source), f"{column} is null", state or {"after": None}, as_of)


def _pages(
    register: Register,
    source: Source,
    order: tuple[str, ...],
    after: Key | None,
    null: tuple[str, bool] | None,
    batch_rows: int,
) -> Iterator[pa.Table]:
    limit = _PAGE_BATCHES * batch_rows
    while True:
        count, last = 0, None
        for table in register.page(order, after, null, limit):
            if table.num_rows:
                count, last = count + table.num_rows, table
                yield table
        if last is None or count < limit:
            return
        after = _last_key(last, order)


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


def _referenced(table: pa.Table, source: Source) -> pa.Table:
    unnamed = pa.nulls(table.num_rows, pa.string()).fill_null("")
    return table.append_column("_row", row_references(table, source.row_id, unnamed))
