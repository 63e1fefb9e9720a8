"""Pushes: rows that a department's system sends, taken once for each idempotency key, however often they are sent.

A body is taken whole before its first row is stored. Its batches commit one by one; what a crash leaves unstored is stored when
the body is sent again under the same key, and a body that was stored is answered as it was.
"""

import json
from collections.abc import Generator
from typing import Any

from sqlalchemy import text

from base_libraries import quarantine
from connectors.batch import Batch
from connectors.pull import pushed
from connectors.push.body import Body
from connectors.source import Source
from hub.composition import Hub
from hub.ingest import COUNTED, ingest_offered
from hub.pauses import check_not_paused
from infra.database import Role
from schemas.errors import HubError, IdempotencyKeyReused

SHOWN_ENTRIES = 100
_DONE = "SELECT coalesce(sum(pulled), 0) FROM library.batch WHERE source = $1 AND pull_window = $2"
_COUNTS = ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in ("batches", *COUNTED)).replace(
    "sum(batches)", "count(*)"
)


def take(hub: Hub, source: Source, body: Body, digest: str) -> dict[str, Any]:
    """Store a body and return its answer: counts of rows, and the quarantine's entries; ``repeated`` where it was stored before.

    ``digest`` is the SHA-256 of the body. Raises ``IdempotencyKeyReused``, ``SourceBusy``, ``SourcePaused``, and what an
    ingest raises.
    """
    check_not_paused(hub, source.code)
    if (answer := _begun(hub, source, body, digest)) is not None:
        return {**answer, "repeated": True}

    def offered(cursor: Any) -> Generator[Batch, None, None]:
        cursor.execute(_DONE, (source.code, body.window))
        return pushed(source, body, int(cursor.fetchone()[0]), hub.settings.batch_rows)

    try:
        ingest_offered(hub, source.code, offered, "repaired" if source.row_id else None)
    except HubError:
        _forget(hub, source, body)
        raise
    return {**_answered(hub, source, body), "repeated": False}


def _begun(hub: Hub, source: Source, body: Body, digest: str) -> dict[str, Any] | None:
    """Note that the body is here; returns the answer it was given before, if it was."""
    told = {"source": source.code, "key": body.key, "digest": digest}
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(
            text(
                "INSERT INTO library.push (source, key, digest) VALUES (:source, :key, :digest) ON CONFLICT DO NOTHING"
            ),
            told,
        )
        known, answer = connection.execute(
            text("SELECT digest, answer FROM library.push WHERE source = :source AND key = :key"), told
        ).one()
    if known != digest:
        raise IdempotencyKeyReused(
            "The idempotency key was used for another body.", hint="Send other rows under a key of their own."
        )
    return answer


def _forget(hub: Hub, source: Source, body: Body) -> None:
    """A body of which nothing was stored leaves its key free for the corrected one."""
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(
            text(
                "DELETE FROM library.push WHERE source = :source AND key = :key AND NOT EXISTS "
                "(SELECT FROM library.batch WHERE source = :source AND pull_window = :window)"
            ),
            {"source": source.code, "key": body.key, "window": body.window},
        )


def _answered(hub: Hub, source: Source, body: Body) -> dict[str, Any]:
    told = {"source": source.code, "window": body.window, "key": body.key}
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        counts = connection.execute(
            text(f"SELECT {_COUNTS} FROM library.batch WHERE source = :source AND pull_window = :window"),
            told,
        ).mappings()
        entries = quarantine.entries_of(connection, source.code, body.window, SHOWN_ENTRIES)
        answer = {"source": source.code, "key": body.key, **counts.one(), "quarantine": entries}
        connection.execute(
            text(
                "UPDATE library.push SET answer = CAST(:answer AS jsonb) WHERE source = :source AND key = :key"
            ),
            {**told, "answer": json.dumps(answer, ensure_ascii=False)},
        )
    return answer
