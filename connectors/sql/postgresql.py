"""A department's PostgreSQL, read through ADBC: binary COPY straight into Arrow, batch by batch."""

import re
import time
from collections.abc import Iterator
from typing import Any

import adbc_driver_manager
import pyarrow as pa

from connectors.missing import missing_columns
from connectors.source import Source
from connectors.sql import refusals
from connectors.sql.page import Page, behind
from connectors.sql.text import POSTGRESQL, geometries, place_of, quoted, relation
from infra.bulk import BulkConnection
from schemas.errors import SourceError

_PARAMETERS = {
    "connect_timeout": 10,
    "application_name": "exchange-hub",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
# A server states its refusal in its own language; the words of a login that failed, in English and Chinese.
LOGIN_WORDS = re.compile(
    r"authentication|password|role .* does not exist|pg_hba|not permitted to log in|认证|口令|密码|角色"
)
_LITERAL_KINDS = (str, int, float)


class PostgresRegister:
    """One connection; each page is a transaction of its own that can only read, its statements and locks limited in time."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._place = place_of(source)
        self._geometries = geometries(source)
        self._connection = self._connect(str(source.option("url")))
        try:
            self._relation = relation(source, quoted)
            self._fields = self._described()
            self.shape = {field.name: _type_name(field) for field in self._fields}
            if lacking := source.lacks(self.shape):
                where = f"{self._place} delivers no column"
                raise missing_columns(source.code, where, lacking, self.shape, source.columns)
        except BaseException:
            self.close()
            raise

    @property
    def nulls_first(self) -> bool:
        """Null comes last here."""
        return False

    def rows(self, page: Page) -> Iterator[pa.Table]:
        """Stream one page."""
        # Qualified, for a bare name in ORDER BY means the selected column, which may have been made text.
        keys = ", ".join(f"delivered.{quoted(name)}" for name in page.order)
        conditions = ["true"]
        if page.null:
            conditions.append(self._placed(*page.null))
        if page.within:
            name, since, until = page.within
            conditions.append(f"{quoted(name)} >= {_literal(since)}")
            conditions += [f"{quoted(name)} < {_literal(until)}"] if until else []
        if page.after is not None:
            conditions.append(f"({keys}) >= ({', '.join(_literal(value) for value in page.after)})")
        selected = ", ".join(self._selected(self._fields.field(name)) for name in page.columns)
        limit = page.limit if page.after is None else page.limit + 1
        found = self._stream(
            f"SELECT {selected} FROM {self._relation} WHERE {' AND '.join(conditions)} ORDER BY {keys} LIMIT {limit}"
        )
        yield from found if page.after is None else behind(found, page)

    def close(self) -> None:
        """Close the connection; what it was asked for ends with it."""
        self._connection.close()

    def _connect(self, url: str) -> BulkConnection:
        try:
            connection = BulkConnection(_with_defaults(url), autocommit=True)
        except adbc_driver_manager.Error as error:
            # The driver's words may quote the URL, so they are read here and go no further.
            login = LOGIN_WORDS.search(str(error)) is not None
            raise (refusals.login if login else refusals.unreachable)(self._source, self._place) from None
        try:
            with connection.cursor() as cursor:
                for statement in _session(self._source):
                    cursor.execute(statement)
        except adbc_driver_manager.Error as error:
            connection.close()
            raise refusals.from_sqlstate(self._source, self._place, error.sqlstate or "") from None
        return connection

    def _placed(self, name: str, is_null: bool) -> str:
        """Infinity, which is no time of any calendar, has no place in the order either."""
        column = quoted(name)
        if not _has_infinity(self._fields.field(name).type):
            return f"{column} IS {'' if is_null else 'NOT '}NULL"
        without = f"{column} IS NULL OR {column} IN ('infinity', '-infinity')"
        return f"({without})" if is_null else f"isfinite({column})"

    def _selected(self, field: pa.Field) -> str:
        name = quoted(field.name)
        if (field.metadata or {}).get(b"POSTGRESQL:type") == b"money":  # Arrow has it in cents
            return f"{name}::numeric::text AS {name}"
        if _has_infinity(field.type):  # Arrow has no such time
            return f"CASE WHEN isfinite({name}) THEN {name} END AS {name}"
        raw = field.name in self._geometries and pa.types.is_binary(field.type)
        return f"{name}::text AS {name}" if _is_text_here(field.type) and not raw else name

    def _described(self) -> pa.Schema:
        """Return every column of the table or query; types that Arrow does not know are later selected as text."""
        return next(self._stream(f"SELECT * FROM {self._relation} LIMIT 0", empty=True)).schema

    def _stream(self, statement: str, *, empty: bool = False) -> Iterator[pa.Table]:
        """Run a statement in a transaction of its own: what a query might set in it is over when it ends."""
        started = time.monotonic()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("BEGIN READ ONLY")
                cursor.execute(statement)
                reader = cursor.fetch_record_batch()
                if empty:
                    yield reader.schema.empty_table()
                for batch in reader:
                    yield pa.Table.from_batches([batch])
            self._end()
        except adbc_driver_manager.Error as error:
            raise refusals.from_sqlstate(self._source, self._place, error.sqlstate or "") from None
        except (pa.ArrowInvalid, OSError):
            raise self._broken_off(time.monotonic() - started) from None

    def _end(self) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute("ROLLBACK")

    def _broken_off(self, seconds: float) -> SourceError:
        """Tell why a stream ended early: here the driver states no SQLSTATE, only words in the server's language."""
        if seconds >= self._source.option("timeout_seconds"):
            return refusals.timed_out(self._source, self._place)
        try:
            self._end()
        except (adbc_driver_manager.Error, pa.ArrowInvalid, OSError):
            return refusals.unreachable(self._source, self._place)
        return refusals.failed_query(self._source, self._place)


def _with_defaults(url: str) -> str:
    """Add what the URL leaves open: how long to wait for a connection, when a silent one is dead, and who asks."""
    parameters = "&".join(f"{name}={value}" for name, value in _PARAMETERS.items() if f"{name}=" not in url)
    return f"{POSTGRESQL.sub('postgresql://', url)}{'&' if '?' in url else '?'}{parameters}"


def _session(source: Source) -> list[str]:
    return [
        "SET default_transaction_read_only = on",
        "SET standard_conforming_strings = on",
        f"SET statement_timeout = '{source.option('timeout_seconds')}s'",
        f"SET lock_timeout = '{source.option('lock_timeout_seconds')}s'",
    ]


def _type_name(field: pa.Field) -> str:
    """Name the type as PostgreSQL does, where it is one that Arrow lacks."""
    return getattr(field.type, "type_name", None) or str(field.type)


def _has_infinity(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _is_text_here(kind: pa.DataType) -> bool:
    """Tell whether PostgreSQL itself must write the values, as Arrow has no text of them."""
    return (
        isinstance(kind, pa.BaseExtensionType)
        or pa.types.is_binary(kind)
        or pa.types.is_nested(kind)
        or pa.types.is_interval(kind)
    )


def _literal(value: Any) -> str:
    """Write a key value of a former page; the column's own type reads it, and a quote within it stays text."""
    if not isinstance(value, _LITERAL_KINDS) or "\0" in str(value):
        raise SourceError(f"A row key of type {type(value).__name__} cannot be paged by.")
    return "'" + str(value).replace("'", "''") + "'"
