"""Any other department's database, read through SQLAlchemy with a cursor that streams: SQLite, MariaDB, MySQL, …"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, NoSuchTableError
from sqlalchemy.pool import NullPool

from connectors.batch import Shape
from connectors.source import Source
from connectors.sql import refusals
from connectors.sql.page import Page
from connectors.sql.text import checked, place_of, relation
from schemas.errors import ConfigurationError, SourceError, WrongFormat

_FETCHED_ROWS = 10_000
_CONNECT_SECONDS = 10
# Error numbers of MySQL and MariaDB, which state no class of the SQL standard a driver passes on.
_MYSQL = {1044: "28000", 1045: "28000", 1142: "42501", 1146: "42P01", 1698: "28000", 1049: "3D000"}
_MYSQL |= {
    1969: "57014",
    3024: "57014",
    2002: "08001",
    2003: "08001",
    2005: "08001",
    2006: "08006",
    2013: "08006",
}


class RelationalRegister:
    """One connection of any SQLAlchemy dialect, read-only where the dialect can say so."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._place = place_of(source)
        url = make_url(str(source.option("url")))
        self._engine = _engine(url, source)
        self._connection = self._connect()
        try:
            quote_name = self._engine.dialect.identifier_preparer.quote_identifier
            self._relation = sa.text(relation(source, quote_name))
            self.shape = self._described()
            if lacking := source.lacks(self.shape):
                raise refusals.missing_columns(source, self._place, lacking)
        except BaseException:
            self.close()
            raise

    def rows(self, page: Page) -> Iterator[pa.Table]:
        """Stream one page."""
        columns = [_column(name) for name in page.columns]
        keys = [_column(name) for name in page.order]
        query = sa.select(*columns).select_from(self._relation).order_by(*keys).limit(page.limit)
        if page.null:
            name, is_null = page.null
            query = query.where(_column(name).is_(None) if is_null else _column(name).is_not(None))
        if page.within:
            name, since, until = page.within
            query = query.where(_column(name) >= since, _column(name) < until)
        if page.after is not None:
            query = query.where(_behind(keys, page.after))
        yield from self._stream(query, list(page.columns))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._engine.dispose()

    def _connect(self) -> Connection:
        try:
            connection = self._engine.connect().execution_options(stream_results=True)
            for statement in _session(self._engine.dialect, self._source.option("timeout_seconds")):
                connection.exec_driver_sql(statement)
        except DBAPIError as error:
            raise self._refusal(error) from None
        return connection

    def _described(self) -> Shape:
        """Return every column with the type its database states, as far as the driver passes one on."""
        if table := self._source.option("table"):
            schema, _, name = str(table).rpartition(".")
            try:
                columns = sa.inspect(self._connection).get_columns(name, schema=schema or None)
                return {column["name"]: str(column["type"]).partition(" COLLATE")[0] for column in columns}
            except (NoSuchTableError, sa.exc.CompileError):
                pass  # a view of which the dialect knows nothing, or no table at all: the query will tell
            except DBAPIError as error:
                raise self._refusal(error) from None
        query = sa.select(sa.text("*")).select_from(self._relation).limit(0)
        try:
            return dict.fromkeys(self._connection.execute(query).keys(), "unstated")
        except DBAPIError as error:
            raise self._refusal(error) from None

    def _stream(self, query: sa.Select[Any], names: list[str]) -> Iterator[pa.Table]:
        try:
            with self._connection.execute(query) as result:
                for rows in result.partitions(_FETCHED_ROWS):
                    yield _table(rows, names)
        except (DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> SourceError:
        original = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(original, sqlite3.Error):
            return self._sqlite_refusal(str(original))
        state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
        arguments = getattr(original, "args", ())
        if not state and arguments and isinstance(arguments[0], int):
            state = _MYSQL.get(arguments[0], str(arguments[0]))
        return refusals.from_sqlstate(self._source, self._place, state or "unknown")

    def _sqlite_refusal(self, words: str) -> SourceError:
        if "no such table" in words:
            return refusals.missing_table(self._source, self._place)
        if "unable to open" in words or "locked" in words:
            return refusals.unreachable(self._source, self._place)
        if "not a database" in words or "malformed" in words:
            return WrongFormat(
                f"Source {self._source.code}: {self._place} is no SQLite database, or a broken one."
            )
        return refusals.from_sqlstate(self._source, self._place, "unknown")


def _engine(url: URL, source: Source) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        file = f"file:{quote(str(Path(url.database or '').resolve()))}?mode=ro"
        return sa.create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(file, uri=True), poolclass=NullPool
        )
    arguments = (
        {"connect_timeout": _CONNECT_SECONDS} if url.get_backend_name() in ("mysql", "mariadb") else {}
    )
    try:
        return sa.create_engine(url, poolclass=NullPool, connect_args=arguments)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise ConfigurationError(
            f"Source {source.code}: the driver of {url.drivername} is not installed.",
            hint="Install it beside the hub, for example pymysql for mysql+pymysql.",
        ) from None


def _session(dialect: sa.Dialect, seconds: int) -> list[str]:
    """Statements that make the session unable to write and its queries limited in time."""
    if dialect.name == "sqlite":
        return ["PRAGMA query_only = ON"]
    if dialect.name in ("mysql", "mariadb"):
        limit = f"max_statement_time = {seconds}"
        if not getattr(dialect, "is_mariadb", False):
            limit = f"max_execution_time = {seconds * 1000}"
        return ["SET SESSION TRANSACTION READ ONLY", f"SET SESSION {limit}"]
    return []


def _column(name: str) -> sa.ColumnClause[Any]:
    return sa.column(sa.sql.quoted_name(checked(name), quote=True))


def _behind(keys: list[sa.ColumnClause[Any]], after: list[Any]) -> sa.ColumnElement[bool]:
    """Write (a, b) > (x, y) as a > x OR (a = x AND b > y): every dialect has that."""
    cases = [
        sa.and_(
            *(key == value for key, value in zip(keys[:place], after[:place], strict=True)),
            keys[place] > after[place],
        )
        for place in range(len(keys))
    ]
    return sa.or_(*cases)


def _table(rows: Sequence[Any], names: list[str]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table({name: _array(values) for name, values in zip(names, columns, strict=True)})


def _array(values: tuple[Any, ...]) -> pa.Array:
    """Infer the type; where one column holds values of several, as SQLite allows, all become text."""
    try:
        return pa.array(values)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
