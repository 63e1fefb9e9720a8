"""Reminders of what is due soon, once a duty: the hub's own act, on the record of the objection and on the ledger."""

from collections.abc import Iterator

from audit.recording import record_administration
from catalog.actor import HUB
from catalog.matters import MOST_LISTED
from catalog.objection_workflow import DUTIES, OPEN, REMINDED_BEFORE
from catalog.objections import Standing
from hub.objections.bureau import Bureau
from infra.database import Database, Role


def remind(bureau: Bureau, database: Database) -> list[Standing]:
    """Note on every objection whose duty ends soon, or has ended, that its bearer is reminded; returns those newly noted."""
    return [one for one in _due_soon(bureau, database) if _remind(bureau, database, one)]


def _due_soon(bureau: Bureau, database: Database) -> Iterator[Standing]:
    now, after = bureau.clock(), ""
    rhythm = bureau.calendar.lenient()  # a reminder in a year that nobody told is better than none
    until = rhythm.deadline(now, REMINDED_BEFORE)
    while True:
        with database.engine(Role.APPLICATION).connect() as connection:
            objections = bureau.objections(connection, record_administration)
            page = objections.listed(states=OPEN, due_before=until, after=after)
        for one in page:
            if one.due_at is not None and rhythm.before(one.due_at, REMINDED_BEFORE) <= now:
                yield one
        if len(page) < MOST_LISTED:
            return
        after = page[-1].objection.id


def _remind(bureau: Bureau, database: Database, due: Standing) -> bool:
    """Note it, unless that was done since it became due, or something was done with it meanwhile."""
    id_ = due.objection.id
    with database.engine(Role.APPLICATION).begin() as connection:
        objections = bureau.objections(connection, record_administration)
        if objections.matters.matter(id_, held=True).due_at != due.due_at:
            return False
        acts = [event.act for event in reversed(objections.matters.events(id_))]
        if next(act for act in acts if act == "remind" or act in DUTIES) == "remind":
            return False
        facts = {"duty": due.duty, "due_at": due.due_at and due.due_at.isoformat()}
        objections.act(id_, "remind", HUB, facts)
        return True
