"""The loop closed: after every batch, is what is doubted corrected by it; and who read the wrong value meanwhile.

What is looked at are the open doubts of the resource whose record has another version than the one doubted: a query by key, so that the
cost grows with the doubts that a batch touches, and neither with the batch nor the library. It keeps no place of its own to
lose: a hub that dies between batch and look finds the same at the next batch, or by ``hub objection look``. When something was read
and recorded is told by the machine's clock, whatever clock deadlines are counted by.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from audit.recording import record_administration
from audit.segments import Reading, readings
from base_libraries.reading import GoldenReader
from base_libraries.spans import Span, span
from catalog import doubts
from catalog.actor import HUB
from catalog.doubts import Wrong
from catalog.objection import WHOLE_RECORD, Objection
from catalog.recall_notices import RecallNotice
from hub.objections.bureau import Bureau
from hub.objections.given import given
from hub.objections.raising import READ
from infra.clock import now
from infra.database import Database, Role

LONGEST_COMMIT = timedelta(minutes=10)
"""How long after a version is recorded, which is when its batch begins to be stored, the one before may still have been read.

It counts only where the hub died between batch and look; else the look itself, just behind the commit, says until when.
"""

LONGEST_CALL = timedelta(minutes=1)
"""How long after it read a record a call may still come to the ledger."""


@dataclass(frozen=True)
class Looked:
    """What one look found: objections closed or come nearer to it, and recall notices written."""

    corrected: tuple[str, ...] = ()
    notices: int = 0


def look(bureau: Bureau, database: Database, resource: str) -> Looked:
    """End the doubts that have been corrected, each objection in a transaction of its own."""
    engine = database.engine(Role.APPLICATION)
    reader = bureau.reader(resource)
    with engine.connect() as connection:
        touched = _touched(connection, reader)
        waiting = doubts.waits_for_recall(connection, resource, now() - LONGEST_CALL)
    found = Looked()
    for id_ in touched:
        with engine.begin() as connection:
            ended, notices = _Look(bureau, connection, reader).ended(id_)
        found = Looked(found.corrected + ((id_,) if ended else ()), found.notices + notices)
    if waiting:
        with engine.begin() as connection:
            late = _Look(bureau, connection, reader).recalled_late()
        found = replace(found, notices=found.notices + late)
    return found


def _touched(connection: Connection, reader: GoldenReader) -> list[str]:
    query = text(
        "SELECT DISTINCT d.objection FROM catalog.doubt d JOIN catalog.objection o ON o.id = d.objection "
        f"LEFT JOIN {reader.tables.golden} g ON g._subject = d.subject "
        "WHERE d.is_open AND d.resource = :resource AND (g._version IS NULL OR g._version > o.version) ORDER BY 1"
    )
    return list(connection.execute(query, {"resource": reader.resource.code}).scalars())


class _Look:
    """One look, in one transaction."""

    def __init__(self, bureau: Bureau, connection: Connection, reader: GoldenReader) -> None:
        self._bureau, self._connection, self._reader = bureau, connection, reader
        self._objections = bureau.objections(connection, record_administration)
        self._notices = bureau.notices(connection, record_administration)

    def ended(self, id_: str) -> tuple[bool, int]:
        """End those doubts of an objection that are corrected; whether there was one, and the notices written."""
        self._objections.matters.matter(id_, held=True)
        objection = self._objections.objection(id_)
        open_items = doubts.open_items(self._connection, id_)
        found = {item: self._wrong(objection, item) for item in open_items}
        corrected = {item: one for item, one in found.items() if one is not None}
        if not corrected:
            return False, 0
        act = "close" if len(corrected) == len(open_items) else "note_correction"
        facts = {
            "items": sorted(corrected),
            "versions": [one[0].corrected_version for one in corrected.values()],
        }
        final = now() - LONGEST_CALL
        for wrong, _ in corrected.values():
            doubts.end(self._connection, id_, wrong, recalled=wrong.wrong_until < final)
        notices = sum(self._notify(objection, wrong, known) for wrong, known in corrected.values())
        self._objections.act(id_, act, HUB, facts | {"recall_notices": notices})
        return True, notices

    def recalled_late(self) -> int:
        """Look once more for calls that came to the ledger after the first look; returns how many notices are new."""
        before = now() - LONGEST_CALL
        new = 0
        for id_, wrong in doubts.unrecalled(self._connection, self._reader.resource.code, before):
            record_administration(
                self._connection,
                actor=HUB.id,
                action="objection.recall",
                target=id_,
                facts={"item": wrong.item},
            )
            objection = self._objections.objection(id_)
            known = self._span(objection, wrong.item)
            new += self._notify(objection, wrong, known) if known else 0
            doubts.set_recalled(self._connection, id_, wrong.item)
        return new

    def _wrong(self, objection: Objection, item: str) -> tuple[Wrong, Span] | None:
        known = self._span(objection, item)
        if known is None or known.changed is None:
            return None
        at = now()
        until = at if known.until is None else min(at, known.until + LONGEST_COMMIT)
        return Wrong(item, known.changed, known.since, until), known

    def _span(self, objection: Objection, item: str) -> Span | None:
        if objection.subject is None or objection.version is None:
            return None
        names = [one.name for one in self._reader.resource.items] if item == WHOLE_RECORD else [item]
        return span(self._connection, self._reader, objection.subject, names, objection.version)

    def _notify(self, objection: Objection, wrong: Wrong, known: Span) -> int:
        subject, times = objection.subject or b"", (wrong.wrong_from, wrong.wrong_until)
        asked = readings(self._connection, objection.resource, known.indexes, READ, *times)
        found = given(self._connection, self._reader, subject, wrong.item, known, asked)
        made_at = now()
        return self._notices.add([_notice(objection, wrong, one, made_at) for one in found])


def _notice(objection: Objection, wrong: Wrong, read: Reading, made_at: datetime) -> RecallNotice:
    return RecallNotice(
        0, read.system, read.organisation or "", objection.id, read.entry, objection.resource, wrong.item, read.case_code, read.at,
        wrong.wrong_from, wrong.wrong_until, wrong.corrected_version, made_at,
    )  # fmt: skip
