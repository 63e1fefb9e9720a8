"""What depends on a column, an item, a source or a resource: items, agreements, calls, scorecards, DAGs.

Made of definitions, agreements and counts alone: no library is read, however large it is. What somebody may not see is left
out before anything is asked for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from audit import use
from base_libraries import definitions, shapes
from catalog.readers import Reader, readers
from connectors.datasets import dataset_of
from connectors.source import Source
from connectors.transforms import Transformation, transformations
from hub import dag_names
from quality.definition import suite_of
from quality.stated_rules import rules_for
from schemas.errors import UnknownColumn
from schemas.resource import Resource

DAYS = 90


@dataclass(frozen=True)
class Edge:
    """One source's way to one item."""

    source: Source
    item: str
    transformation: Transformation


@dataclass(frozen=True)
class Reach:
    """What is asked about, as the edges it has; ``roles`` are what a column does beside feeding items."""

    of: Mapping[str, str]
    resource: Resource
    edges: tuple[Edge, ...]
    items: tuple[str, ...]
    sources: tuple[Source, ...]
    roles: tuple[str, ...] = ()

    def seen_by(self, items: Collection[str]) -> "Reach":
        """Return what is left of it for somebody who may see those items only."""
        edges = tuple(edge for edge in self.edges if edge.item in items)
        codes = {edge.source.code for edge in edges}
        kept = tuple(item for item in self.items if item in items)
        sources = tuple(source for source in self.sources if source.code in codes)
        return replace(self, edges=edges, items=kept, sources=sources)


@dataclass(frozen=True)
class Page:
    """Since when calls are counted, whose agreements are shown (all without ``system``), and which page of them."""

    since: date | None = None
    system: str | None = None
    after: str = ""
    limit: int = 100

    @property
    def first_day(self) -> date:
        """The first day that counts: that of a month, for calls are counted by month."""
        return (self.since or (datetime.now(UTC) - timedelta(days=DAYS)).date()).replace(day=1)


# ── what is asked about ──────────────────────────────────────────────────────────────────────────────


def of_resource(resource: Resource, sources: Mapping[str, Source], item: str | None = None) -> Reach:
    """Return what feeds a resource, or one item of it; raises ``UnknownItem``."""
    names = (resource.item(item).name,) if item else tuple(one.name for one in resource.items)
    feeding = tuple(source for source in sources.values() if source.resource == resource.code)
    edges = tuple(edge for source in feeding for edge in _edges(source, resource) if edge.item in names)
    fed = tuple(source for source in feeding if any(edge.source is source for edge in edges))
    of = {"kind": "item" if item else "resource", "resource": resource.code} | (
        {"item": item} if item else {}
    )
    return Reach(of, resource, edges, names, fed)


def of_source(source: Source, resource: Resource) -> Reach:
    """Return what a source feeds."""
    edges = _edges(source, resource)
    of = {"kind": "source", "source": source.code}
    return Reach(of, resource, edges, tuple(edge.item for edge in edges), (source,))


def of_column(connection: Connection, source: Source, resource: Resource, column: str) -> Reach:
    """Return what a column feeds; raises ``UnknownColumn`` for one that neither the definition nor the system has."""
    if column not in source.columns and column not in shapes.columns(connection, source.code):
        raise UnknownColumn(
            f"Source {source.code} has no column of that name.",
            hint=f"The hub reads: {', '.join(source.columns)}.",
        )
    edges = tuple(edge for edge in _edges(source, resource) if column in edge.transformation.columns)
    of = {"kind": "column", "source": source.code, "column": column}
    return Reach(
        of, resource, edges, tuple(edge.item for edge in edges), (source,), tuple(_roles(source, column))
    )


def _edges(source: Source, resource: Resource) -> tuple[Edge, ...]:
    return tuple(Edge(source, item, found) for item, found in transformations(source, resource).items())


def _roles(source: Source, column: str) -> list[str]:
    told = {
        "names the row": column in source.row_id,
        "shows what is new": source.watermark is not None and source.watermark.column == column,
        "says when the row was observed": source.observed_at == column,
        "tells that the row is gone": source.tombstone is not None and source.tombstone.column == column,
    }
    return [role for role, holds in told.items() if holds]


# ── what depends on it ───────────────────────────────────────────────────────────────────────────────


def impact(connection: Connection, reach: Reach, page: Page) -> dict[str, Any]:
    """Return what depends on it, JSON-ready; agreements by page, ``next`` is where the following one begins."""
    resource, items = reach.resource, reach.items
    found = readers(
        connection, resource.code, items, system=page.system, after=page.after, limit=page.limit + 1
    )
    shown, more = found[: page.limit], len(found) > page.limit
    since = page.first_day
    counted = use.uses(connection, resource.code, items, since, [reader.agreement for reader in shown])
    calls = {(one.agreement, one.item): one for one in counted}
    return {
        "of": dict(reach.of),
        "resource": {"code": resource.code, "title": resource.title, "library": resource.library},
        "roles": list(reach.roles),
        "sources": _sources(connection, reach, located=page.system is None),
        "items": _items(reach),
        "since": since.isoformat(),
        "calls": [_use(one) for one in use.totals(connection, resource.code, items, since, page.system)],
        "agreements": [_reader(reader, calls) for reader in shown],
        "next": shown[-1].agreement if more else None,
        "scorecards": _scorecards(connection, reach),
        "dags": _dags(reach),
    }


def every_page(connection: Connection, reach: Reach, page: Page) -> dict[str, Any]:
    """Return the impact with all agreements, for a person at a terminal."""
    answer = impact(connection, reach, page)
    while answer["next"] is not None:
        following = impact(connection, reach, replace(page, after=answer["next"]))
        answer["agreements"] += following["agreements"]
        answer["next"] = following["next"]
    return answer


def _sources(connection: Connection, reach: Reach, *, located: bool) -> list[dict[str, Any]]:
    """Tell of the sources; where they are, to those alone who see everything."""
    kept = definitions.latest(connection, [source.code for source in reach.sources])
    told = []
    for source in reach.sources:
        known = kept.get(source.code)
        where = known.dataset if known and known.dataset else dataset_of(source).record()
        names = ("code", "department", "title", "connector")
        shown = {name: getattr(source, name) for name in names}
        told.append(shown | ({"dataset": dict(where)} if located else {}))
    return told


def _items(reach: Reach) -> list[dict[str, Any]]:
    rules = {source.code: _rules(source, reach.resource) for source in reach.sources}
    return [
        {
            "item": name,
            "title": reach.resource.item(name).title,
            "from": [
                {"source": edge.source.code, **edge.transformation.record(), "rules": rules[edge.source.code].get(name, [])}
                for edge in reach.edges if edge.item == name
            ],
        }
        for name in reach.items
    ]  # fmt: skip


def _rules(source: Source, resource: Resource) -> dict[str, list[str]]:
    """Return the names of the rules that judge each item of a source."""
    found: dict[str, list[str]] = {}
    for rule in rules_for(resource, source.quality, source.code, suite_of(resource).rules, source.mapping):
        for item in dict.fromkeys(filter(None, (rule.item, rule.other))):
            found.setdefault(item, []).append(rule.name)
    return found


def _reader(reader: Reader, calls: Mapping[tuple[str | None, str], use.Use]) -> dict[str, Any]:
    told = {name: getattr(reader, name) for name in ("agreement", "system", "organisation")}
    told["valid_to"] = reader.valid_to.isoformat()
    told["items"] = [
        {"item": item, "masked": item in reader.masked} | _counts(calls.get((reader.agreement, item)))
        for item in reader.items
    ]
    return told


def _use(one: use.Use) -> dict[str, Any]:
    return {"item": one.item, **_counts(one), "first_month": one.first_month.isoformat()}


def _counts(one: use.Use | None) -> dict[str, Any]:
    if one is None:
        return {"calls": 0, "records": 0, "last_day": None}
    return {"calls": one.calls, "records": one.records, "last_day": one.last_day.isoformat()}


def _scorecards(connection: Connection, reach: Reach) -> list[dict[str, Any]]:
    """Return the newest card of each source; the resource's adds up those of all its sources."""
    rows = connection.execute(
        text(
            "SELECT DISTINCT ON (source) source, day, total FROM library.scorecard WHERE source = ANY(:sources) "
            "ORDER BY source, day DESC"
        ),
        {"sources": [source.code for source in reach.sources]},
    )
    found = [{"subject": row.source, "day": row.day.isoformat(), "total": row.total} for row in rows]
    return [*found, {"subject": reach.resource.code, "day": None, "total": None}] if found else []


def _dags(reach: Reach) -> list[str]:
    pulling = [dag_names.ingest_dag_name(source.code) for source in reach.sources]
    return [*pulling, dag_names.scorecard_dag_name(reach.resource.code), dag_names.SEAL]
