"""Reading the ledger: the newest entries, one entry, and the sealed statistics."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from audit.entry import COLUMNS

_COLUMNS = ", ".join(COLUMNS)


def tail(connection: Connection, number: int, after: UUID | None = None) -> Sequence[Mapping[str, Any]]:
    """Return the newest entries, the oldest of them first; with ``after``, only those that came later."""
    query = text(f"""
        SELECT {_COLUMNS} FROM ledger.entry WHERE CAST(:after AS uuid) IS NULL OR id > :after
        ORDER BY id DESC LIMIT :number
    """)
    found = connection.execute(query, {"number": number, "after": after}).mappings().all()
    return [dict(row) for row in reversed(found)]


def entry(connection: Connection, id_: UUID) -> Mapping[str, Any] | None:
    """Return one entry, or ``None``."""
    found = (
        connection.execute(text(f"SELECT {_COLUMNS} FROM ledger.entry WHERE id = :id"), {"id": id_})
        .mappings()
        .first()
    )
    return dict(found) if found else None


def statistics(connection: Connection) -> Sequence[Mapping[str, Any]]:
    """Return what has been sealed by hour, actor, resource, purpose, legal basis and outcome."""
    query = text("SELECT * FROM ledger.statistics ORDER BY hour, kind, actor, resource, outcome, problem")
    return [dict(row) for row in connection.execute(query).mappings()]
