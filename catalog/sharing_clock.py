"""What the hub does by itself as time passes: silence that grants, what lapses and expires, reminders, escalations.

``tick`` may run at any time and as often as one likes: what was done is an event, and is not done again.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, select, text

from catalog.actor import HUB
from catalog.agreement_workflow import AGREEMENT_LIFE
from catalog.application_workflow import APPLICATION
from catalog.applications import Applications
from catalog.matters import Matters
from catalog.offer import Offering, offer_of
from catalog.recorded import Recorder
from catalog.tables import AGREEMENT, EVENT, MATTER
from catalog.workflow import Matter, Workflow
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


Opening = Callable[[], AbstractContextManager[Connection]]
"""Opens a transaction that commits when its block ends well."""


class SharingClock:
    """One round of the clock over applications and agreements.

    ``connection`` reads, and keeps a second round away until its transaction ends. Each act is a transaction of its own, which ``each``
    opens: a round holds one matter at a time, so that nobody who acts meanwhile waits for all of it, nor it for them in a circle.
    """

    def __init__(
        self,
        connection: Connection,
        each: Opening,
        record: Recorder,
        calendar: Calendar,
        clock: Clock = now,
        offering: Offering = offer_of,
    ) -> None:
        self._connection, self._each, self._calendar = connection, each, calendar
        self._at = clock()
        self._opened = partial(
            Applications, record=record, calendar=calendar, clock=lambda: self._at, offering=offering
        )
        self._done: dict[str, list[str]] = {}
        self._failed: dict[str, str] = {}

    def tick(self, reminded: int = REMINDED, renewed: int = RENEWED) -> Ticked:
        """Do whatever is due; a matter that cannot be dealt with is told and holds up no other."""
        self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})  # no two at once
        applications = self._opened(self._connection).matters
        agreements = self._opened(self._connection).agreements.matters
        self._expire()
        for matter in applications.overdue():
            if act := _BY_SILENCE.get(matter.state):
                self._by_silence(act, matter)
            else:
                self._tell("escalate", applications, [matter])
        self._tell("escalate", agreements, agreements.overdue())
        for matters in (applications, agreements):
            self._tell("remind", matters, self._near(matters, reminded))
        self._tell("remind", agreements, self._ending(renewed))
        return Ticked({act: tuple(ids) for act, ids in self._done.items()}, self._failed)

    def _by_silence(self, act: str, matter: Matter) -> None:
        """Do what silence brings; what it cannot grant any more, as it is not shared or its time is over, is a draft again."""
        late = _late(matter)
        refused = self._try(act, APPLICATION, matter, lambda now: now.do(matter.id, act, HUB, late))
        if act == "grant" and refused is not None and not isinstance(refused, CalendarLacksYear):
            del self._failed[matter.id]
            why = late | {"why": str(refused)}
            self._try("lapse", APPLICATION, matter, lambda now: now.do(matter.id, "lapse", HUB, why))

    def _expire(self) -> None:
        ended = self._agreements().where(MATTER.c.state.in_(_EXPIRING), AGREEMENT.c.valid_to <= self._at)
        for row in self._connection.execute(ended).all():
            matter = Matter(row.id, row.state, {}, position=row.position)
            self._try("expire", AGREEMENT_LIFE, matter, partial(_expired, row.id))

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
        query = self._agreements().where(
            MATTER.c.state == "in_force",
            AGREEMENT.c.valid_to > self._at,
            AGREEMENT.c.valid_to <= self._horizon(days),
        )
        return [
            Matter(row.id, row.state, {}, position=row.position, duty="renew", due_at=row.valid_to)
            for row in self._connection.execute(query)
            if rhythm.before(row.valid_to, days) <= self._at
        ]

    def _agreements(self) -> Select[Any]:
        """Select the agreements that applications brought: id, state, position and end, by id."""
        columns = (MATTER.c.id, MATTER.c.state, MATTER.c.position, AGREEMENT.c.valid_to)
        joined = select(*columns).join(AGREEMENT, AGREEMENT.c.id == MATTER.c.id)
        return joined.where(MATTER.c.kind == AGREEMENT_LIFE.kind).order_by(MATTER.c.id)

    def _horizon(self, days: int) -> datetime:
        return self._at + timedelta(days=3 * days + 15)  # the longest holidays included

    def _tell(self, act: str, matters: Matters, found: Iterable[Matter]) -> None:
        """Tell of what is due, once for each duty and day that it is due on."""
        found = list(found)
        told = self._told(act, matters, [matter.id for matter in found])
        for matter in found:
            facts = _due(matter)
            if (matter.id, facts["duty"], facts["due_at"]) not in told:
                workflow = matters.workflow
                work = partial(_act, workflow, matter.id, act, facts)
                self._try(act, workflow, matter, work)

    def _told(self, act: str, matters: Matters, ids: list[str]) -> set[tuple[str, str, str]]:
        query = select(EVENT.c.matter, EVENT.c.facts["duty"].astext, EVENT.c.facts["due_at"].astext)
        of_these = query.where(
            EVENT.c.kind == matters.workflow.kind, EVENT.c.act == act, EVENT.c.matter.in_(ids)
        )
        return {(matter, duty, due_at) for matter, duty, due_at in self._connection.execute(of_these)}

    def _try(
        self, act: str, workflow: Workflow, matter: Matter, work: Callable[[Applications], object]
    ) -> HubError | None:
        """Do it in a transaction of its own, unless somebody did something with the matter since it was found."""
        try:
            with self._each() as connection:
                applications = self._opened(connection)
                if _held(applications, workflow, matter.id).position != matter.position:
                    return None
                work(applications)
        except HubError as error:
            self._failed[matter.id] = str(error)
            return error
        self._done.setdefault(act, []).append(matter.id)
        return None


def _held(applications: Applications, workflow: Workflow, id_: str) -> Matter:
    """Hold a matter, an agreement's row before it: in the order in which everybody's acts do."""
    if workflow is AGREEMENT_LIFE:
        applications.agreements.agreement(id_, held=True)
    return _of(applications, workflow).matter(id_, held=True)


def _expired(id_: str, applications: Applications) -> object:
    return applications.agreements.do(id_, "expire", HUB, {})


def _act(
    workflow: Workflow, id_: str, act: str, facts: Mapping[str, str], applications: Applications
) -> None:
    _of(applications, workflow).act(id_, act, HUB, facts)


def _of(applications: Applications, workflow: Workflow) -> Matters:
    return applications.agreements.matters if workflow is AGREEMENT_LIFE else applications.matters


def _due(matter: Matter) -> dict[str, str]:
    due_at = matter.due_at.astimezone(UTC).isoformat() if matter.due_at else ""
    return {"duty": matter.duty or "", "due_at": due_at}


def _late(matter: Matter) -> dict[str, str]:
    return {"late": matter.duty or "", "due_at": _due(matter)["due_at"]}
