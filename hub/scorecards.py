"""Scorecards: how good what a source delivers is, by the six dimensions of GB/T 36344, kept day by day.

A source's card of a day scores the rows of its latest day of delivery, refused batches included, and what the day knows of
its timeliness, its accessibility and its agreement with other sources. A resource's card adds up those of its sources.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from connectors.source import Source
from hub.composition import Hub
from infra.database import Role
from quality.definition import suite_of
from quality.deliveries import Delivery, accessibility, timeliness
from quality.report import NOT_ASSESSABLE, RuleScore, added, dimensions_of, score_of, total_of
from quality.rules import Dimension, Severity
from schemas.errors import UnknownSource
from schemas.resource import Resource

RUNS, DELIVERIES = 20, 30  # how many of the latest count for accessibility and timeliness
ZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class Scorecard:
    """The scores of a source or a resource (``subject``) on a day; ``rows`` were judged on its latest day of delivery.

    ``total`` and dimensions are 0 to 100, ``None`` where they cannot be assessed.
    """

    subject: str
    resource: str
    day: date
    rows: int
    dimensions: Mapping[Dimension, float | None]
    total: float | None
    scores: tuple[RuleScore, ...]

    @property
    def alerts(self) -> list[str]:
        """The rules that more rows break than their ``warn_above`` says."""
        return [score.title for score in self.scores if score.alert]

    def as_dict(self) -> dict[str, Any]:
        """Return the card for a JSON document; what cannot be assessed says so in words."""
        return {
            "subject": self.subject, "resource": self.resource, "day": self.day.isoformat(), "rows": self.rows,
            "total": told(self.total), "dimensions": {name.value: told(score) for name, score in self.dimensions.items()},
            "alerts": self.alerts, "scores": [score.record(self.resource) for score in self.scores],
        }  # fmt: skip


def told(score: float | None) -> float | str:
    """Return a score as it is shown: rounded to two places, or "not assessable"."""
    return NOT_ASSESSABLE if score is None else round(score, 2)


def scorecard(hub: Hub, subject: str) -> Scorecard:
    """Return the newest card of a source or a resource; raises ``UnknownSource`` where it is neither."""
    return history(hub, subject, 1)[0]


def history(hub: Hub, subject: str, days: int) -> list[Scorecard]:
    """Return the cards of the last ``days`` days that have one, the newest first."""
    codes = sources_of(hub, subject)
    resource = hub.resources[subject if subject in hub.resources else hub.source(subject).resource]
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        kept = _kept(connection, codes)
    if not kept:
        raise UnknownSource(
            f"There is no scorecard of {subject} yet.",
            hint=f"Run: hub ingest {' '.join(codes)}",
            source=subject,
        )
    newest = sorted({row["day"] for row in kept}, reverse=True)[:days]
    return [_pooled(subject, resource, day, kept) for day in newest]


def trend(cards: Sequence[Scorecard]) -> float | None:
    """Return by how much the total moved from the oldest to the newest card, ``None`` where that cannot be told."""
    totals = [card.total for card in cards if card.total is not None]
    return round(totals[0] - totals[-1], 2) if len(totals) > 1 else None


def scored(hub: Hub) -> list[str]:
    """Return the sources that have a scorecard, in their order."""
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        found = set(connection.execute(text("SELECT DISTINCT source FROM library.scorecard")).scalars())
    return [code for code in hub.sources if code in found]


def sources_of(hub: Hub, subject: str) -> list[str]:
    """Return the source of that code, or the sources of the resource of that code."""
    if subject in hub.resources:
        return [code for code, source in hub.sources.items() if source.resource == subject]
    if subject in hub.sources:
        return [subject]
    known = ", ".join((*hub.sources, *hub.resources))
    raise UnknownSource(f"There is no source or resource {subject!r}.", hint=f"There are: {known}.")


def keep(connection: Connection, source: Source, resource: Resource, now: datetime) -> Scorecard:
    """Make a source's card of today and keep it in the connection's transaction, in place of an earlier one of the day."""
    batches = _latest_delivery(connection, source.code)
    scores = [score_of(record) for batch in batches for record in batch["report"]]
    scores += timeliness(_deliveries(connection, source.code), resource.update_cycle, now)
    scores += accessibility(_problems(connection, source.code))
    scores += _agreement(connection, source)
    today = connection.execute(text("SELECT (:now AT TIME ZONE :zone)::date"), {"now": now, "zone": ZONE})
    card = _card(source.code, resource, today.scalar_one(), scores)
    _store(connection, card, now)
    return card


def _card(subject: str, resource: Resource, day: date, scores: Iterable[RuleScore]) -> Scorecard:
    found = added(scores)
    rows = sum(score.rows for score in found if score.name == "dirty_rows")
    dimensions = dimensions_of(found)
    total = total_of(dimensions, suite_of(resource).weights)
    return Scorecard(subject, resource.code, day, rows, dimensions, total, found)


def _pooled(subject: str, resource: Resource, day: date, kept: Sequence[Mapping[str, Any]]) -> Scorecard:
    """Add up the cards in force on a day: of each source the newest until then."""
    in_force = {row["source"]: row for row in kept if row["day"] <= day}
    scores = [score_of(record) for row in in_force.values() for record in row["scores"]]
    return _card(subject, resource, day, scores)


# ── what is read and written ─────────────────────────────────────────────────────────────────────────


def _kept(connection: Connection, codes: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    query = "SELECT source, day, scores FROM library.scorecard WHERE source = ANY(:codes) ORDER BY day"
    return [dict(row) for row in connection.execute(text(query), {"codes": list(codes)}).mappings()]


def _store(connection: Connection, card: Scorecard, now: datetime) -> None:
    names = ("source", "resource", "day", "rows", "total", "dimensions", "scores", "recorded_at")
    values = dict(zip(names, (card.subject, card.resource, card.day, card.rows, card.total), strict=False))
    values |= {
        "dimensions": json.dumps(card.dimensions),
        "scores": json.dumps([score.record(card.resource) for score in card.scores]),
        "recorded_at": now,
    }
    sets = ", ".join(f"{name} = excluded.{name}" for name in names[3:])
    connection.execute(
        text(
            f"INSERT INTO library.scorecard ({', '.join(names)}) VALUES (:source, :resource, :day, :rows, :total, "
            f"CAST(:dimensions AS jsonb), CAST(:scores AS jsonb), :recorded_at) ON CONFLICT (source, day) DO UPDATE SET {sets}"
        ),
        values,
    )


_DAY = f"(at AT TIME ZONE '{ZONE}')::date"
_LATEST = f"""
    WITH judged AS (
        SELECT recorded_at AS at, report FROM library.batch WHERE source = :source
        UNION ALL (
            SELECT DISTINCT ON (digest) ended_at, report FROM library.run
            WHERE source = :source AND report IS NOT NULL ORDER BY digest, number DESC
        )
    )
    SELECT report FROM judged WHERE {_DAY} = (SELECT max({_DAY}) FROM judged) ORDER BY at
"""
_BY_DAY = f"""
    SELECT max(at) AS received_at, max(CAST(newest #>> '{{}}' AS timestamptz)) AS newest FROM (
        SELECT recorded_at AS at, jsonb_path_query_first(report, '$[*] ? (@.rule == "order").newest') AS newest
        FROM library.batch WHERE source = :source AND pulled > 0 ORDER BY number DESC LIMIT 200
    ) AS latest GROUP BY {_DAY} ORDER BY 1 DESC LIMIT {DELIVERIES}
"""
_PROBLEMS = f"SELECT problem FROM library.run WHERE source = :source ORDER BY number DESC LIMIT {RUNS}"
_DISAGREEMENT = """
    SELECT item, sum(subjects)::bigint AS subjects, sum(differing)::bigint AS differing FROM library.disagreement
    WHERE resource = :resource AND :source IN (source, other)
      AND recorded_at = (SELECT max(recorded_at) FROM library.disagreement WHERE resource = :resource)
    GROUP BY item ORDER BY item
"""


def _latest_delivery(connection: Connection, source: str) -> Sequence[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(text(_LATEST), {"source": source}).mappings()]


def _deliveries(connection: Connection, source: str) -> list[Delivery]:
    found = connection.execute(text(_BY_DAY), {"source": source})
    return [Delivery(row.received_at, row.newest) for row in found][::-1]


def _problems(connection: Connection, source: str) -> list[str | None]:
    return list(connection.execute(text(_PROBLEMS), {"source": source}).scalars())


def _agreement(connection: Connection, source: Source) -> list[RuleScore]:
    found = connection.execute(text(_DISAGREEMENT), {"source": source.code, "resource": source.resource})
    return [
        RuleScore(
            row.item, "same_elsewhere", Dimension.CONSISTENCY, Severity.WARNING, row.subjects, row.differing
        )
        for row in found
    ]
