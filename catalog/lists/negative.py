"""What the negative list (负面清单) keeps from being shared, wherever it is to be: in entries, and in applications."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from catalog.entry import CatalogueEntry
from catalog.item_names import bare
from catalog.lists.forms import NEGATIVE
from schemas.faults import Fault
from schemas.resource import Sharing


@dataclass(frozen=True, slots=True)
class KeptBack:
    """A line of the list: the items it names, by bare title or name, of one organisation or, where it names none, of all."""

    id: str
    organisation: str | None
    items: frozenset[str]
    legal_basis: str

    def names(self, provider: str, name: str, title: str) -> bool:
        """Whether it names an item of a provider."""
        return self.organisation in (None, provider) and (bare(title) in self.items or name in self.items)


def kept_back(connection: Connection) -> Sequence[KeptBack]:
    """Return the list, line by line."""
    table = NEGATIVE.table.c
    query = select(table.id, table.organisation, table["items"].label("items_"), table.legal_basis)
    return [
        KeptBack(row.id, row.organisation, frozenset(map(bare, row.items_)), row.legal_basis)
        for row in connection.execute(query.order_by(table.id))
    ]


def touched(connection: Connection, provider: str, items: Mapping[str, str]) -> dict[str, str]:
    """Return which items of a provider, name → title, may not be shared, each with the line and its legal basis."""
    return touched_by(kept_back(connection), provider, items)


def touched_by(lines: Iterable[KeptBack], provider: str, items: Mapping[str, str]) -> dict[str, str]:
    """Return the same of lines that were read before."""
    found: dict[str, str] = {}
    for line in lines:
        for name, title in items.items():
            if line.names(provider, name, title):
                found.setdefault(name, f"{line.id}: {line.legal_basis}")
    return found


def faults_in(connection: Connection, entry: CatalogueEntry) -> list[Fault]:
    """Return a fault for each item that an entry would share though the list names it; none where the entry is not shared."""
    if entry.sharing is Sharing.NOT_SHARED:
        return []
    kept = touched(connection, entry.provider_code, {item.name: item.title for item in entry.items})
    return [
        Fault("title", f"{item.title} may not be shared ({kept[item.name]})", "Leave it out.", number)
        for number, item in enumerate(entry.items, 1)
        if item.name in kept
    ]
