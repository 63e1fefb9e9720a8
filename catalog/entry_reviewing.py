"""The catalogue authority's part of an entry's way: review, publish, withdraw; and changes of law and duty, which either side notes."""

from dataclasses import replace
from datetime import date, datetime, time

from sqlalchemy import insert

from catalog.actor import HUB, Actor
from catalog.compatibility import Change
from catalog.entry import CatalogueEntry
from catalog.entry_steps import EntrySteps, Row, drafted, shown
from catalog.entry_tables import ENTRY_VERSION
from catalog.entry_workflow import ENTRY, UNDERWAY, WORKING_DAYS, matter_of
from catalog.matters import Due
from catalog.readers import Reader, readers
from catalog.search_index import drop_entry, index_entry
from catalog.workflow import Matter
from schemas.errors import ConsentMissing, ForbiddenTransition

_NAMED = 5


class EntryReviewing(EntrySteps):
    """What the catalogue authority does, and what concerns a version in force."""

    def give_back(self, entry: str, actor: Actor, reasons: str) -> Matter:
        """Return a version with everything that is amiss; a change of law or duty is due again by the day it was due."""
        row = self.reader.row(entry, held=True)
        submitted = [e.facts for e in self._matters.events(self._newest(row).id) if e.act == "submit"]
        by = submitted[-1].get("reflects_by") if submitted else None
        due = Due("reflect_change", datetime.fromisoformat(by)) if by else None
        return self._step(row, "return", actor, {"reasons": reasons}, due)

    def approve(self, entry: str, actor: Actor, consent: str = "") -> Matter:
        """Approve a version; ``WrongEntry`` where it shares what the negative list names, ``ConsentMissing`` where it breaks what was agreed and the authority does not say that it consents."""
        row = self.reader.row(entry, held=True)
        held = self._newest(row)
        ENTRY.check_may(actor, "approve", held)
        self._check_shareable(drafted(row))
        breaking = [change for change in self.changes(entry) if change.breaking]
        if breaking and not consent:
            raise self._consent_missing(row, breaking)
        facts = {"consent": consent, "breaking": [change.place for change in breaking]} if breaking else {}
        due = Due("review_and_publish", held.due_at) if held.due_at else None
        return self._step(row, "approve", actor, facts, due)

    def publish(self, entry: str, actor: Actor) -> Matter:
        """Put a version in force in place of the one before, and in the same transaction wherever else it is to be so.

        ``WrongEntry`` where it shares what the negative list names by now.
        """
        row = self.reader.row(entry, held=True)
        ENTRY.check_may(actor, "publish", self._newest(row))
        written = drafted(row)
        self._check_shareable(written)
        published = replace(written, published_on=self._calendar.day(self._matters.clock()))
        if row["in_force"] is not None:
            self._matters.act(matter_of(entry, row["in_force"]), "supersede", HUB, {"by": published.version})
        told = {**shown(published), "draft": None, "in_force": published.version}
        done = self._step(row, "publish", actor, {"digest": published.digest}, **told)
        self._keep(published, actor)
        index_entry(self._connection, published)
        if self._effects.published:
            self._effects.published(self._connection, published, actor)
        return done

    def withdraw(self, entry: str, actor: Actor, reason: str) -> Matter:
        """Take an entry out of force; a version that is under way is given up with it."""
        row = self.reader.row(entry, held=True)
        done = self._step_in_force(row, "withdraw", actor, {"reason": reason})
        if row["state"] in UNDERWAY:
            self._step(row, "discard", HUB, {"reason": "the entry is withdrawn"}, draft=None)
        leaving = self.reader.version(entry, row["in_force"])
        self._write(entry, state=done.state, in_force=None)
        drop_entry(self._connection, entry)
        if self._effects.withdrawn:
            self._effects.withdrawn(self._connection, leaving, actor)
        return done

    def ask_withdrawal(self, entry: str, actor: Actor, reason: str) -> Matter:
        """Ask, for the department, that an entry be withdrawn."""
        return self._step_in_force(
            self.reader.row(entry, held=True), "ask_withdrawal", actor, {"reason": reason}
        )

    def note_change(self, entry: str, actor: Actor, reason: str, since: date | None = None) -> Matter:
        """Say that law or duty has changed on a day, today by default: the entry reflects it within 10 working days."""
        began = datetime.combine(since, time(12), self._calendar.zone) if since else self._matters.clock()
        facts = {"reason": reason, "since": self._calendar.day(began).isoformat()}
        row, due = self.reader.row(entry, held=True), self._deadline("reflect_change", began)
        return self._step_in_force(row, "note_change", actor, facts, due)

    def extend(self, entry: str, actor: Actor, reason: str) -> Matter:
        """Consent to five working days more, once for each change of law or duty."""
        row = self.reader.row(entry, held=True)
        held = self._matters.matter(matter_of(entry, row["in_force"] or row["newest"]))
        ENTRY.check_may(actor, "extend", held)
        acts = [event.act for event in self._matters.events(held.id)]
        if "extend" in acts[len(acts) - acts[::-1].index("note_change") :]:
            raise ForbiddenTransition(
                f"Entry {entry} was given five working days more.",
                hint="That is possible once for each change.",
                matter=held.id,
            )
        assert held.due_at is not None
        due = Due("reflect_change", self._calendar.extended(held.due_at, WORKING_DAYS["extend"]))
        return self._step_in_force(row, "extend", actor, {"reason": reason}, due)

    def agreements_affected(self, entry: str, changes: list[Change]) -> list[Reader]:
        """Return the agreements in force that what breaks concerns: those on its items, or all where the entry itself breaks."""
        breaking = [change for change in changes if change.breaking]
        version = self.reader.version(entry, self.reader.row(entry)["in_force"])
        items = [item.name for item in version.items]
        if all(change.item for change in breaking):
            items = [name for name in items if name in {change.item for change in breaking}]
        return readers(self._connection, entry, items)

    def _keep(self, published: CatalogueEntry, actor: Actor) -> None:
        self._connection.execute(
            insert(ENTRY_VERSION).values(
                entry=published.id,
                version=published.version,
                content=published.as_dict(),
                digest=published.digest,
                published_by=actor.id,
                published_at=self._matters.clock(),
            )
        )

    def _consent_missing(self, row: Row, breaking: list[Change]) -> ConsentMissing:
        affected = [reader.agreement for reader in self.agreements_affected(row["id"], breaking)]
        concerned = ", ".join(affected[:_NAMED]) + (" …" if len(affected) > _NAMED else "")
        whom = f"Agreements concerned: {concerned}" if affected else "No agreement is concerned"
        what = "; ".join(f"{change.place}: {change.reason}" for change in breaking)
        return ConsentMissing(
            f"Version {row['newest']} of entry {row['id']} breaks what was agreed: {what}. {whom}.",
            hint="Approve it with the authority's stated consent, or return it.",
            entry=row["id"],
        )
