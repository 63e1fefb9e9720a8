"""Recall notices (召回通知): to every system that read a value which turned out wrong, by call, case and item.

A notice holds neither key nor value: its ledger entry leads the system to the call it made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog.actor import Actor
from catalog.objection_tables import RECALL_NOTICE
from catalog.person import Role
from catalog.recorded import Recorder
from infra.clock import Clock, now
from schemas.errors import NotYourPart, UnknownNotice

MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class RecallNotice:
    """One call that read one item while it was wrong; ``item`` is empty for the record as a whole."""

    number: int
    system: str
    organisation: str
    objection: str
    entry: UUID
    resource: str
    item: str
    case_code: str | None
    called_at: datetime
    wrong_from: datetime
    wrong_until: datetime
    corrected_version: int
    made_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None


_NAMES = tuple(RecallNotice.__dataclass_fields__)


class RecallNotices:
    """Notices on a connection whose transaction the caller commits."""

    def __init__(self, connection: Connection, record: Recorder, clock: Clock = now) -> None:
        self._connection, self._record, self._clock = connection, record, clock

    def add(self, notices: Sequence[RecallNotice]) -> int:
        """Store notices, each call, item and objection once; returns how many are new. The caller has told the ledger."""
        if not notices:
            return 0
        rows = [{name: getattr(one, name) for name in _NAMES if name != "number"} for one in notices]
        new = insert(RECALL_NOTICE).on_conflict_do_nothing(index_elements=["objection", "entry", "item"])
        return len(self._connection.execute(new.returning(RECALL_NOTICE.c.number), rows).all())

    def listed(
        self,
        *,
        system: str | None = None,
        organisation: str | None = None,
        pending: bool = False,
        after: int = 0,
        limit: int = MOST_LISTED,
    ) -> list[RecallNotice]:
        """Return notices by number, behind the number ``after``; ``pending`` leaves out those acknowledged."""
        query = select(RECALL_NOTICE).where(RECALL_NOTICE.c.number > after)
        if system is not None:
            query = query.where(RECALL_NOTICE.c.system == system)
        if organisation is not None:
            query = query.where(RECALL_NOTICE.c.organisation == organisation)
        if pending:
            query = query.where(RECALL_NOTICE.c.acknowledged_at.is_(None))
        rows = self._connection.execute(query.order_by(RECALL_NOTICE.c.number).limit(limit)).mappings()
        return [RecallNotice(**{name: row[name] for name in _NAMES}) for row in rows]

    def acknowledge(self, number: int, actor: Actor, system: str | None = None) -> RecallNotice:
        """Say that what the call led to is being put right; once said, it stays as it was said first.

        ``NotYourPart`` where the actor is no user, ``UnknownNotice`` unless the notice is to the actor's organisation, and to ``system`` where one is named.
        """
        query = select(RECALL_NOTICE).where(RECALL_NOTICE.c.number == number).with_for_update()
        if Role.USER not in actor.roles:
            raise NotYourPart(
                f"{actor.id} may not acknowledge notices.", hint="It is for a user of the organisation."
            )
        row = self._connection.execute(query).mappings().first()
        if row is None or row["organisation"] != actor.organisation or system not in (None, row["system"]):
            raise UnknownNotice(f"Your organisation has no recall notice {number}.")
        if row["acknowledged_at"] is None:
            told = {"objection": row["objection"], "system": row["system"]}
            self._record(
                self._connection, actor=actor.id, action="notice.acknowledge", target=str(number), facts=told
            )
            said = {"acknowledged_at": self._clock(), "acknowledged_by": actor.id}
            here = RECALL_NOTICE.c.number == number
            self._connection.execute(update(RECALL_NOTICE).where(here).values(**said))
            return RecallNotice(**{name: row[name] for name in _NAMES} | said)
        return RecallNotice(**{name: row[name] for name in _NAMES})
