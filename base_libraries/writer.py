"""Writes of one batch, in order, on a thread of their own: rows travel to PostgreSQL while the next are being made."""

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any

import pyarrow as pa

from base_libraries.wire import as_sent
from infra.own_thread import OwnThread


class Writer:
    """Everything a library does on one ADBC cursor; a context manager.

    ``copy``, ``stage`` and ``execute`` return at once. What fails there is raised by the next ``fetch``, or at the end
    of the block, whose transaction then must not be committed. Nobody else may use the cursor inside the block.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._thread = OwnThread("library-writer")
        self._under_way: deque[Future[Any]] = deque()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            self._wait()

    def execute(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        self._later(self._cursor.execute, statement)

    def fetch(self, query: str) -> pa.Table:
        """Return the answer of a query, which sees all that was written before."""
        found = self._thread.submit(self._fetched, query)
        self._wait()
        return found.result()

    def copy(self, table: str, rows: pa.Table) -> None:
        """Append rows to ``schema.table``."""
        if rows.num_rows:
            schema, name = table.split(".")
            self._later(self._cursor.adbc_ingest, name, as_sent(rows), mode="append", db_schema_name=schema)

    def stage(self, name: str, columns: Mapping[str, str], rows: pa.Table) -> None:
        """Fill a temporary table of this session with rows; it empties itself when the transaction ends."""
        described = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        self.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} ({described}) ON COMMIT DELETE ROWS")
        self.execute(f"TRUNCATE {name}")
        self.append(name, rows)
        self.execute(f"ANALYZE {name}")

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows to a staged table."""
        if rows.num_rows:
            self._later(self._cursor.adbc_ingest, name, as_sent(rows), mode="append", temporary=True)

    def _later(self, work: Callable[..., Any], *arguments: Any, **how: Any) -> None:
        self._under_way.append(self._thread.submit(work, *arguments, **how))

    def _fetched(self, query: str) -> pa.Table:
        self._cursor.execute(query)
        return self._cursor.fetch_arrow_table().replace_schema_metadata(None)

    def _wait(self) -> None:
        while self._under_way:
            self._under_way.popleft().result()
