"""What departments deliver, and what they should not: stale resources, broken sources, data collected again, conditions added."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text

from catalog.entry_workflow import UNDERWAY
from catalog.item_names import bare
from connectors.source import Source
from hub.duties.duty import Ground, Lack
from hub.duties.providing import collectors_of, providers_of
from quality.deliveries import CYCLES, GRACE
from schemas.resource import Resource, resource_named
from schemas.working_days import Calendar

# One step down an index for each source: neither runs nor batches are read.
_LAST_DELIVERIES = text("""
    SELECT s.code, greatest(
        (SELECT recorded_at FROM library.batch WHERE source = s.code ORDER BY number DESC LIMIT 1),
        (SELECT ended_at FROM library.run WHERE source = s.code AND outcome = 'done' AND window_from IS NULL
            ORDER BY number DESC LIMIT 1)
    ) AS at FROM unnest(CAST(:codes AS text[])) AS s (code)
""")
_FAILED = text("""
    SELECT s.code, last.outcome, last.problem, last.ended_at FROM unnest(CAST(:codes AS text[])) AS s (code)
        JOIN LATERAL (
            SELECT outcome, problem, ended_at FROM library.run WHERE source = s.code ORDER BY number DESC LIMIT 1
        ) AS last ON last.outcome IN ('failed', 'refused')
""")
_NAMED_SOURCES = text(
    "SELECT id, organisation, datum, entry FROM catalog.responsibility WHERE entry = ANY(:codes) ORDER BY id"
)
_STRICTER = text("""
    SELECT e.id, e.provider, m.id AS matter, m.opened_at, v.content ->> 'sharing' AS former, e.draft ->> 'sharing' AS sharing
    FROM catalog.entry AS e
        JOIN catalog.entry_version AS v ON v.entry = e.id AND v.version = e.in_force
        JOIN catalog.matter AS m ON m.kind = 'entry' AND m.id = e.id || '/' || e.newest
    WHERE e.newest > e.in_force AND e.draft IS NOT NULL AND m.state = ANY(:underway) AND (
        v.content ->> 'sharing' = 'unconditional' AND e.draft ->> 'sharing' <> 'unconditional'
        OR v.content ->> 'sharing' = 'conditional' AND e.draft ->> 'sharing' = 'not_shared'
        OR v.content ->> 'sharing' = e.draft ->> 'sharing'
            AND v.content ->> 'condition' IS DISTINCT FROM e.draft ->> 'condition'
    ) ORDER BY e.id
""")


def stale(ground: Ground) -> Iterator[Lack]:
    """Find the resources that no source has delivered within their update cycle and its grace."""
    late = [one for one in _delivered(ground) if one[2] is not None and one[2] <= ground.at]
    providers = providers_of(ground.connection, [resource for resource, _, _ in late])
    for resource, last, due in late:
        yield Lack(
            resource.code,
            providers.get(resource.code),
            last,
            due,
            f"The cycle is {resource.update_cycle}.",
        )


def punctual(ground: Ground) -> Iterator[str]:
    """Yield the resources that were delivered, and are not behind their update cycle and its grace."""
    for resource, _, due in _delivered(ground):
        if due is None or due > ground.at:
            yield resource.code


def undelivered(ground: Ground) -> Iterator[Lack]:
    """Find the sources that have never delivered anything."""
    of = collectors_of(ground.connection, ground.sources.values())
    for code, at in _last_deliveries(ground).items():
        if at is None:
            yield Lack(code, of.get(ground.sources[code].department))


def failing(ground: Ground) -> Iterator[Lack]:
    """Find the sources whose last run failed, or whose last batch was refused."""
    of = collectors_of(ground.connection, ground.sources.values())
    for row in ground.connection.execute(_FAILED, {"codes": list(ground.sources)}):
        said = f"Its last run {'was' if row.outcome == 'refused' else 'has'} {row.outcome}: {row.problem}."
        yield Lack(row.code, of.get(ground.sources[row.code].department), row.ended_at, detail=said)


def broken(ground: Ground) -> Iterator[Lack]:
    """Find the definitions of sources that are left out; what is wrong is told by ``hub source list``."""
    for one in ground.broken:
        yield Lack(one.code, detail=one.error.title + ".")


def collected_again(ground: Ground) -> Iterator[Lack]:
    """Find the sources that deliver a datum of an entry for which another organisation is named the source."""
    fed = {resource.code: (resource, sources) for resource, sources in _fed(ground.sources.values())}
    of = collectors_of(ground.connection, ground.sources.values())
    for named in ground.connection.execute(_NAMED_SOURCES, {"codes": list(fed)}):
        resource, sources = fed[named.entry]
        items = {item.name for item in resource.items if bare(item.title) == named.datum}
        for source in sources:
            again = sorted(items & source.mapping.keys())
            collector = of.get(source.department)
            if again and collector is not None and collector != named.organisation:
                said = f"It delivers {', '.join(again)}, of which {named.organisation} is the source."
                yield Lack(f"{source.code}/{named.id}", collector, detail=said)


def stricter(ground: Ground) -> Iterator[Lack]:
    """Find the versions of entries under way that would share on more conditions than the one in force."""
    for row in ground.connection.execute(_STRICTER, {"underway": list(UNDERWAY)}):
        said = (
            "The condition is another."
            if row.former == row.sharing
            else f"{row.former} becomes {row.sharing}."
        )
        yield Lack(row.matter, row.provider, row.opened_at, detail=said.replace("_", " "))


def _delivered(ground: Ground) -> Iterator[tuple[Resource, datetime, datetime | None]]:
    """Yield the resources that were delivered: when last, and from when on the next delivery is missing."""
    fed, at = _fed(ground.sources.values()), _last_deliveries(ground)
    for resource, sources in fed:
        delivered = [one for source in sources if (one := at[source.code]) is not None]
        if delivered:
            yield resource, max(delivered), _expected(resource, max(delivered), ground.rhythm)


def _expected(resource: Resource, last: datetime, calendar: Calendar) -> datetime | None:
    """Return from when on a delivery is missing: a cycle and its grace later, on no free day; None where there is no cycle."""
    cycle = CYCLES.get(resource.update_cycle)
    if cycle is None:
        return None
    due = last + cycle * (1 + GRACE)
    return due if calendar.is_working_day(calendar.day(due)) else calendar.deadline(due, 1)


def _last_deliveries(ground: Ground) -> Mapping[str, datetime | None]:
    rows = ground.connection.execute(_LAST_DELIVERIES, {"codes": list(ground.sources)})
    return {row.code: row.at for row in rows}


def _fed(sources: Iterable[Source]) -> Sequence[tuple[Resource, Sequence[Source]]]:
    """Return the resources that are shared, each with the sources that feed it."""
    found: dict[str, list[Source]] = {}
    for source in sources:
        found.setdefault(source.resource, []).append(source)
    known = [(resource_named(code), fed) for code, fed in sorted(found.items())]
    return [(resource, fed) for resource, fed in known if not resource.withdrawn]
