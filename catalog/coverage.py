"""How far the catalogue reaches: what is published, has a source, is read, is up to date; which responsibilities and demands are met (article 38).

Counted by organisation, class, category, theme and sharing attribute, from what stands at this moment.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, text

from catalog.categories import Category, category_classes
from catalog.entry_elements import ELEMENTS

READ_WITHIN = timedelta(days=30)
BY = ("organisation", "class", "category", "theme", "sharing")
_THEMED = "2"


@dataclass(frozen=True)
class Coverage:
    """The figures of one organisation, class, … or of everything, where ``by`` is ``all``.

    Responsibilities and demands are an organisation's: of the others they are None. One is ``late`` that is not met after its day.
    """

    by: str
    value: str
    title: str
    published: int = 0
    with_source: int = 0
    read: int = 0
    punctual: int = 0
    items: int = 0
    items_with_source: int = 0
    responsibilities: int | None = None
    met: int | None = None
    late: int | None = None
    demands: int | None = None
    demands_met: int | None = None


FIGURES = tuple(name for name in Coverage.__dataclass_fields__ if name not in ("by", "value", "title"))

_ENTRIES = text(r"""
    SELECT e.id, e.provider, o.name AS provider_name, e.category, e.sharing,
        EXISTS (SELECT FROM catalog.item_use AS u WHERE u.resource = e.id AND u.last_day >= :since) AS read,
        coalesce(told.items, 0) AS items, coalesce(told.named, 0) AS named
    FROM catalog.entry AS e JOIN catalog.organisation AS o ON o.code = e.provider
        JOIN catalog.entry_version AS v ON v.entry = e.id AND v.version = e.in_force
        LEFT JOIN LATERAL (
            SELECT count(*) AS items, count(r.id) AS named FROM jsonb_array_elements(v.content -> 'items') AS item
            LEFT JOIN catalog.responsibility AS r ON r.organisation = e.provider
                AND r.datum = regexp_replace(item ->> 'title', '\s|[（(].*$', '', 'g')
        ) AS told ON true
""")
_RESPONSIBILITIES = text("""
    SELECT r.organisation, count(*) AS responsibilities, count(e.in_force) AS met,
        count(*) FILTER (WHERE e.in_force IS NULL AND r.due_on < :today) AS late
    FROM catalog.responsibility AS r LEFT JOIN catalog.entry AS e ON e.id = r.entry GROUP BY 1
""")
_DEMANDS = text("""
    SELECT organisation, count(*) AS demands, count(*) FILTER (WHERE status = 'matched') AS demands_met
    FROM catalog.demand GROUP BY 1
""")
_NAMES = text("SELECT code, name FROM catalog.organisation")


@dataclass(frozen=True, slots=True)
class Supplied:
    """Resources by code: those that have a source, and those that were delivered and are not behind their update cycle."""

    sourced: Collection[str]
    punctual: Collection[str] = frozenset()


def coverage(connection: Connection, supplied: Supplied, today: date) -> list[Coverage]:
    """Return the figures, all first."""
    rows = connection.execute(_ENTRIES, {"since": today - READ_WITHIN}).mappings().all()
    found: dict[tuple[str, str, str], list[Mapping[Any, Any]]] = {("all", "", ""): list(rows)}
    for row in rows:
        for place in _places(row):
            found.setdefault(place, []).append(row)
    parties = _parties(connection, today)
    for code, name in connection.execute(_NAMES):
        if code in parties:
            found.setdefault(("organisation", code, name), [])
    made = [_counted(*place, entries, supplied, parties) for place, entries in found.items()]
    order = {by: number for number, by in enumerate(("all", *BY))}
    return sorted(made, key=lambda one: (order[one.by], one.value))


def _places(row: Mapping[Any, Any]) -> Sequence[tuple[str, str, str]]:
    class_, item, *_ = Category(row["category"]).parts
    titles = Category(row["category"]).titles
    places = [
        ("organisation", row["provider"], row["provider_name"]),
        ("class", class_, category_classes()[class_].title),
        ("category", class_ + item, titles[1]),
        ("sharing", row["sharing"], ELEMENTS["sharing"].title_of(row["sharing"])),
    ]
    return [*places, ("theme", class_ + item, titles[1])] if class_ == _THEMED else places


def _parties(connection: Connection, today: date) -> Mapping[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for query, given in ((_RESPONSIBILITIES, {"today": today}), (_DEMANDS, {})):
        for row in connection.execute(query, given).mappings():
            figures = {name: value for name, value in row.items() if name != "organisation"}
            found.setdefault(row["organisation"], {}).update(figures)
    return found


def _counted(
    by: str,
    value: str,
    title: str,
    entries: Sequence[Mapping[Any, Any]],
    supplied: Supplied,
    parties: Mapping[str, Mapping[str, int]],
) -> Coverage:
    told: dict[str, int] = {}
    if by in ("all", "organisation"):
        concerned = [parties.get(value, {})] if by == "organisation" else list(parties.values())
        names = ("responsibilities", "met", "late", "demands", "demands_met")
        told = {name: sum(one.get(name, 0) for one in concerned) for name in names}
    return Coverage(
        by,
        value,
        title,
        published=len(entries),
        with_source=sum(row["id"] in supplied.sourced for row in entries),
        read=sum(row["read"] for row in entries),
        punctual=sum(row["id"] in supplied.punctual for row in entries),
        items=sum(row["items"] for row in entries),
        items_with_source=sum(row["named"] for row in entries),
        **told,
    )
