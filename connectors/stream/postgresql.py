"""A department's PostgreSQL as the source of a change log: its table, publication and slot, checked before they are used.

Two connections, read-only, their statements limited in time: on one a peek into the log is streamed, on the other all else is asked.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from connectors.source import Source
from connectors.stream import refusals
from connectors.stream.options import ChangesOptions
from schemas.errors import DefinitionError, SourceError

_SESSION = {
    # The log writes values as the session that reads it would.
    "datestyle": "ISO",
    "intervalstyle": "iso_8601",
    "timezone": "Asia/Shanghai",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    "default_transaction_read_only": "on",
}
_CONNECT_SECONDS = 10
_FETCHED = 2_000
_PLUGIN = "pgoutput"
_log = logging.getLogger(__name__)

Key = Sequence[str]


class Department:
    """The department's database."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.told: ChangesOptions = source.option("changes")
        self._url = str(source.option("url"))
        self.place = refusals.place_of(source, self._url)
        schema, _, name = self.told.table.rpartition(".")
        self.table = schema or "public", name
        self._connection = self._connect(autocommit=True)

    # ── the table ────────────────────────────────────────────────────────────────────────────────────

    def columns(self) -> Mapping[str, str]:
        """Return every column of the table with its type; none where there is no such table."""
        query = (
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        return dict(self.asked(query, (self._relation().as_string(self._connection),)))

    def identity(self) -> frozenset[str]:
        """Return the columns that the log repeats of an old row: the table's replica identity."""
        query = (
            "SELECT a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
            " WHERE c.oid = to_regclass(%s) AND NOT a.attisdropped AND (c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i"
            " WHERE i.indrelid = c.oid AND a.attnum = ANY(i.indkey) AND CASE c.relreplident WHEN 'd' THEN i.indisprimary"
            " WHEN 'i' THEN i.indisreplident ELSE false END))"
        )
        return frozenset(
            name for (name,) in self.asked(query, (self._relation().as_string(self._connection),))
        )

    def page(self, columns: Sequence[str], order: Sequence[str], after: Key | None, rows: int) -> list[Any]:
        """Return up to ``rows`` rows behind the key, as text, in the order of the key."""
        key = sql.SQL(", ").join(self._column(name) for name in order)
        behind: sql.Composable = sql.SQL("true")
        if after is not None:
            values = sql.SQL(", ").join(sql.Literal(part) for part in after)
            behind = sql.SQL("({}) > ({})").format(key, values)
        return self._written(
            sql.SQL("SELECT {} FROM {} AS delivered WHERE {} ORDER BY {} LIMIT {}").format(
                self._all(columns), self._relation(), behind, key, sql.Literal(rows)
            )
        )

    def nameless(self, order: Sequence[str]) -> bool:
        """Tell whether a row lacks a part of its key: it would be passed over."""
        lacks = sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(self._column(name)) for name in order)
        query = sql.SQL("SELECT 1 FROM {} AS delivered WHERE {} LIMIT 1").format(self._relation(), lacks)
        return bool(self.asked(query))

    def rows_now(self, columns: Sequence[str], order: Sequence[str], keys: Sequence[Key]) -> list[Any]:
        """Return the rows of these keys as they are now, as text."""
        key = sql.SQL(", ").join(self._column(name) for name in order)
        values = sql.SQL(", ").join(
            sql.SQL("({})").format(sql.SQL(", ").join(sql.Literal(part) for part in parts)) for parts in keys
        )
        return self._written(
            sql.SQL("SELECT {} FROM {} AS delivered WHERE ({}) IN ({})").format(
                self._all(columns), self._relation(), key, values
            )
        )

    def _written(self, query: sql.Composed) -> list[Any]:
        """Return the rows as the database writes them, and so as its log does: a cast to text would write some otherwise."""
        try:
            copied = sql.SQL("COPY ({}) TO STDOUT").format(query)
            with self._connection.cursor() as cursor, cursor.copy(copied) as copy:
                return list(copy.rows())
        except psycopg.Error as error:
            raise self.refusal(error) from None

    def _all(self, columns: Sequence[str]) -> sql.Composed:
        return sql.SQL(", ").join(self._column(name) for name in columns)

    def _column(self, name: str) -> sql.Identifier:
        return sql.Identifier("delivered", name)

    def _relation(self) -> sql.Identifier:
        return sql.Identifier(*self.table)

    # ── publication and slot ─────────────────────────────────────────────────────────────────────────

    def require_publication(self, columns: Sequence[str]) -> None:
        """Check that the publication tells everything that happens to these columns of every row."""
        query = "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_publication WHERE pubname = %s"
        if not (found := self.asked(query, (self.told.publication,))):
            raise refusals.no_publication(self._source, self.place, self.told)
        if not found[0][0]:
            raise refusals.partial_publication(self._source, self.place, self.told, "every kind of change")
        more = (
            "attnames, rowfilter IS NOT NULL"
            if self._connection.info.server_version >= 150000
            else "NULL, false"
        )
        query = f"SELECT {more} FROM pg_publication_tables WHERE pubname = %s AND schemaname = %s AND tablename = %s"
        if not (found := self.asked(query, (self.told.publication, *self.table))):
            raise refusals.no_publication(self._source, self.place, self.told)
        names, filtered = found[0]
        if filtered:
            raise refusals.partial_publication(self._source, self.place, self.told, "every row")
        if names is not None and (lacking := sorted(set(columns) - set(names))):
            raise refusals.partial_publication(
                self._source, self.place, self.told, f"the column {lacking[0]!r}"
            )

    def has_slot(self) -> bool:
        """Tell whether the slot is there, and check that it is of use; warns when it holds back too much of the log."""
        query = (
            "SELECT plugin, database, wal_status, active,"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM pg_replication_slots WHERE slot_name = %s"
        )
        if not (found := self.asked(query, (self.told.slot,))):
            return False
        plugin, database, status, active, lag = found[0]
        if plugin != _PLUGIN or database != self._connection.info.dbname:
            raise refusals.foreign_slot(self._source, self.place, self.told)
        if status == "lost":
            raise refusals.lost(self._source, self.place, self.told)
        if active:
            raise refusals.slot_in_use(self._source, self.place, self.told)
        if lag is not None and lag > self.told.largest_lag_mb << 20:
            _log.warning(
                "Source %s: slot %s keeps %d MiB of log at the department; pull more often, or raise most_changes.",
                self._source.code, self.told.slot, lag >> 20 if isinstance(lag, int) else int(lag) >> 20,
            )  # fmt: skip
        return True

    def create_slot(self) -> None:
        """Create the slot."""
        if self.asked("SHOW wal_level")[0][0] != "logical":
            raise refusals.no_logical_log(self._source, self.place)
        self.asked("SELECT lsn FROM pg_create_logical_replication_slot(%s, %s)", (self.told.slot, _PLUGIN))

    def end_of_log(self) -> int:
        """Return how far the log is written."""
        return lsn_number(self.asked("SELECT pg_current_wal_flush_lsn()::text")[0][0])

    def confirmed(self) -> int:
        """Return up to where the slot was advanced."""
        query = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = %s"
        return lsn_number(self.asked(query, (self.told.slot,))[0][0])

    def advance(self, lsn: int) -> None:
        """Let the slot forget what is before ``lsn``; never goes back."""
        if lsn > self.confirmed():
            self.asked(
                "SELECT end_lsn FROM pg_replication_slot_advance(%s, %s)", (self.told.slot, lsn_text(lsn))
            )

    def peeked(self, until: int) -> Iterator[bytes]:
        """Stream the messages behind what was advanced, up to ``until`` and not many more than ``most_changes``."""
        query = (
            "SELECT data FROM pg_logical_slot_peek_binary_changes(%s, %s, %s, 'proto_version', '1',"
            " 'publication_names', %s)"
        )
        name = sql.Identifier(self.told.publication).as_string(self._connection)
        given = (self.told.slot, lsn_text(until), self.told.most_changes, name)
        try:
            with self._connect() as connection, connection.cursor("changes") as cursor:
                cursor.itersize = _FETCHED
                cursor.execute(query, given, binary=True)
                for (data,) in cursor:
                    yield data
        except psycopg.Error as error:
            raise self.refusal(error) from None

    # ── the connection ───────────────────────────────────────────────────────────────────────────────

    def asked(self, query: Any, values: tuple[Any, ...] = ()) -> list[Any]:
        """Return the rows of one statement."""
        try:
            return self._connection.execute(query, values).fetchall()
        except psycopg.Error as error:
            raise self.refusal(error) from None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def refusal(self, error: psycopg.Error) -> SourceError:
        """Translate what the database said; its words may quote values, so only its SQLSTATE counts."""
        return refusals.from_sqlstate(self._source, self.place, error.sqlstate, self.told)

    def _connect(self, *, autocommit: bool = False) -> psycopg.Connection[Any]:
        settings = _SESSION | {"statement_timeout": str(self.told.timeout_seconds * 1000)}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        try:
            given: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(self._url)
        except psycopg.ProgrammingError:
            raise DefinitionError(
                f"Source {self._source.code}: options.url is not a URL of PostgreSQL."
            ) from None
        given.setdefault("connect_timeout", _CONNECT_SECONDS)
        given["options"] = f"{given.get('options', '')} {options}".strip()
        try:
            return psycopg.connect(psycopg.conninfo.make_conninfo(**given), autocommit=autocommit)
        except psycopg.Error as error:
            raise refusals.from_connecting(self._source, self.place, error.sqlstate, str(error)) from None


def lsn_number(text: str) -> int:
    """Read a place in the log, written as two hexadecimal halves."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def lsn_text(lsn: int) -> str:
    """Write a place in the log."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
