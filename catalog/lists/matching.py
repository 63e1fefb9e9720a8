"""Which published entries may give what a demand wants: candidates by the titles of their items, which a person confirms."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from catalog.item_names import bare
from catalog.lists.store import Line

MOST = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that has some of the wished items: its id, name, provider, and which."""

    entry: str
    name: str
    provider: str
    items: Sequence[str]


_HAVING = text(r"""
    SELECT e.id, e.name, e.provider, array_agg(DISTINCT title.bare) AS items
    FROM catalog.entry AS e JOIN catalog.entry_version AS v ON v.entry = e.id AND v.version = e.in_force
        CROSS JOIN jsonb_array_elements(v.content -> 'items') AS item
        CROSS JOIN LATERAL (SELECT regexp_replace(item ->> 'title', '\s|[（(].*$', '', 'g') AS bare) AS title
    WHERE title.bare = ANY(:wished) AND e.sharing <> 'not_shared'
    GROUP BY e.id ORDER BY count(DISTINCT title.bare) DESC, e.id LIMIT :most
""")


def candidates(connection: Connection, demand: Line) -> list[Candidate]:
    """Return the entries that have most of what a demand wants; none that is not shared."""
    wished = [bare(one) for one in demand["items"]]
    rows = connection.execute(_HAVING, {"wished": wished, "most": MOST})
    return [
        Candidate(row.id, row.name, row.provider, [one for one in wished if one in row.items]) for row in rows
    ]
