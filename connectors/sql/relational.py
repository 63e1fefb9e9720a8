"""Any other department's database, read through SQLAlchemy with a cursor that streams: SQLite, MariaDB, MySQL, …"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from connectors.batch import Shape
from connectors.missing import missing_columns
from connectors.source import Source
from connectors.sql import mysql, sqlite
from connectors.sql.opening import engine_of, refused, session_of
from connectors.sql.page import UNPLACED, Page, behind
from connectors.sql.text import checked, geometries, place_of, relation
from connectors.sql.values import array

_COLON = re.compile(r":(?=\w)")


class RelationalRegister:
    """One connection of any SQLAlchemy dialect, read-only where the dialect can say so."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._place = place_of(source)
        self._geometries = geometries(source)
        self._deadline = sqlite.Deadline(source.option("timeout_seconds"))
        self._engine = engine_of(source, self._deadline)
        self._connection = self._connect()
        try:
            quote_name = self._engine.dialect.identifier_preparer.quote_identifier
            # A colon would begin a parameter.
            self._relation = sa.text(_COLON.sub(r"\\:", relation(source, quote_name)))
            self._columns = self._described()
            self.shape = self._shape()
            if lacking := source.lacks(self.shape):
                where = f"{self._place} delivers no column"
                raise missing_columns(source.code, where, lacking, self.shape, source.columns)
        except BaseException:
            self.close()
            raise

    @property
    def nulls_first(self) -> bool:
        """Known of MariaDB, MySQL and SQLite."""
        return self._engine.dialect.name in (*mysql.BACKENDS, "sqlite")

    def rows(self, page: Page) -> Iterator[pa.Table]:
        """Stream one page."""
        keys = [self._key(name) for name in page.order]
        wanted = self._wanted(page, keys)
        selected: list[sa.ColumnElement[Any]] = [_column(name) for name in page.columns]
        if page.besides:
            unplaced = self._placed(page.besides, True)
            wanted = sa.or_(unplaced, wanted)
            selected.append(sa.case((unplaced, 1), else_=0).label(UNPLACED))
        query = sa.select(*selected).select_from(self._relation).where(wanted).order_by(*keys)
        if page.after is None:
            yield from self._stream(query.limit(page.limit), page)
        else:
            yield from behind(self._stream(query.limit(page.limit + 1), page), page)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._engine.dispose()

    # ── the connection ───────────────────────────────────────────────────────────────────────────────

    def _connect(self) -> Connection:
        source = self._source
        with self._answered():
            connection = self._engine.connect().execution_options(stream_results=True)
            try:
                for statement in session_of(source, self._engine.dialect):
                    connection.exec_driver_sql(statement)
                connection.rollback()
            except BaseException:
                connection.close()
                raise
        return connection

    # ── what is there ────────────────────────────────────────────────────────────────────────────────

    def _described(self) -> mysql.Columns | Sequence[str]:
        """Return every column's name, where the driver tells them with their types."""
        query = sa.select(sa.text("*")).select_from(self._relation).limit(0)
        with self._answered(), self._connection.execute(query) as result:
            if self._engine.dialect.name in mysql.BACKENDS:
                return mysql.Columns(result.cursor)
            return list(result.keys())

    def _shape(self) -> Shape:
        """Return every column with the type its database states, as far as the driver passes one on."""
        if isinstance(self._columns, mysql.Columns):
            return self._columns.names
        if table := self._source.option("table"):
            schema, _, name = str(table).rpartition(".")
            # Of some views a dialect knows nothing.
            with suppress(NoSuchTableError, sa.exc.CompileError), self._answered():
                columns = sa.inspect(self._connection).get_columns(name, schema=schema or None)
                return {column["name"]: str(column["type"]).partition(" COLLATE")[0] for column in columns}
        return dict.fromkeys(self._columns, "unstated")

    # ── how it is asked for and read ─────────────────────────────────────────────────────────────────

    def _key(self, name: str) -> sa.ColumnElement[Any]:
        column = _column(name)
        return self._columns.key(column) if isinstance(self._columns, mysql.Columns) else column

    def _bound(self, name: str, value: Any) -> Any:
        return self._columns.bound(name, value) if isinstance(self._columns, mysql.Columns) else value

    def _placed(self, name: str, is_null: bool) -> sa.ColumnElement[bool]:
        column = _column(name)
        if isinstance(self._columns, mysql.Columns):
            return self._columns.unplaced(column) if is_null else self._columns.placed(column)
        return column.is_(None) if is_null else column.is_not(None)

    def _wanted(self, page: Page, keys: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
        """Write what a page's rows must be."""
        conditions = [self._placed(*page.null)] if page.null else []
        if page.within:
            name, since, until = page.within
            conditions.append(_column(name) >= self._bound(name, since))
            conditions += [_column(name) < self._bound(name, until)] if until else []
        if page.after is not None:
            values = [self._bound(name, value) for name, value in zip(page.order, page.after, strict=True)]
            conditions.append(_from(keys, values))
        return sa.and_(sa.true(), *conditions)

    def _stream(self, query: sa.Select[Any], page: Page) -> Iterator[pa.Table]:
        with self._answered(), self._connection.execute(query) as result:
            for rows in result.partitions(page.chunk):
                yield self._table(rows, (*page.columns, UNPLACED) if page.besides else page.columns)

    def _table(self, rows: Sequence[Any], names: Sequence[str]) -> pa.Table:
        kinds = self._columns.arrow if isinstance(self._columns, mysql.Columns) else {}
        columns = zip(names, zip(*rows, strict=True), strict=True)
        return pa.table(
            {name: array(values, kinds.get(name), raw=name in self._geometries) for name, values in columns}
        )

    # ── what it refuses ──────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Say what was refused; and end the transaction, with the snapshot and the locks that the database keeps for it."""
        driver: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        self._deadline.set()
        try:
            yield
        except (DBAPIError, driver) as error:
            raise refused(self._source, self._place, self._engine.dialect, error) from None
        finally:
            with suppress(AttributeError, DBAPIError, driver):  # while connecting there is none yet
                self._connection.rollback()


def _column(name: str) -> sa.ColumnClause[Any]:
    return sa.column(sa.sql.quoted_name(checked(name), quote=True))


def _from(keys: Sequence[sa.ColumnElement[Any]], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Write (a, b) >= (x, y) as a > x OR (a = x AND b >= y): every dialect has that."""
    last = len(keys) - 1
    cases = [
        sa.and_(
            *(key == value for key, value in zip(keys[:place], values[:place], strict=True)),
            keys[place] >= values[place] if place == last else keys[place] > values[place],
        )
        for place in range(len(keys))
    ]
    return sa.or_(*cases)
