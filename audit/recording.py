"""Entries written in the transaction of what they record: administration and ingest.

Both commit or neither: the caller's own connection is used and the caller commits it.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from audit.entry import COLUMNS, Entry, Kind
from schemas.errors import LedgerUnavailable

_LIST = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO ledger.entry ({_LIST}) SELECT {_LIST} FROM json_populate_record(NULL::ledger.entry, {{}}::json)"


def append_sync(connection: Connection, entry: Entry) -> None:
    """Append within the connection's transaction, or raise ``LedgerUnavailable``."""
    try:
        connection.execute(text(_INSERT.format("CAST(:entry AS text)")), {"entry": _as_json(entry)})
    except SQLAlchemyError as error:
        raise LedgerUnavailable("The ledger cannot be written, so nothing was changed.") from error


def insert_statement(entry: Entry) -> tuple[str, list[str]]:
    """Return SQL with one parameter ``$1`` of type text, for an ADBC cursor or any other driver."""
    return _INSERT.format("$1::text"), [_as_json(entry)]


def record_administration(
    connection: Connection,
    *,
    actor: str,
    action: str,
    target: str,
    facts: Mapping[str, Any],
    organisation: str | None = None,
    request: str | None = None,
) -> None:
    """Append what an administrator did to the catalogue, e.g. ``agreement.add``; the recorder of ``catalog.Catalogue``.

    ``request`` is the id of the request that did it, where it came by the API.
    """
    told = {"target": target, **facts}
    entry = Entry(
        kind=Kind.ADMINISTRATION,
        action=action,
        outcome="done",
        actor=actor,
        organisation=organisation,
        request=request,
        facts=told,
    )
    append_sync(connection, entry)


def _as_json(entry: Entry) -> str:
    values: dict[str, Any] = {name: getattr(entry, name) for name in COLUMNS}
    for name in ("subjects", "detail"):
        if values[name] is not None:
            values[name] = f"\\x{values[name].hex()}"
    return orjson.dumps(values).decode()
