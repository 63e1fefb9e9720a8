"""What is on record of each push: its body's digest under its key, and the answer once it was stored whole.

Light to load: the API process reads it, the process beside it writes it.
"""

import json
from typing import Any

from sqlalchemy import Connection, text

from base_libraries import quarantine
from base_libraries.batches import COUNTED
from connectors.push.body import WINDOW, window_of
from schemas.errors import IdempotencyKeyReused, UnknownPush

SHOWN_ENTRIES = 100
_SUMS = ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in COUNTED)
_BATCHES = (
    f"FROM library.batch WHERE source = :source AND pull_window = :window AND pull_window LIKE '{WINDOW}%'"
)


def begin(connection: Connection, source: str, key: str, digest: str) -> dict[str, Any] | None:
    """Note that a body is here; returns the answer that it was given before, if it was. The caller commits.

    Raises ``IdempotencyKeyReused`` where the key was used for another body.
    """
    told = {"source": source, "key": key, "digest": digest}
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
    stored: dict[str, Any] | None = answer
    return stored


def forget(connection: Connection, source: str, key: str) -> None:
    """Leave the key of a body of which nothing was stored free for the corrected one."""
    connection.execute(
        text(
            "DELETE FROM library.push WHERE source = :source AND key = :key "
            f"AND NOT EXISTS (SELECT {_BATCHES})"
        ),
        {"source": source, "key": key, "window": window_of(key)},
    )


def finish(connection: Connection, source: str, key: str) -> dict[str, Any]:
    """Keep the answer to a body that is stored whole, and return it."""
    answer = _counted(connection, source, key)
    connection.execute(
        text("UPDATE library.push SET answer = CAST(:answer AS jsonb) WHERE source = :source AND key = :key"),
        {"source": source, "key": key, "answer": json.dumps(answer, ensure_ascii=False)},
    )
    return answer


def told(connection: Connection, source: str, key: str) -> dict[str, Any]:
    """Return what became of a push: its answer, or so far as it is stored; ``finished`` tells which.

    Raises ``UnknownPush``.
    """
    found = connection.execute(
        text("SELECT answer FROM library.push WHERE source = :source AND key = :key"),
        {"source": source, "key": key},
    ).one_or_none()
    if found is None:
        raise UnknownPush(
            "Nothing is stored of a body under that key.", hint="Send the body, under the same key."
        )
    finished = found.answer is not None
    return {**(found.answer if finished else _counted(connection, source, key)), "finished": finished}


def _counted(connection: Connection, source: str, key: str) -> dict[str, Any]:
    window = window_of(key)
    counts = connection.execute(
        text(f"SELECT count(*) AS batches, {_SUMS} {_BATCHES}"), {"source": source, "window": window}
    ).mappings()
    entries = quarantine.entries_of(connection, source, window, SHOWN_ENTRIES)
    return {"source": source, "key": key, **counts.one(), "quarantine": entries}
