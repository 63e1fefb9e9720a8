"""Connections that carry Arrow tables to and from PostgreSQL, by ADBC, which Ctrl-C stops.

For the time of a call made on the main thread, ADBC takes SIGINT from Python. A signal that comes as the call ends is then
lost, or calls a function that is there no more, and the process crashes or hangs (its ``_blocking_call``; seen with 1.13).
On any other thread it leaves signals alone. So a call of the main thread is made on a thread of the connection's own.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import pyarrow as pa
from adbc_driver_manager import Error
from adbc_driver_postgresql import dbapi

from infra.own_thread import OwnThread

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


class BulkConnection:
    """An ADBC connection. One statement at a time; who is interrupted while it runs cancels it."""

    def __init__(self, url: str, *, autocommit: bool = False) -> None:
        """Connect; raises ADBC's ``Error``."""
        self._thread = OwnThread("bulk")
        try:
            self._connection = self._off_main(dbapi.connect, url, autocommit=autocommit)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    def cursor(self) -> "BulkCursor":
        """Open a cursor, which is a context manager."""
        # by a call, which ends though it is interrupted: the connection then knows the cursor, and closes with it
        return BulkCursor(self.call(self._connection.cursor), self.call)

    def commit(self) -> None:
        """Commit the transaction; the next statement begins another."""
        self.call(self._connection.commit)

    def rollback(self) -> None:
        """Roll the transaction back."""
        self.call(self._connection.rollback)

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        try:
            self.call(self._connection.close)
        finally:
            self._thread.shutdown()

    def call(
        self, work: Callable[_Arguments, _Answer], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> _Answer:
        """Do what ADBC does, where it leaves signals alone."""
        if threading.current_thread() is not threading.main_thread():
            return work(*arguments, **named)
        return self._off_main(work, *arguments, **named)

    def _off_main(
        self, work: Callable[_Arguments, _Answer], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> _Answer:
        under_way = self._thread.submit(work, *arguments, **named)
        try:
            return under_way.result()
        finally:
            if not under_way.done():  # interrupted
                self._stop(under_way)

    def _stop(self, under_way: Future[Any]) -> None:
        if connection := getattr(self, "_connection", None):
            with suppress(Error):
                connection.adbc_cancel()
        wait([under_way])


class BulkCursor:
    """A cursor of a ``BulkConnection``: ADBC's own, as far as it is used here."""

    def __init__(self, cursor: Any, call: Callable[..., Any]) -> None:
        self._cursor = cursor
        self._call = call

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._cursor.close)

    def execute(self, statement: str, parameters: Any = None) -> None:
        """Run a statement."""
        self._call(self._cursor.execute, statement, parameters)

    def adbc_ingest(self, table: str, rows: pa.Table, **options: Any) -> None:
        """Append the rows to the table by COPY."""
        self._call(self._cursor.adbc_ingest, table, rows, **options)

    def fetchone(self) -> Any:
        """Return the next row of the answer as a tuple, None after the last."""
        return self._call(self._cursor.fetchone)

    def fetchall(self) -> list[Any]:
        """Return the rows left, as tuples."""
        found: list[Any] = self._call(self._cursor.fetchall)
        return found

    def fetch_arrow_table(self) -> pa.Table:
        """Return the rows left as a table."""
        return self._call(self._cursor.fetch_arrow_table)

    def fetch_record_batch(self) -> pa.RecordBatchReader:
        """Return a reader of the rows left."""
        return self._call(self._cursor.fetch_record_batch)
