"""What the hub does by itself as time passes: silence that grants, what lapses and expires, reminders, escalations.

``tick`` may run at any time and as often as one likes: what was done is an event, and is not done again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, select, text

from catalog.actor import HUB
from catalog.agreement_workflow import AGREEMENT_LIFE
from catalog.applications import Applications
from catalog.matters import Matters
from catalog.offer import Offering, offer_of
from catalog.recorded import Recorder
from catalog.tables import AGREEMENT, EVENT, MATTER
from catalog.workflow import Matter
from infra.clock import Clock, now
from schemas.errors import CalendarLacksYear, HubError
from schemas.working_days import Calendar

REMINDED = 2
"""Working days before the end of what is due, its last day included, from which on it is reminded of."""
RENEWED = 20
"""The same before the end of an agreement: as long as a new one may take to be delivered."""
_LOCK = 0x7469636B  # advisory lock key, "tick"
_BY_SILENCE: Mapping[str, str] = {"awaiting_reply": "grant", "returned": "lapse", "submitted": "lapse"}
_EXPIRING = tuple(
    source for line in AGREEMENT_LIFE.transitions if line.act == "expire" for source in line.sources
)


@dataclass(frozen=True)
class Ticked:
    """What was done, by act, and which matters could not be dealt with and why."""

    done: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


class SharingClock:
    """One round of the clock over applications and agreements; the caller commits."""

    def __init__(
        self,
        connection: Connection,
        record: Recorder,
        calendar: Calendar,
        clock: Clock = now,
        offering: Offering = offer_of,
    ) -> None:
        self._connection, self._calendar = connection, calendar
        self._at = clock()
        self._applications = Applications(connection, record, calendar, lambda: self._at, offering)
        self._agreements = self._applications.agreements
        self._done: dict[str, list[str]] = {}
        self._failed: dict[str, str] = {}

    def tick(self, reminded: int = REMINDED, renewed: int = RENEWED) -> Ticked:
        """Do whatever is due; a matter that cannot be dealt with is told and holds up no other."""
        self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})  # no two at once
        self._expire()
        for matter in self._applications.matters.overdue():
            if act := _BY_SILENCE.get(matter.state):
                self._by_silence(act, matter)
            else:
                self._tell("escalate", self._applications.matters, [matter])
        self._tell("escalate", self._agreements.matters, self._agreements.matters.overdue())
        for matters in (self._applications.matters, self._agreements.matters):
            self._tell("remind", matters, self._near(matters, reminded))
        self._tell("remind", self._agreements.matters, self._ending(renewed))
        return Ticked({act: tuple(ids) for act, ids in self._done.items()}, self._failed)

    def _by_silence(self, act: str, matter: Matter) -> None:
        """Do what silence brings; what it cannot grant any more, as it is not shared or its time is over, is a draft again."""
        do, late = self._applications.do, _late(matter)
        refused = self._try(act, matter.id, partial(do, matter.id, act, HUB, late))
        if act == "grant" and refused is not None and not isinstance(refused, CalendarLacksYear):
            del self._failed[matter.id]
            self._try("lapse", matter.id, partial(do, matter.id, "lapse", HUB, late | {"why": str(refused)}))

    def _expire(self) -> None:
        ended = select(MATTER.c.id).join(AGREEMENT, AGREEMENT.c.id == MATTER.c.id)
        of_agreements = (MATTER.c.kind == AGREEMENT_LIFE.kind) & MATTER.c.state.in_(_EXPIRING)
        query = ended.where(of_agreements, AGREEMENT.c.valid_to <= self._at).order_by(MATTER.c.id)
        for id_ in self._connection.execute(query).scalars().all():
            self._try("expire", id_, partial(self._agreements.do, id_, "expire", HUB, {}))

    def _near(self, matters: Matters, days: int) -> list[Matter]:
        """Return the matters that are due within so many working days, and not yet late."""
        rhythm = self._calendar.lenient()  # a reminder in a year that nobody told is better than none
        return [
            matter
            for matter in matters.due_within(self._at, self._horizon(days))
            if matter.due_at is not None and rhythm.before(matter.due_at, days) <= self._at
        ]

    def _ending(self, days: int) -> list[Matter]:
        """Return the agreements that end within so many working days, with their end as what is due."""
        rhythm = self._calendar.lenient()
        query = (
            select(MATTER.c.id, AGREEMENT.c.valid_to)
            .join(AGREEMENT, AGREEMENT.c.id == MATTER.c.id)
            .where(MATTER.c.kind == AGREEMENT_LIFE.kind, MATTER.c.state == "in_force")
            .where(AGREEMENT.c.valid_to > self._at, AGREEMENT.c.valid_to <= self._horizon(days))
            .order_by(MATTER.c.id)
        )
        return [
            Matter(id_, "in_force", {}, duty="renew", due_at=valid_to)
            for id_, valid_to in self._connection.execute(query)
            if rhythm.before(valid_to, days) <= self._at
        ]

    def _horizon(self, days: int) -> datetime:
        return self._at + timedelta(days=3 * days + 15)  # the longest holidays included

    def _tell(self, act: str, matters: Matters, found: Iterable[Matter]) -> None:
        """Tell of what is due, once for each duty and day that it is due on."""
        found = list(found)
        told = self._told(act, matters, [matter.id for matter in found])
        for matter in found:
            facts = _due(matter)
            if (matter.id, facts["duty"], facts["due_at"]) not in told:
                self._try(act, matter.id, partial(matters.act, matter.id, act, HUB, facts))

    def _told(self, act: str, matters: Matters, ids: list[str]) -> set[tuple[str, str, str]]:
        query = select(EVENT.c.matter, EVENT.c.facts["duty"].astext, EVENT.c.facts["due_at"].astext)
        of_these = query.where(
            EVENT.c.kind == matters.workflow.kind, EVENT.c.act == act, EVENT.c.matter.in_(ids)
        )
        return {(matter, duty, due_at) for matter, duty, due_at in self._connection.execute(of_these)}

    def _try(self, act: str, id_: str, work: Callable[[], object]) -> HubError | None:
        try:
            with self._connection.begin_nested():
                work()
        except HubError as error:
            self._failed[id_] = str(error)
            return error
        self._done.setdefault(act, []).append(id_)
        return None


def _due(matter: Matter) -> dict[str, str]:
    due_at = matter.due_at.astimezone(UTC).isoformat() if matter.due_at else ""
    return {"duty": matter.duty or "", "due_at": due_at}


def _late(matter: Matter) -> dict[str, str]:
    return {"late": matter.duty or "", "due_at": _due(matter)["due_at"]}
