"""The shapes that sources' systems have had: which one the hub takes for known, and every change seen since.

``past`` and ``record`` work on the caller's ADBC cursor, and so commit with the batch they speak of; the others on a connection.
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

    ``outcome`` is ``first`` (nothing was known before), ``taken``, ``quarantined``, ``refused``, ``accepted`` by a person, or
    ``returned``: the columns are as they were before what was refused or quarantined. ``since`` is the last batch with the old
    columns, ``batch`` the first one with the new; a refused one has none.
    """

    number: int
    outcome: str
    changes: Sequence[Mapping[str, Any]]
    since: int | None
    batch: int | None
    recorded_at: datetime
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Past:
    """What was seen of a source's columns: the shape taken for known, empty before the first batch, and whether one waits."""

    known: Mapping[str, str]
    waiting: bool


_DRIFT = "number, outcome, changes, since, batch, recorded_at, columns"
# The last batch with the shape that is known: where batches are quarantined, that was before the first of these.
_SINCE = (
    "(SELECT CASE WHEN l.outcome = 'quarantined' THEN l.since ELSE (SELECT max(b.number) FROM library.batch b "
    "WHERE b.source = l.source AND b.number IS DISTINCT FROM {number}) END "
    "FROM library.shape l WHERE l.source = {source} ORDER BY l.number DESC LIMIT 1)"
)


def past(cursor: Any, source: str) -> Past:
    """Return what a run compares with."""
    cursor.execute(
        "SELECT (SELECT columns::text FROM library.shape WHERE source = $1 AND outcome IN ('first', 'taken', 'accepted') "
        "ORDER BY number DESC LIMIT 1), (SELECT outcome IN ('refused', 'quarantined') FROM library.shape WHERE source = $1 "
        "ORDER BY number DESC LIMIT 1)",
        (source,),
    )
    known, waiting = cursor.fetchone()
    return Past(dict(json.loads(known)) if known else {}, bool(waiting))


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
        "INSERT INTO library.shape (source, columns, changes, outcome, batch, since) SELECT $1, $2::text::jsonb, "
        f"$3::text::jsonb, $4, $5::integer, {_SINCE.format(source='$1', number='$5::integer')} WHERE NOT EXISTS (SELECT FROM (SELECT columns, outcome FROM library.shape WHERE source = $1 "
        "ORDER BY number DESC LIMIT 1) l WHERE l.columns = $2::text::jsonb AND l.outcome = $4)",
        (source, _json(shape), _json(changes), outcome, batch),
    )


def refuse(
    connection: Connection, source: str, shape: Mapping[str, str], changes: Sequence[Mapping[str, Any]]
) -> int:
    """Remember a shape for which a run was broken off, once however often it is tried; returns its number."""
    told = {"source": source, "shape": _json(shape), "changes": _json(changes)}
    before = connection.execute(
        text(
            "SELECT number FROM (SELECT * FROM library.shape WHERE source = :source ORDER BY number DESC LIMIT 1) l "
            "WHERE outcome = 'refused' AND columns = CAST(:shape AS jsonb) AND changes = CAST(:changes AS jsonb)"
        ),
        told,
    ).scalar_one_or_none()
    if before is not None:
        return int(before)
    made = connection.execute(
        text(
            "INSERT INTO library.shape (source, columns, changes, outcome, since) VALUES (:source, CAST(:shape AS jsonb), "
            f"CAST(:changes AS jsonb), 'refused', {_SINCE.format(source=':source', number='NULL')}) RETURNING number"
        ),
        told,
    )
    return int(made.scalar_one())


def waiting(connection: Connection, source: str) -> Drift | None:
    """Return the last shape where it was refused or quarantined, and so waits for a person."""
    (last,) = history(connection, source, 1) or (None,)
    return last if last and last.outcome in ("refused", "quarantined") else None


def accept(connection: Connection, source: str, number: int) -> bool:
    """Take a waiting shape for known from now on; False where it is no longer the one that waits."""
    found = connection.execute(
        text(
            "UPDATE library.shape SET outcome = 'accepted' WHERE number = (SELECT max(number) FROM library.shape "
            "WHERE source = :source) AND number = :number AND outcome IN ('refused', 'quarantined')"
        ),
        {"source": source, "number": number},
    )
    return bool(found.rowcount)


def history(connection: Connection, source: str, limit: int = 20) -> list[Drift]:
    """Return the last changes of shape, the latest first."""
    rows = connection.execute(
        text(f"SELECT {_DRIFT} FROM library.shape WHERE source = :source ORDER BY number DESC LIMIT :limit"),
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
