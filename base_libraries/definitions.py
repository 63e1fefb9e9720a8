"""How sources fed their resources, batch by batch: mapping and authority as they were, whatever the definitions say today.

A row holds from the batch it names until a later row of the same source. ``keep`` works on the caller's ADBC cursor, under the
library's lock, and so commits with the batch; ``in_force`` reads on any connection.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Told:
    """What is kept of a source: ``told`` has ``department``, ``title``, ``connector`` and ``items``.

    ``dataset`` is where it is, None where another source's run tells of this one and cannot know.
    """

    source: str
    ordinal: int
    resource: str
    told: Mapping[str, Any]
    dataset: Mapping[str, str] | None = None
    from_batch: int | None = None


def keep(cursor: Any, told: Sequence[Told], batch: int) -> None:
    """Remember what has changed since the last batch of the resource."""
    for one in told:
        cursor.execute(
            "INSERT INTO library.definition (source, ordinal, resource, told, dataset, from_batch) "
            "SELECT $1, $2::integer, $3, $4::text::jsonb, coalesce(nullif($5, '')::jsonb, l.dataset), $6::integer "
            "FROM (SELECT 1) AS one LEFT JOIN LATERAL (SELECT told, dataset FROM library.definition WHERE source = $1 "
            "ORDER BY number DESC LIMIT 1) AS l ON true WHERE l.told IS DISTINCT FROM $4::text::jsonb "
            "OR ($5 <> '' AND l.dataset IS DISTINCT FROM nullif($5, '')::jsonb)",
            (
                one.source,
                one.ordinal,
                one.resource,
                _json(one.told),
                _json(one.dataset) if one.dataset else "",
                batch,
            ),
        )


def in_force(connection: Connection, resource: str, batches: Sequence[int]) -> dict[int, dict[int, Told]]:
    """Return, for each batch, how every source of the resource fed it then: batch → ordinal → told."""
    rows = connection.execute(
        text(
            "SELECT source, ordinal, resource, told, dataset, from_batch FROM library.definition "
            "WHERE resource = :resource AND from_batch <= :last ORDER BY number"
        ),
        {"resource": resource, "last": max(batches, default=0)},
    )
    found = [Told(*row) for row in rows]
    return {
        batch: {one.ordinal: one for one in found if one.from_batch is not None and one.from_batch <= batch}
        for batch in batches
    }


def latest(connection: Connection, sources: Sequence[str] | None = None) -> dict[str, Told]:
    """Return what was last kept of the sources, or of all, by code; one that never delivered has nothing."""
    rows = connection.execute(
        text(
            "SELECT DISTINCT ON (source) source, ordinal, resource, told, dataset, from_batch FROM library.definition "
            f"{'' if sources is None else 'WHERE source = ANY(:sources)'} ORDER BY source, number DESC"
        ),
        {} if sources is None else {"sources": list(sources)},
    )
    return {row.source: Told(*row) for row in rows}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
