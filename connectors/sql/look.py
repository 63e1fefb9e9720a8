"""Looking at databases of which nothing is known: their tables and views, columns with types and comments, primary keys."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Inspector
from sqlalchemy.exc import DBAPIError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from connectors.look import SAMPLED_ROWS, Glance, Look
from connectors.options import parsed
from connectors.source import Source
from connectors.sql import refusals
from connectors.sql.opening import engine_of, refused, session_of
from connectors.sql.options import SqlOptions
from connectors.sql.postgresql import LOGIN_WORDS
from connectors.sql.sqlite import Deadline
from connectors.sql.text import checked, place_of
from connectors.sql.values import array
from schemas.errors import SourceError, WrongFormat

MOST_TABLES = 50
_CONNECT_SECONDS = 10
_POSTGRES = ("postgresql", "postgres")
_THEIR_OWN = ("information_schema", "pg_catalog", "mysql", "performance_schema", "sys")


def look(given: Mapping[str, Any], rows: int = SAMPLED_ROWS) -> list[Look]:
    """Look at the table or query that ``given`` names, or at every table and view; ``given`` are options of ``sql``.

    The session is read-only and its statements limited in time. Raises a ``SourceError`` where nothing can be read.
    """
    named = given if "table" in given or "query" in given else {**given, "table": "?"}
    model = parsed("sql", SqlOptions, named)
    with _opened(Glance(model)) as database:
        if named is given:
            return [database.look(given, rows)]
        names = database.names()
        return [database.look({**given, "table": name}, rows) for name in names]


class _Database:
    """A database, open."""

    def __init__(self, glance: Glance, connection: Connection) -> None:
        self._source = cast("Source", glance)
        self._connection = connection
        self._inspector: Inspector = sa.inspect(connection)

    def names(self) -> list[str]:
        """Return every table and view that the login sees, its schema before a dot where it is not the default one."""
        default = self._inspector.default_schema_name
        schemas = [default] if self._connection.dialect.name != "postgresql" else self._schemas()
        found = []
        for schema in schemas:
            named = [*self._inspector.get_table_names(schema), *self._inspector.get_view_names(schema)]
            found += sorted(name if schema == default else f"{schema}.{name}" for name in named)
        if not found:
            raise WrongFormat(
                f"Source {self._source.code}: {place_of(self._source)} shows no table to this login.",
                hint="Ask the department for the right to read what the hub shall have.",
            )
        if len(found) > MOST_TABLES:
            shown = ", ".join(found[:MOST_TABLES])
            raise WrongFormat(
                f"Source {self._source.code}: {place_of(self._source)} has {len(found)} tables.",
                hint=f"Name one with --table; the first are {shown}.",
            )
        return found

    def look(self, given: Mapping[str, Any], rows: int) -> Look:
        """Look at one table, view or query."""
        table = given.get("table")
        columns = self._described(str(table)) if table else {}
        relation = self._relation(given)
        result = self._connection.execute(sa.select(sa.text("*")).select_from(relation).limit(rows))
        names = list(result.keys())
        fetched = result.fetchall()
        columns_of = zip(*fetched, strict=True) if fetched else [()] * len(names)
        sample = pa.table({name: array(values) for name, values in zip(names, columns_of, strict=True)})
        shape = {name: _type(columns.get(name)) for name in names}
        labels = {name: str(told["comment"]) for name, told in columns.items() if told.get("comment")}
        return Look(self._title(table), dict(given), shape, sample, "sql", self._key(table), labels)

    def _described(self, table: str) -> dict[str, Any]:
        schema, _, name = table.rpartition(".")
        try:
            return {column["name"]: column for column in self._inspector.get_columns(name, schema or None)}
        except NoSuchTableError:
            raise refusals.missing_table(self._source, place_of(self._source)) from None

    def _relation(self, given: Mapping[str, Any]) -> sa.TextClause:
        if not given.get("table"):
            return sa.text(f"({str(given['query']).strip().rstrip(';')}) AS looked_at")
        quote = self._connection.dialect.identifier_preparer.quote_identifier
        named = ".".join(quote(checked(part)) for part in str(given["table"]).split("."))
        return sa.text(named.replace(":", r"\:"))  # a colon would begin a parameter

    def _title(self, table: Any) -> str:
        if not table:
            return "query"
        schema, _, name = str(table).rpartition(".")
        try:
            comment = self._inspector.get_table_comment(name, schema or None)["text"]
        except (NotImplementedError, SQLAlchemyError):  # not every dialect has comments, nor has every view
            comment = None
        return comment or str(table)

    def _key(self, table: Any) -> tuple[str, ...]:
        if not table:
            return ()
        schema, _, name = str(table).rpartition(".")
        try:
            return tuple(self._inspector.get_pk_constraint(name, schema or None)["constrained_columns"])
        except (NotImplementedError, NoSuchTableError):
            return ()

    def _schemas(self) -> list[str]:
        found = self._inspector.get_schema_names()
        return [name for name in found if name not in _THEIR_OWN and not name.startswith("pg_")]


@contextmanager
def _opened(glance: Glance) -> Iterator[_Database]:
    """Open the database, and tell what it refuses as the hub's own errors."""
    source = cast("Source", glance)
    place, url = place_of(source), str(glance.option("url"))
    deadline = Deadline(glance.option("timeout_seconds"))
    postgres = url.partition(":")[0].partition("+")[0] in _POSTGRES
    engine = _postgres(url) if postgres else engine_of(source, deadline)
    deadline.set()
    try:
        with engine.connect() as connection:
            for statement in _session(source) if postgres else session_of(source, engine.dialect):
                connection.exec_driver_sql(statement)
            yield _Database(glance, connection)
    except DBAPIError as error:
        raise (
            _refusal(source, place, error) if postgres else refused(source, place, engine.dialect, error)
        ) from None
    finally:
        engine.dispose()


def _postgres(url: str) -> sa.Engine:
    """Make an engine of psycopg's, which takes the URL that ADBC takes."""
    import psycopg

    def connect() -> Any:
        return psycopg.connect(url, connect_timeout=_CONNECT_SECONDS, autocommit=True)

    return sa.create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)


def _session(source: Source) -> list[str]:
    seconds = source.option("timeout_seconds")
    return ["SET default_transaction_read_only = on", f"SET statement_timeout = '{seconds}s'"]


def _refusal(source: Source, place: str, error: DBAPIError) -> SourceError:
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return refusals.from_sqlstate(source, place, state)
    login = LOGIN_WORDS.search(str(error.orig)) is not None
    return (refusals.login if login else refusals.unreachable)(source, place)


def _type(column: Mapping[str, Any] | None) -> str:
    return str(column["type"]).partition(" COLLATE")[0] if column else "unstated"
