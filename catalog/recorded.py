"""Writing on one connection, every write with who does it, recorded first; the caller commits.

The database itself refuses a change of the catalogue whose transaction holds no ledger entry (migration 0003).
"""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import Column, Connection, Table, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from schemas.errors import AlreadyRegistered, NotRegistered

_IDS_LOCK = 0x696473  # advisory lock key, "ids"


class Recorder(Protocol):
    """Writes what was done to the ledger, on the connection that does it; ``audit.record_administration`` is one."""

    def __call__(
        self, connection: Connection, *, actor: str, action: str, target: str, facts: Mapping[str, Any]
    ) -> None:
        """Append, within the connection's transaction."""
        ...


def _titled(table: str) -> str:
    return table.replace("_", " ").capitalize()


class Recorded:
    """A part of the catalogue that cannot be written without a recorder."""

    def __init__(self, connection: Connection, record: Recorder) -> None:
        self._connection = connection
        self._record = record

    def _add(
        self, table: Table, values: Mapping[str, Any], target: str, actor: str, told: Mapping[str, Any]
    ) -> None:
        self._record(self._connection, actor=actor, action=f"{table.name}.add", target=target, facts=told)
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(table).values(**values))
        except IntegrityError as error:
            raise AlreadyRegistered(f"{_titled(table.name)} {target} is registered already.") from error

    def _set(
        self,
        table: Table,
        target: str,
        values: Mapping[str, Any],
        actor: str,
        action: str,
        told: Mapping[str, Any],
    ) -> None:
        """Change the row whose primary key is ``target``; ``NotRegistered`` where there is none."""
        (key,) = table.primary_key.columns
        self._record(
            self._connection, actor=actor, action=f"{table.name}.{action}", target=target, facts=told
        )
        changed = self._connection.execute(update(table).where(key == target).values(**values))
        if changed.rowcount == 0:
            raise NotRegistered(f"There is no {table.name} {target}.")

    def _held(self, table: Table, target: str) -> Mapping[Any, Any]:
        """Return a row, held for this transaction; ``NotRegistered`` where there is none."""
        (key,) = table.primary_key.columns
        found = (
            self._connection.execute(select(table).where(key == target).with_for_update()).mappings().first()
        )
        if found is None:
            raise NotRegistered(f"There is no {table.name} {target}.")
        return found

    def _check_free(self, column: Column[Any], value: str, what: str) -> None:
        """Raise ``AlreadyRegistered`` where who acts under an id is known already, in another table; two at once wait for each other."""
        self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _IDS_LOCK})
        if self._exists(column, value):
            raise AlreadyRegistered(f"{value} is the id of a {what}.", hint="Give another one.")

    def _exists(self, column: Column[Any], value: str) -> bool:
        return self._connection.execute(select(column).where(column == value)).first() is not None
