"""What the negative list names and is shared all the same: by entries in force, and under agreements made before it was listed."""

from collections.abc import Iterator, Sequence

from sqlalchemy import text

from catalog.lists.negative import KeptBack, kept_back, touched_by
from hub.duties.duty import Ground, Lack
from hub.duties.providing import providers_of
from schemas.resource import resource_named

# The list decides; this only leaves out what it cannot name. Titles are compared without blanks and brackets, as `item_names.bare` does.
_ENTRIES = text(r"""
    SELECT e.id, e.provider, v.published_at, array_agg(item ->> 'name') AS names, array_agg(item ->> 'title') AS titles
    FROM catalog.entry AS e JOIN catalog.entry_version AS v ON v.entry = e.id AND v.version = e.in_force
        CROSS JOIN jsonb_array_elements(v.content -> 'items') AS item
    WHERE e.sharing <> 'not_shared' AND (item ->> 'name' = ANY(:named)
        OR regexp_replace(item ->> 'title', '\s|[（(].*$', '', 'g') = ANY(:named))
    GROUP BY e.id, v.published_at ORDER BY e.id
""")
_RESOURCES = text("SELECT DISTINCT resource FROM catalog.agreement WHERE status = 'in_force' ORDER BY 1")
_AGREEMENTS = text("""
    SELECT id, resource, items, valid_from FROM catalog.agreement
    WHERE status = 'in_force' AND valid_to > :at AND resource = ANY(:resources) ORDER BY id
""")


def shared_though_listed(ground: Ground) -> Iterator[Lack]:
    """Find the entries that share an item of the list, and the agreements under which one is read."""
    lines = kept_back(ground.connection)
    if lines:
        yield from _entries(ground, lines)
        yield from _agreements(ground, lines)


def _entries(ground: Ground, lines: Sequence[KeptBack]) -> Iterator[Lack]:
    named = sorted({item for line in lines for item in line.items})
    for row in ground.connection.execute(_ENTRIES, {"named": named}):
        found = touched_by(lines, row.provider, dict(zip(row.names, row.titles, strict=True)))
        if found:
            yield Lack(row.id, row.provider, row.published_at, detail=_said(found))


def _agreements(ground: Ground, lines: Sequence[KeptBack]) -> Iterator[Lack]:
    resources = [resource_named(code) for code in ground.connection.execute(_RESOURCES).scalars()]
    providers = providers_of(ground.connection, resources)
    kept = {
        one.code: found
        for one in resources
        if (found := touched_by(lines, providers.get(one.code, ""), {i.name: i.title for i in one.items}))
    }
    for one in ground.connection.execute(_AGREEMENTS, {"at": ground.at, "resources": list(kept)}):
        found = {name: why for name, why in kept[one.resource].items() if name in one.items}
        if found:
            yield Lack(one.id, providers.get(one.resource), one.valid_from, detail=_said(found))


def _said(found: dict[str, str]) -> str:
    return f"{', '.join(f'{name} ({why})' for name, why in sorted(found.items()))}."
