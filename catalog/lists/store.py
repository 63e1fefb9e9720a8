"""Writing and reading the lists, every line with its ledger entry. What people write is in the line; the ledger holds its digest."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import delete, select

from catalog.actor import Actor
from catalog.entry import CatalogueEntry
from catalog.entry_codes import next_number
from catalog.entry_reader import EntryReader
from catalog.entry_reading import read_elements
from catalog.item_names import bare
from catalog.lists.forms import DEMAND, RESPONSIBILITY, SupplyList
from catalog.recorded import Recorded
from catalog.tables import ORGANISATION
from schemas.errors import NotInForce, NotRegistered, NotYourPart, SourceAlreadyNamed, WrongLine
from schemas.faults import Fault

MOST_LISTED = 1000
Line = Mapping[str, Any]


def line_faults(kind: SupplyList, raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """Return what could be read of a line, and everything that is wrong with it."""
    given = {name: value for name, value in raw.items() if name not in kind.told}
    return read_elements(given, kind.written)


class Lists(Recorded):
    """The three lists, on a connection whose transaction the caller commits."""

    def put(self, kind: SupplyList, raw: Mapping[str, Any], actor: Actor) -> tuple[str, str]:
        """Write a line, a new one where it has no id; return its id, and whether it was added, changed or unchanged.

        ``WrongLine`` tells everything that is wrong, ``NotYourPart`` whose part it is, ``NotRegistered`` whom nobody knows.
        """
        values, faults = line_faults(kind, raw)
        if faults:
            raise WrongLine(kind.form.title, faults)
        values = {name: list(one) if isinstance(one, tuple) else one for name, one in values.items()}
        organisation = values.get("organisation")
        self._check_writer(kind, actor, organisation)
        if organisation and not self._exists(ORGANISATION.c.code, organisation):
            raise NotRegistered(
                f"Organisation {organisation} is not registered.", hint="Run: hub organisation add"
            )
        id_ = values.pop("id", None)
        written = {name: values.get(name) for name in kind.written if name != "id"}
        self._check_named(kind, id_, written)
        return self._changed(kind, id_, written, actor) if id_ else self._added(kind, written, actor)

    def drop(self, kind: SupplyList, id_: str, actor: Actor) -> None:
        """Take a line off its list."""
        row = self._held(kind.table, id_)
        self._check_writer(kind, actor, row["organisation"])
        self._tell(kind, "drop", id_, actor, _plain(row))
        self._connection.execute(delete(kind.table).where(kind.table.c.id == id_))

    def confirm(self, demand: str, entry: str, actor: Actor) -> None:
        """Say that a published entry gives what a demand wants; it is matched from now on."""
        row = self._held(DEMAND.table, demand)
        self._check_writer(DEMAND, actor, row["organisation"])
        self._in_force(entry)
        entries = [*dict.fromkeys([*(row["entries"] or ()), entry])]
        self._set(
            DEMAND.table,
            demand,
            {"status": "matched", "entries": entries},
            actor.id,
            "confirm",
            {"entry": entry},
        )

    def supply(self, responsibility: str, entry: str, actor: Actor) -> None:
        """Say that a published entry of the responsible organisation supplies its datum."""
        row = self._held(RESPONSIBILITY.table, responsibility)
        self._check_writer(RESPONSIBILITY, actor, None)
        published = self._in_force(entry)
        faults = list(_unsupplied(row, published))
        if faults:
            raise WrongLine(f"{RESPONSIBILITY.form.title} {responsibility}", faults)
        self._set(
            RESPONSIBILITY.table, responsibility, {"entry": entry}, actor.id, "supply", {"entry": entry}
        )

    def line(self, kind: SupplyList, id_: str) -> Line:
        """Return a line; ``NotRegistered`` where there is none."""
        found = self._connection.execute(select(kind.table).where(kind.table.c.id == id_)).mappings().first()
        if found is None:
            raise NotRegistered(
                f"There is no {kind.kind} {id_}.", hint=f"Run: hub catalogue {kind.kind} list"
            )
        return _plain(found)

    def listed(
        self, kind: SupplyList, organisation: str | None = None, after: str = "", limit: int = MOST_LISTED
    ) -> Sequence[Line]:
        """Return lines by id, behind the id ``after``, of an organisation or of all."""
        query = select(kind.table).where(kind.table.c.id > after)
        if organisation is not None:
            query = query.where(kind.table.c.organisation == organisation)
        rows = self._connection.execute(query.order_by(kind.table.c.id).limit(limit)).mappings()
        return [_plain(row) for row in rows]

    def _added(self, kind: SupplyList, written: Line, actor: Actor) -> tuple[str, str]:
        id_ = f"{kind.prefix}-{next_number(self._connection, kind.kind):06d}"
        status = {"status": "unmet"} if kind is DEMAND else {}
        self._add(kind.table, {"id": id_, **written, **status}, id_, actor.id, _digest(written))
        return id_, "added"

    def _changed(self, kind: SupplyList, id_: str, written: Line, actor: Actor) -> tuple[str, str]:
        known = self._held(kind.table, id_)
        self._check_writer(kind, actor, known["organisation"])
        if all(known[name] == value for name, value in written.items()):
            return id_, "unchanged"
        self._set(kind.table, id_, written, actor.id, "change", _digest(written))
        return id_, "changed"

    def _check_writer(self, kind: SupplyList, actor: Actor, organisation: str | None) -> None:
        ours = not kind.own or organisation == actor.organisation
        if kind.writer not in actor.roles or not ours:
            whom = f"a {kind.writer.replace('_', ' ')}" + (f" of {organisation}" if kind.own else "")
            raise NotYourPart(f"{actor.id} may not write the {kind.kind} list so.", hint=f"It is for {whom}.")

    def _check_named(self, kind: SupplyList, id_: str | None, written: Line) -> None:
        """Of each datum one organisation is the source (Decree 809, article 19)."""
        if kind is not RESPONSIBILITY:
            return
        table = kind.table
        same = select(table.c.id, table.c.organisation).where(
            table.c.scope == written["scope"], table.c.datum == written["datum"], table.c.id != (id_ or "")
        )
        if other := self._connection.execute(same).first():
            raise SourceAlreadyNamed(
                f"{written['datum']} of {written['scope']} has its source: {other.organisation} ({other.id}).",
                hint="A datum has one source (Decree 809, article 19); change that line.",
            )

    def _in_force(self, entry: str) -> CatalogueEntry:
        reader = EntryReader(self._connection)
        if reader.row(entry)["in_force"] is None:
            raise NotInForce(
                f"Entry {entry} is not in force.", hint="Only what is published supplies anybody."
            )
        return reader.version(entry)

    def _tell(self, kind: SupplyList, act: str, id_: str, actor: Actor, row: Line) -> None:
        self._record(
            self._connection, actor=actor.id, action=f"{kind.kind}.{act}", target=id_, facts=_digest(row)
        )


def _unsupplied(row: Mapping[Any, Any], entry: CatalogueEntry) -> Sequence[Fault]:
    faults = []
    if entry.provider_code != row["organisation"]:
        faults.append(Fault("entry", f"{entry.id} is of {entry.provider_code}, not of {row['organisation']}"))
    if bare(row["datum"]) not in {bare(item.title) for item in entry.items}:
        faults.append(Fault("entry", f"{entry.id} has no item {row['datum']}"))
    return faults


def _plain(row: Mapping[Any, Any]) -> Line:
    return {str(name): value for name, value in row.items()}


def _digest(line: Line) -> dict[str, str]:
    told = orjson.dumps(dict(line), option=orjson.OPT_SORT_KEYS)
    return {"line_sha256": sha256(told).hexdigest()}
