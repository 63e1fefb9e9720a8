"""A department's PostgreSQL, read through ADBC: binary COPY straight into Arrow, batch by batch."""

import re
import time
from collections.abc import Iterator
from typing import Any

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from connectors.source import Source
from connectors.sql import refusals
from connectors.sql.page import Page
from connectors.sql.text import place_of, quoted, relation
from schemas.errors import MissingColumn, SourceError

_CONNECT_SECONDS = 10
# A server states its refusal in its own language; the words of a login that failed, in English and Chinese.
_LOGIN = re.compile(
    r"authentication|password|role .* does not exist|pg_hba|not permitted to log in|认证|口令|密码|角色"
)
_LITERAL_KINDS = (str, int, float)


class PostgresRegister:
    """One connection: read-only, its statements limited in time, each page a transaction of its own."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._place = place_of(source)
        self._connection = self._connect(str(source.option("url")))
        try:
            self._relation = relation(source, quoted)
            self._fields = self._described()
            self.shape = {field.name: _type_name(field) for field in self._fields}
            if lacking := source.lacks(self.shape):
                raise refusals.missing_columns(source, self._place, lacking)
        except BaseException:
            self.close()
            raise

    def rows(self, page: Page) -> Iterator[pa.Table]:
        """Stream one page."""
        # Qualified, for a bare name in ORDER BY means the selected column, which may have been made text.
        keys = ", ".join(f"delivered.{quoted(name)}" for name in page.order)
        conditions = ["true"]
        if page.null:
            name, is_null = page.null
            conditions.append(f"{quoted(name)} IS {'' if is_null else 'NOT '}NULL")
        if page.within:
            name, since, until = page.within
            conditions.append(f"{quoted(name)} >= {_literal(since)} AND {quoted(name)} < {_literal(until)}")
        if page.after is not None:
            conditions.append(f"({keys}) > ({', '.join(_literal(value) for value in page.after)})")
        selected = ", ".join(_selected(self._fields.field(name)) for name in page.columns)
        yield from self._stream(
            f"SELECT {selected} FROM {self._relation} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {keys} LIMIT {page.limit}"
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _connect(self, url: str) -> Any:
        limited = (
            url
            if "connect_timeout" in url
            else f"{url}{'&' if '?' in url else '?'}connect_timeout={_CONNECT_SECONDS}"
        )
        try:
            connection = dbapi.connect(limited, autocommit=True)
        except adbc_driver_manager.Error as error:
            # The driver's words may quote the URL, so they are read here and go no further.
            login = _LOGIN.search(str(error)) is not None
            raise (refusals.login if login else refusals.unreachable)(self._source, self._place) from None
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
            cursor.execute("SET standard_conforming_strings = on")
            cursor.execute(f"SET statement_timeout = '{self._source.option('timeout_seconds')}s'")
        return connection

    def _described(self) -> pa.Schema:
        """Return every column of the table or query; types that Arrow does not know are later selected as text."""
        return next(self._stream(f"SELECT * FROM {self._relation} LIMIT 0", empty=True)).schema

    def _stream(self, statement: str, *, empty: bool = False) -> Iterator[pa.Table]:
        started = time.monotonic()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement)
                reader = cursor.fetch_record_batch()
                if empty:
                    yield reader.schema.empty_table()
                for batch in reader:
                    yield pa.Table.from_batches([batch])
        except adbc_driver_manager.Error as error:
            raise self._refusal(error.sqlstate or "") from None
        except (pa.ArrowInvalid, OSError):
            raise self._broken_off(time.monotonic() - started) from None

    def _broken_off(self, seconds: float) -> SourceError:
        """Tell why a stream ended early: here the driver states no SQLSTATE, only words in the server's language."""
        if seconds >= self._source.option("timeout_seconds"):
            return refusals.timed_out(self._source, self._place)
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                cursor.fetchone()
        except (adbc_driver_manager.Error, pa.ArrowInvalid, OSError):
            return refusals.unreachable(self._source, self._place)
        return refusals.failed_query(self._source, self._place)

    def _refusal(self, state: str) -> SourceError:
        if state == "42703":
            return MissingColumn(f"Source {self._source.code}: the query names a column that is not there.")
        return refusals.from_sqlstate(self._source, self._place, state)


def _type_name(field: pa.Field) -> str:
    """Name the type as PostgreSQL does, where it is one that Arrow lacks."""
    return getattr(field.type, "type_name", None) or str(field.type)


def _selected(field: pa.Field) -> str:
    name = quoted(field.name)
    unknown = isinstance(field.type, pa.BaseExtensionType) or pa.types.is_binary(field.type)
    return f"{name}::text AS {name}" if unknown and field.name != "geometry" else name


def _literal(value: Any) -> str:
    """Write a key value of a former page; the column's own type reads it, and a quote within it stays text."""
    if not isinstance(value, _LITERAL_KINDS) or "\0" in str(value):
        raise SourceError(f"A row key of type {type(value).__name__} cannot be paged by.")
    return "'" + str(value).replace("'", "''") + "'"
