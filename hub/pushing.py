"""Pushes: rows that a department's system sends, taken once for each idempotency key, however often they are sent.

A body is taken whole before its first row is stored. Its batches commit one by one; what a crash leaves unstored is stored when
the body is sent again under the same key, and a body that was stored is answered as it was. Whoever takes a body holds its
key until the answer is kept, so that of two at once one is told to wait.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

from connectors.batch import Batch
from connectors.pull import pushed
from connectors.push.body import Body
from connectors.source import Source
from hub import push_records
from hub.composition import Hub
from hub.ingest import ingest_offered
from hub.pauses import check_not_paused
from infra.database import Role
from schemas.errors import PushBusy

_DONE = "SELECT coalesce(sum(pulled), 0) FROM library.batch WHERE source = $1 AND pull_window = $2 AND pull_window LIKE 'push %'"
_HOLD, _LET_GO = (
    text(f"SELECT pg_{name}(hashtextextended(:name, 0))") for name in ("try_advisory_lock", "advisory_unlock")
)


def take(hub: Hub, source: Source, body: Body, digest: str) -> dict[str, Any]:
    """Store a body and return its answer: counts of rows, and the quarantine's entries; ``repeated`` where it was stored before.

    ``digest`` is the SHA-256 of the body. Raises ``IdempotencyKeyReused``, ``PushBusy``, ``SourceBusy``, ``SourcePaused``,
    and what an ingest raises.
    """
    engine = hub.database.engine(Role.APPLICATION)
    with _held(hub, source, body.key):
        with engine.begin() as connection:
            answer = push_records.begin(connection, source.code, body.key, digest)
        if answer is not None:
            return {**answer, "repeated": True}
        try:
            _store(hub, source, body)
        except Exception:
            with engine.begin() as connection:
                push_records.forget(connection, source.code, body.key)
            raise
        with engine.begin() as connection:
            return {**push_records.finish(connection, source.code, body.key), "repeated": False}


def _store(hub: Hub, source: Source, body: Body) -> None:
    def offered(cursor: Any) -> Generator[Batch, None, None]:
        cursor.execute(_DONE, (source.code, body.window))
        return pushed(source, body, int(cursor.fetchone()[0]), hub.settings.batch_rows)

    check_not_paused(hub, source.code)
    ingest_offered(hub, source.code, offered, "repaired" if source.row_id else None)


@contextmanager
def _held(hub: Hub, source: Source, key: str) -> Iterator[None]:
    """Hold the key for as long as this session lives, so that a killed process holds nothing."""
    told = {"name": f"push.{source.code}.{key}"}
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        if not connection.execute(_HOLD, told).scalar_one():
            raise PushBusy(
                "A body under this idempotency key is being taken at this moment.",
                hint="Ask again in a while, under the same key, for what became of it.",
                source=source.code,
            )
        try:
            connection.commit()
            yield
        finally:
            connection.execute(_LET_GO, told)
            connection.commit()
