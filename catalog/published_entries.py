"""What is published: entries in force, and resources that nobody has written an entry of, shipped or published by themselves."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, String, and_, cast, func, or_, select, true

from catalog.entry import CatalogueEntry, entry_from
from catalog.entry_tables import ENTRY_TABLE, ENTRY_VERSION
from schemas.errors import UnknownEntry
from schemas.resource import RESOURCES, Resource, Sharing

Published = CatalogueEntry | Resource
_IN_FORCE = and_(ENTRY_VERSION.c.entry == ENTRY_TABLE.c.id, ENTRY_VERSION.c.version == ENTRY_TABLE.c.in_force)
_JOINED = ENTRY_TABLE.join(ENTRY_VERSION, _IN_FORCE)


def is_public(one: Published) -> bool:
    """Whether anybody may see the description: of what is open to society, or shared with every department unconditionally."""
    return one.sharing is Sharing.UNCONDITIONAL or (isinstance(one, CatalogueEntry) and one.open)


def id_of(one: Published) -> str:
    """Return what it is stored and asked for by."""
    return one.id if isinstance(one, CatalogueEntry) else one.code


class PublishedEntries:
    """Reads what is in force, by id; only what anybody may see, or ``everything``."""

    def __init__(self, connection: Connection, *, everything: bool = False) -> None:
        self._connection, self._everything = connection, everything

    def behind(self, after: str, limit: int | None = None) -> Sequence[Published]:
        """Return what stands behind an id, so many at most."""
        content = ENTRY_VERSION.c.content
        query = select(content).select_from(_JOINED).where(ENTRY_TABLE.c.id > after, self._seen)
        rows = self._connection.execute(query.order_by(ENTRY_TABLE.c.id).limit(limit)).scalars()
        found: list[Published] = [entry_from(row) for row in rows]
        found += [one for one in self._unwritten() if one.code > after]
        return sorted(found, key=id_of)[:limit]

    def named(self, id_: str) -> Published:
        """Return one by id; ``UnknownEntry`` where it is not in force."""
        query = select(ENTRY_VERSION.c.content).select_from(_JOINED).where(ENTRY_TABLE.c.id == id_)
        content = self._connection.execute(query).scalar()
        if content is not None:
            return entry_from(content)
        for one in self._unwritten():
            if one.code == id_:
                return one
        raise UnknownEntry(f"Nothing is published as {id_}.", hint="Run: hub catalogue list", entry=id_)

    def number(self) -> int:
        """Return how many there are."""
        query = select(func.count()).select_from(_JOINED).where(self._seen)
        return int(self._connection.execute(query).scalar_one()) + len(self._unwritten())

    @property
    def _seen(self) -> ColumnElement[bool]:
        if self._everything:
            return true()
        is_open = cast(ENTRY_VERSION.c.content["open"].astext, String) == "true"
        return or_(ENTRY_TABLE.c.sharing == Sharing.UNCONDITIONAL.value, is_open)

    def _unwritten(self) -> Sequence[Resource]:
        """Return the resources that nobody has written an entry for, be it withdrawn."""
        query = select(ENTRY_TABLE.c.id).where(ENTRY_TABLE.c.id.in_(list(RESOURCES)))
        written = set(self._connection.execute(query).scalars())
        known = [one for code, one in RESOURCES.items() if code not in written and not one.withdrawn]
        return [one for one in known if self._everything or is_public(one)]
