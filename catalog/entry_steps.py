"""What every act on a catalogue entry does: hold the entry, let its version take the step, write down what it is now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from catalog.actor import HUB, Actor
from catalog.compatibility import Change, changes_between
from catalog.entry import CatalogueEntry, entry_from
from catalog.entry_reader import EntryReader
from catalog.entry_tables import ENTRY_TABLE
from catalog.entry_workflow import CARRIED, ENTRY, UNDERWAY, WORKING_DAYS, matter_of
from catalog.lists.negative import faults_in
from catalog.matters import Due, Matters
from catalog.recorded import Recorder
from catalog.workflow import Matter
from infra.clock import Clock, now
from schemas.errors import ForbiddenTransition, WrongEntry
from schemas.working_days import Calendar

Row = Mapping[Any, Any]
Effect = Callable[[Connection, CatalogueEntry, Actor], None]


@dataclass(frozen=True)
class Effects:
    """What happens elsewhere, in the same transaction, when an entry is ``published`` or ``withdrawn``."""

    published: Effect | None = None
    withdrawn: Effect | None = None


class EntrySteps:
    """The catalogue's entries on a connection whose transaction the caller commits; the entry's row is held first by every act."""

    def __init__(
        self,
        connection: Connection,
        record: Recorder,
        calendar: Calendar,
        clock: Clock = now,
        effects: Effects | None = None,
    ) -> None:
        self._connection, self._calendar, self._effects = connection, calendar, effects or Effects()
        self._matters = Matters(connection, record, ENTRY, clock)
        self.reader = EntryReader(connection)

    def changes(self, entry: str) -> list[Change]:
        """Return what the version under way changes of the one in force; none where there are not both."""
        row = self.reader.row(entry)
        if row["in_force"] is None or row["draft"] is None:
            return []
        return changes_between(self.reader.version(entry, row["in_force"]), drafted(row))

    def matter(self, entry: str) -> Matter:
        """Return where the newest version of an entry stands."""
        return self._newest(self.reader.row(entry))

    def possible(self, entry: str, actor: Actor) -> list[str]:
        """Return what the actor may do now, with the version under way and with the one in force."""
        row = self.reader.row(entry)
        numbers = {row["newest"]} if row["state"] in UNDERWAY else set()
        numbers |= {row["in_force"]} - {None}
        matters = [self._matters.matter(matter_of(entry, number)) for number in sorted(numbers, reverse=True)]
        acts = [act for matter in matters for act in ENTRY.possible(actor, matter)]
        if row["state"] not in UNDERWAY and ENTRY.may_open(actor, self._newest(row).parties):
            acts.append("change")
        return acts

    def _check_shareable(self, entry: CatalogueEntry) -> None:
        """Raise ``WrongEntry`` where the negative list names what would be shared: it may have grown since the entry was written."""
        if faults := faults_in(self._connection, entry):
            raise WrongEntry(entry.id, faults)

    def _newest(self, row: Row) -> Matter:
        return self._matters.matter(matter_of(row["id"], row["newest"]))

    def _step(
        self,
        row: Row,
        act: str,
        actor: Actor,
        facts: Mapping[str, Any] | None = None,
        due: Due | None = None,
        **written: Any,
    ) -> Matter:
        """Let the newest version take a step, and write what the entry is after it."""
        held = self._newest(row)
        if due is None and act in CARRIED and held.duty == "reflect_change" and held.due_at:
            due = Due(held.duty, held.due_at)
        done = self._matters.act(held.id, act, actor, facts, due)
        self._write(row["id"], state=done.state, **written)
        return done

    def _step_in_force(
        self,
        row: Row,
        act: str,
        actor: Actor,
        facts: Mapping[str, Any],
        due: Due | None = None,
    ) -> Matter:
        """Let the version in force take a step, whether or not another is under way."""
        if row["in_force"] is None:
            raise ForbiddenTransition(
                f"No version of entry {row['id']} is in force: {act.replace('_', ' ')} is not possible now.",
                hint="A version that is not published is discarded.",
                state=row["state"],
            )
        done = self._matters.act(matter_of(row["id"], row["in_force"]), act, actor, facts, due)
        if row["state"] not in UNDERWAY:
            self._write(row["id"], state=done.state)
        return done

    def _write(self, entry: str, **values: Any) -> None:
        self._connection.execute(update(ENTRY_TABLE).where(ENTRY_TABLE.c.id == entry).values(**values))

    def _deadline(self, duty: str, began: datetime | None = None) -> Due:
        at = began or self._matters.clock()
        return Due(duty, self._calendar.deadline(at, WORKING_DAYS[duty]))

    def _reflected(self, row: Row) -> dict[str, Any]:
        """Say that a change of law or duty is reflected, and by when it had to be, if there was one."""
        newest = self._newest(row)
        if newest.duty == "reflect_change" and newest.due_at:
            return {"reflects_by": newest.due_at.isoformat()}
        if row["in_force"] is None:
            return {}
        standing = self._matters.matter(matter_of(row["id"], row["in_force"]), held=True)
        if standing.state != "outdated" or standing.due_at is None:
            return {}
        self._matters.act(standing.id, "reflect", HUB, {"by": row["newest"]})
        return {"reflects_by": standing.due_at.isoformat()}


def drafted(row: Row) -> CatalogueEntry:
    """Return what the version under way says; ``ForbiddenTransition`` where none is."""
    if row["draft"] is None:
        raise ForbiddenTransition(
            f"No version of entry {row['id']} is under way.",
            hint="Begin one with: hub catalogue change",
            state=row["state"],
        )
    return entry_from(row["draft"])


def shown(entry: CatalogueEntry) -> dict[str, Any]:
    """Return what the catalogue lists of an entry, and its whole content as its draft."""
    return {
        "category": entry.category.code,
        "name": entry.name,
        "sharing": entry.sharing.value,
        "draft": entry.as_dict(),
    }


def numbered(entry: CatalogueEntry, version: int, code: str | None) -> CatalogueEntry:
    """Return the entry as that version, with the code it has, and not yet published."""
    return replace(entry, version=version, code=code, published_on=None)
