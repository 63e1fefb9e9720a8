"""The shapes that sources' systems have had: which one the hub takes for known, and every change seen since.

All functions work on the caller's ADBC cursor and so commit with the batch they speak of, but for ``refuse`` and ``accept``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Drift:
    """One change of shape: what changed after which batch, and what was made of it.

    ``outcome`` is ``first`` (nothing was known before), ``taken``, ``quarantined``, ``refused`` or ``accepted`` by a person.
    """

    number: int
    outcome: str
    changes: Sequence[Mapping[str, Any]]
    batch: int | None
    recorded_at: datetime


def known(cursor: Any, source: str) -> dict[str, str]:
    """Return the shape that the hub takes for known; empty before the first batch."""
    cursor.execute(
        "SELECT columns::text FROM library.shape WHERE source = $1 AND outcome IN ('first', 'taken', 'accepted') "
        "ORDER BY number DESC LIMIT 1",
        (source,),
    )
    row = cursor.fetchone()
    return dict(json.loads(row[0])) if row else {}


def record(
    cursor: Any,
    source: str,
    shape: Mapping[str, str],
    changes: Sequence[Mapping[str, Any]],
    outcome: str,
    batch: int,
) -> None:
    """Remember a shape that came with a batch; one met before, and not taken, is remembered once."""
    cursor.execute(
        "INSERT INTO library.shape (source, columns, changes, outcome, batch) SELECT $1, $2::text::jsonb, $3::text::jsonb, "
        "$4, $5::integer WHERE NOT EXISTS (SELECT FROM (SELECT columns, outcome FROM library.shape WHERE source = $1 "
        "ORDER BY number DESC LIMIT 1) l WHERE l.columns = $2::text::jsonb AND l.outcome = $4)",
        (source, _json(shape), _json(changes), outcome, batch),
    )


def refuse(
    connection: Connection, source: str, shape: Mapping[str, str], changes: Sequence[Mapping[str, Any]]
) -> None:
    """Remember a shape for which a batch was refused, once however often it is tried."""
    connection.execute(
        text(
            "INSERT INTO library.shape (source, columns, changes, outcome) SELECT :source, CAST(:shape AS jsonb), "
            "CAST(:changes AS jsonb), 'refused' WHERE NOT EXISTS (SELECT FROM (SELECT columns, outcome FROM library.shape "
            "WHERE source = :source ORDER BY number DESC LIMIT 1) l "
            "WHERE l.columns = CAST(:shape AS jsonb) AND l.outcome = 'refused')"
        ),
        {"source": source, "shape": _json(shape), "changes": _json(changes)},
    )


def accept(connection: Connection, source: str) -> Drift | None:
    """Take the last shape, which was refused or quarantined, for known from now on; None when there is none waiting."""
    found = connection.execute(
        text(
            "UPDATE library.shape SET outcome = 'accepted' WHERE number = (SELECT max(number) FROM library.shape "
            "WHERE source = :source) AND outcome IN ('refused', 'quarantined') "
            "RETURNING number, outcome, changes, batch, recorded_at"
        ),
        {"source": source},
    ).one_or_none()
    return None if found is None else Drift(*found)


def history(connection: Connection, source: str, limit: int = 20) -> list[Drift]:
    """Return the last changes of shape, the latest first."""
    rows = connection.execute(
        text(
            "SELECT number, outcome, changes, batch, recorded_at FROM library.shape WHERE source = :source "
            "ORDER BY number DESC LIMIT :limit"
        ),
        {"source": source, "limit": limit},
    )
    return [Drift(*row) for row in rows]


def columns(connection: Connection, source: str) -> dict[str, str]:
    """Return every column that the system has, read by the hub or not, and its type, as far as is known."""
    found = connection.execute(
        text(
            "SELECT columns FROM library.shape WHERE source = :source AND outcome IN ('first', 'taken', 'accepted') "
            "ORDER BY number DESC LIMIT 1"
        ),
        {"source": source},
    ).scalar_one_or_none()
    return dict(found or {})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
