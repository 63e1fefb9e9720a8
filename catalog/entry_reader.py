"""Reading catalogue entries: what is in force, what is being written, every version and every event."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from catalog.entry import CatalogueEntry, entry_from
from catalog.entry_tables import ENTRY_TABLE, ENTRY_VERSION
from catalog.entry_workflow import ENTRY, matter_of
from catalog.tables import EVENT, MATTER
from schemas.errors import UnknownEntry

MOST_LISTED = 1000
_LISTED = ("id", "code", "name", "provider", "category", "sharing", "state", "newest", "in_force")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an entry stands: its newest version and that one's state, and the version in force, None where there is none."""

    id: str
    code: str | None
    name: str
    provider: str
    category: str
    sharing: str
    state: str
    newest: int
    in_force: int | None


@dataclass(frozen=True, slots=True)
class Happened:
    """One act on one version of an entry."""

    version: int
    act: str
    state: str
    actor: str
    organisation: str | None
    at: datetime
    facts: Mapping[str, Any]


class EntryReader:
    """Reads the catalogue on a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def standing(self, entry: str) -> Standing:
        """Return where an entry stands; ``UnknownEntry`` where there is none."""
        return standing_of(self.row(entry))

    def row(self, entry: str, *, held: bool = False) -> Mapping[Any, Any]:
        """Return an entry's row, ``held`` for this transaction; ``UnknownEntry`` where there is none."""
        query = select(ENTRY_TABLE).where(ENTRY_TABLE.c.id == entry)
        found = self._connection.execute(query.with_for_update() if held else query).mappings().first()
        if found is None:
            raise UnknownEntry(
                f"The catalogue has no entry {entry}.", hint="Run: hub catalogue list", entry=entry
            )
        return found

    def version(self, entry: str, version: int | None = None) -> CatalogueEntry:
        """Return what a version says, the one in force or else the newest by default; ``UnknownEntry`` where it was not kept."""
        row = self.row(entry)
        asked = version if version is not None else row["in_force"] or row["newest"]
        if row["draft"] is not None and asked == row["newest"]:
            return entry_from(row["draft"])
        where = (ENTRY_VERSION.c.entry == entry) & (ENTRY_VERSION.c.version == asked)
        content = self._connection.execute(select(ENTRY_VERSION.c.content).where(where)).scalar()
        if content is None:
            raise UnknownEntry(
                f"Entry {entry} has no version {asked}, or it was given up.",
                hint=f"Its newest is {row['newest']}.",
                entry=entry,
            )
        return entry_from(content)

    def in_force(self, after: str = "", limit: int = MOST_LISTED) -> Iterator[CatalogueEntry]:
        """Yield what is published and not withdrawn, by id, behind the id ``after``."""
        joined = ENTRY_TABLE.join(
            ENTRY_VERSION,
            (ENTRY_VERSION.c.entry == ENTRY_TABLE.c.id) & (ENTRY_VERSION.c.version == ENTRY_TABLE.c.in_force),
        )
        query = select(ENTRY_VERSION.c.content).select_from(joined).where(ENTRY_TABLE.c.id > after)
        for (content,) in self._connection.execute(query.order_by(ENTRY_TABLE.c.id).limit(limit)).all():
            yield entry_from(content)

    def listed(
        self,
        filters: Mapping[str, str | None] | None = None,
        after: str = "",
        limit: int = MOST_LISTED,
        *,
        seen_by: str | None = None,
    ) -> Sequence[Standing]:
        """Return entries by id, behind the id ``after``; ``filters`` are provider, category (or what it begins with), sharing, state.

        ``seen_by`` is an organisation to which what is not in force is shown only where it is its own.
        """
        query = select(*(ENTRY_TABLE.c[name] for name in _LISTED)).where(ENTRY_TABLE.c.id > after)
        for name, wanted in (filters or {}).items():
            column = ENTRY_TABLE.c[name]
            if wanted is not None:
                query = query.where(
                    column.startswith(wanted, autoescape=True) if name == "category" else column == wanted
                )
        if seen_by is not None:
            query = query.where(ENTRY_TABLE.c.in_force.is_not(None) | (ENTRY_TABLE.c.provider == seen_by))
        rows = self._connection.execute(query.order_by(ENTRY_TABLE.c.id).limit(limit)).mappings()
        return [standing_of(row) for row in rows]

    def history(self, entry: str) -> Sequence[Happened]:
        """Return every act on every version, in the order in which it was done."""
        newest = self.row(entry)["newest"]
        matters = {matter_of(entry, number): number for number in range(1, newest + 1)}
        query = select(EVENT).where(EVENT.c.kind == ENTRY.kind, EVENT.c.matter.in_(matters))
        names = ("act", "state", "actor", "organisation", "at", "facts")
        rows = self._connection.execute(query).mappings().all()
        rows = sorted(rows, key=lambda row: (row["at"], matters[row["matter"]], row["position"]))
        return [Happened(matters[row["matter"]], **{name: row[name] for name in names}) for row in rows]

    def duties(self, entry: str) -> Sequence[tuple[int, str, datetime]]:
        """Return what is due on versions of an entry: version, duty, and the moment from which it is late."""
        newest = self.row(entry)["newest"]
        matters = {matter_of(entry, number): number for number in range(1, newest + 1)}
        query = select(MATTER.c.id, MATTER.c.duty, MATTER.c.due_at).where(
            MATTER.c.kind == ENTRY.kind, MATTER.c.id.in_(matters), MATTER.c.due_at.is_not(None)
        )
        return [
            (matters[id_], duty, at)
            for id_, duty, at in self._connection.execute(query.order_by(MATTER.c.due_at))
        ]


def standing_of(row: Mapping[Any, Any]) -> Standing:
    """Make an entry's standing from its row."""
    return Standing(*(row[name] for name in _LISTED))
