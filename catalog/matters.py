"""Matters on their way through a workflow: where each stands, and every event that brought it there.

An act, its event and its ledger entry are one transaction. Of two who act at once the second sees what the first did. What people
write as they act is in the event alone; the ledger holds its digest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from catalog.actor import Actor
from catalog.recorded import Recorder
from catalog.tables import EVENT, MATTER
from catalog.workflow import Matter, Side, Workflow
from infra.clock import Clock, now
from schemas.errors import AlreadyRegistered, UnknownMatter

MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done next, and by when: ``at`` is the first moment at which it is late."""

    duty: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One act that was done; ``state`` is where it led, ``facts`` what was said with it."""

    position: int
    act: str
    state: str
    actor: str
    organisation: str | None
    at: datetime
    facts: Mapping[str, Any]


class Keeping(Protocol):
    """How what is said with an act is kept in its event."""

    def kept(self, id_: str, position: int, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what is stored of it."""
        ...

    def told(self, id_: str, position: int, stored: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what was said."""
        ...


class Matters:
    """The matters of one workflow, on a connection whose transaction the caller commits.

    What is said is kept as ``keeping`` does, as it is where there is none.
    """

    def __init__(
        self,
        connection: Connection,
        record: Recorder,
        workflow: Workflow,
        clock: Clock = now,
        keeping: Keeping | None = None,
    ) -> None:
        self._connection, self._record, self.clock = connection, record, clock
        self.workflow, self._keeping = workflow, keeping

    def open(
        self,
        id_: str,
        parties: Mapping[Side, str],
        actor: Actor,
        facts: Mapping[str, Any] | None = None,
        due: Due | None = None,
    ) -> Matter:
        """Begin a matter; ``NotYourPart`` where the actor may not, ``AlreadyRegistered`` where the id is taken."""
        self.workflow.check_may_open(actor, parties)
        made = Matter(id_, self.workflow.initial, parties, {self.workflow.opening: frozenset({actor.id})}, 1)
        made = replace(made, duty=due.duty if due else None, due_at=due.at if due else None)
        row = {"kind": self.workflow.kind, "id": id_, "opened_at": self.clock(), **_standing(made)}
        kept = self._kept(made, facts or {})
        self._tell(actor, self.workflow.opening, made, kept)
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(MATTER).values(**row))
        except IntegrityError:
            raise AlreadyRegistered(f"{self.workflow.title.capitalize()} {id_} exists already.") from None
        self._add_event(actor, self.workflow.opening, made, kept)
        return made

    def act(
        self,
        id_: str,
        act: str,
        actor: Actor,
        facts: Mapping[str, Any] | None = None,
        due: Due | None = None,
        parties: Mapping[Side, str] | None = None,
        held: Matter | None = None,
    ) -> Matter:
        """Do what the table allows, or raise ``UnknownMatter``, ``ForbiddenTransition``, ``NotYourPart``, ``OwnWork`` or ``NotSaid``.

        What was due is due no more, unless the act leaves the matter in its state and names nothing new. ``parties`` are those
        who take part from now on, where the act hands the matter over; ``held`` is the matter where this transaction holds it.
        """
        held = held or self.matter(id_, held=True)
        line = self.workflow.check_may(actor, act, held)
        line.check_said(facts or {})
        state = line.target or held.state
        done = {**held.done, act: held.done.get(act, frozenset()) | {actor.id}}
        after = replace(held, state=state, done=done, position=held.position + 1)
        after = replace(after, parties=parties or held.parties)
        if due is not None or state != held.state:
            after = replace(after, duty=due.duty if due else None, due_at=due.at if due else None)
        kept = self._kept(after, facts or {})
        self._tell(actor, act, after, kept)
        here = (MATTER.c.kind == self.workflow.kind) & (MATTER.c.id == id_)
        self._connection.execute(update(MATTER).where(here).values(**_standing(after)))
        self._add_event(actor, act, after, kept)
        return after

    def matter(self, id_: str, *, held: bool = False) -> Matter:
        """Return where a matter stands, ``held`` for this transaction; ``UnknownMatter`` where there is none."""
        query = select(MATTER).where(MATTER.c.kind == self.workflow.kind, MATTER.c.id == id_)
        query = query.with_for_update() if held else query
        row = self._connection.execute(query).mappings().first() if id_.isprintable() else None
        if row is None:
            raise UnknownMatter(f"There is no {self.workflow.title} {id_}.")
        return self._made([row])[0]

    def events(self, id_: str) -> Sequence[Event]:
        """Return everything that was done, in order."""
        query = select(EVENT).where(EVENT.c.kind == self.workflow.kind, EVENT.c.matter == id_)
        rows = self._connection.execute(query.order_by(EVENT.c.position)).mappings()
        names = ("position", "act", "state", "actor", "organisation", "at", "facts")
        events = [Event(**{name: row[name] for name in names}) for row in rows]
        if self._keeping is None:
            return events
        return [replace(one, facts=self._keeping.told(id_, one.position, one.facts)) for one in events]

    def standing(
        self,
        state: str | None = None,
        after: str = "",
        limit: int = MOST_LISTED,
        *,
        party: str | None = None,
    ) -> Sequence[Matter]:
        """Return matters by id, of one state or of all, behind the id ``after``; of one organisation's, where ``party`` names it."""
        query = select(MATTER).where(MATTER.c.kind == self.workflow.kind, MATTER.c.id > after)
        if state is not None:
            query = query.where(MATTER.c.state == state)
        if party is not None:
            query = query.where(or_(*(MATTER.c.parties[side.value].astext == party for side in Side)))
        return self._made(self._connection.execute(query.order_by(MATTER.c.id).limit(limit)).mappings().all())

    def overdue(self) -> Sequence[Matter]:
        """Return the matters whose duty is late, the latest first."""
        query = select(MATTER).where(MATTER.c.kind == self.workflow.kind, MATTER.c.due_at <= self.clock())
        return self._made(self._connection.execute(query.order_by(MATTER.c.due_at)).mappings().all())

    def due_within(self, first: datetime, last: datetime) -> Sequence[Matter]:
        """Return the matters that become late behind one moment and not behind another, the first to be late first."""
        query = select(MATTER).where(
            MATTER.c.kind == self.workflow.kind, MATTER.c.due_at > first, MATTER.c.due_at <= last
        )
        return self._made(self._connection.execute(query.order_by(MATTER.c.due_at)).mappings().all())

    def _made(self, rows: Sequence[Mapping[Any, Any]]) -> list[Matter]:
        keys = [(self.workflow.kind, row["id"]) for row in rows]
        done: dict[str, dict[str, frozenset[str]]] = {}
        query = select(EVENT.c.matter, EVENT.c.act, EVENT.c.actor)
        for matter, act, actor in self._connection.execute(
            query.where(tuple_(EVENT.c.kind, EVENT.c.matter).in_(keys))
        ):
            acts = done.setdefault(matter, {})
            acts[act] = acts.get(act, frozenset()) | {actor}
        return [
            Matter(
                row["id"],
                row["state"],
                {Side(side): party for side, party in row["parties"].items()},
                done[row["id"]],
                row["position"],
                row["duty"],
                row["due_at"],
            )
            for row in rows
        ]

    def _kept(self, matter: Matter, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        return facts if self._keeping is None else self._keeping.kept(matter.id, matter.position, facts)

    def _tell(self, actor: Actor, act: str, after: Matter, facts: Mapping[str, Any]) -> None:
        digest = sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()
        told = {"state": after.state, "position": after.position, "facts_sha256": digest}
        target = f"{self.workflow.kind}.{act}"
        self._record(self._connection, actor=actor.id, action=target, target=after.id, facts=told)

    def _add_event(self, actor: Actor, act: str, after: Matter, facts: Mapping[str, Any]) -> None:
        self._connection.execute(
            insert(EVENT).values(
                kind=self.workflow.kind,
                matter=after.id,
                position=after.position,
                act=act,
                state=after.state,
                actor=actor.id,
                organisation=actor.organisation,
                at=self.clock(),
                facts=dict(facts),
            )
        )


def _standing(matter: Matter) -> dict[str, Any]:
    return {
        "state": matter.state,
        "position": matter.position,
        "duty": matter.duty,
        "due_at": matter.due_at,
        "parties": dict(matter.parties),
    }
