"""Objections as they are kept: each a matter on its way, with its content, and what it puts in doubt until it is closed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from catalog.actor import Actor
from catalog.matters import MOST_LISTED, Due, Matters
from catalog.objection import Claim, Objection, ObjectionKind, Outcome
from catalog.objection_tables import DOUBT, OBJECTION_CONTENT, OBJECTION_NUMBER
from catalog.objection_workflow import DUTIES, OBJECTION, OPEN
from catalog.recorded import Recorder
from catalog.sealed_reasons import SealedReasons
from catalog.tables import MATTER
from catalog.workflow import Matter, Side
from infra.clock import Clock, now
from infra.keyring import Keyring
from infra.sealing import Sealer
from schemas.errors import AlreadyDoubted
from schemas.working_days import Calendar

_OUTCOMES: Mapping[str, Outcome | None] = {
    "answer": Outcome.KEPT, "amend": Outcome.AMENDED, "close": Outcome.CORRECTED, "dispute": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """An objection in a list; ``due_at`` is the first moment at which its duty is late."""

    objection: Objection
    state: str
    parties: Mapping[str, str]
    opened_at: datetime
    duty: str | None
    due_at: datetime | None


class Objections:
    """Opens and moves objections on a connection whose transaction the caller commits."""

    def __init__(
        self, connection: Connection, record: Recorder, keyring: Keyring, calendar: Calendar, clock: Clock = now
    ) -> None:  # fmt: skip
        self._connection, self._calendar, self._clock = connection, calendar, clock
        self.matters = Matters(connection, record, OBJECTION, clock, SealedReasons(keyring))
        self._sealer = Sealer(keyring, "objection")

    def next_id(self) -> str:
        """Return the number of a new objection: its day and a running number."""
        number = self._connection.execute(select(OBJECTION_NUMBER.next_value())).scalar_one()
        return f"OB{self._calendar.day(self._clock()):%Y%m%d}{number:06d}"

    def open(
        self, objection: Objection, claim: Claim, parties: Mapping[Side, str], actor: Actor
    ) -> Matter:  # fmt: skip
        """Begin an objection; ``AlreadyDoubted`` where the user's organisation doubts one of its items already."""
        facts = {"kind": objection.kind, "resource": objection.resource, "items": list(objection.items)}
        matter = self.matters.open(objection.id, parties, actor, facts, self._due("raise"))
        told = {one.name: getattr(objection, one.name) for one in fields(objection)}
        sealed = self._sealed(objection.id, claim)
        self._connection.execute(
            insert(OBJECTION_CONTENT).values(**told | {"items": list(objection.items), "sealed": sealed})
        )
        for item in objection.doubted:
            self._doubt(objection, item, parties[Side.USER])
        return matter

    def act(
        self,
        id_: str,
        act: str,
        actor: Actor,
        facts: Mapping[str, Any] | None = None,
        parties: Mapping[Side, str] | None = None,
        **changes: Any,
    ) -> Matter:
        """Do what the table allows, changing the content so; what is open or closed by it opens or closes its doubts."""
        held = self.matters.matter(id_, held=True)
        due = self._due(act, held)
        after = self.matters.act(id_, act, actor, facts, due, parties, held=held)
        if act in _OUTCOMES:
            changes["outcome"] = _OUTCOMES[act]
        if changes:
            here = OBJECTION_CONTENT.c.id == id_
            self._connection.execute(update(OBJECTION_CONTENT).where(here).values(**changes))
        if (after.state in OPEN) != (held.state in OPEN):
            self._set_open(id_, after.state in OPEN)
        return after

    def objection(self, id_: str) -> Objection:
        """Return an objection's content; ``UnknownMatter`` where there is none."""
        self.matters.matter(id_)
        query = select(OBJECTION_CONTENT).where(OBJECTION_CONTENT.c.id == id_)
        return objection_of(self._connection.execute(query).mappings().one())

    def claim(self, id_: str) -> Claim:
        """Open what was said. Whoever calls sees to it that this is on the ledger."""
        query = select(OBJECTION_CONTENT.c.sealed).where(OBJECTION_CONTENT.c.id == id_)
        sealed = self._connection.execute(query).scalar_one()
        told = orjson.loads(self._sealer.open([bytes(sealed)], [id_.encode()], [0])[0])
        return Claim(told["key"], told["says"], told["proof"])

    def listed(
        self,
        *,
        organisation: str | None = None,
        states: Collection[str] = (),
        due_before: datetime | None = None,
        after: str = "",
        limit: int = MOST_LISTED,
    ) -> Sequence[Standing]:
        """Return objections by id, behind the id ``after``: of an organisation (as user or provider), in states, due by then."""
        joined = and_(MATTER.c.kind == OBJECTION.kind, MATTER.c.id == OBJECTION_CONTENT.c.id)
        query = select(OBJECTION_CONTENT, MATTER).join(MATTER, joined).where(MATTER.c.id > after)
        if organisation is not None:
            sides = (
                MATTER.c.parties[side.value].astext == organisation for side in (Side.USER, Side.PROVIDER)
            )
            query = query.where(or_(*sides))
        if states:
            query = query.where(MATTER.c.state.in_(list(states)))
        if due_before is not None:
            query = query.where(MATTER.c.due_at <= due_before)
        rows = self._connection.execute(query.order_by(MATTER.c.id).limit(limit)).mappings()
        return [_standing(row) for row in rows]

    def _due(self, act: str, held: Matter | None = None) -> Due | None:
        """Return what an act makes due; accepting goes on with the clock that runs."""
        if act in DUTIES:
            duty, days = DUTIES[act]
            return Due(duty, self._calendar.deadline(self._clock(), days))
        if act == "accept" and held is not None and held.duty is not None and held.due_at is not None:
            return Due(held.duty, held.due_at)
        return None

    def _sealed(self, id_: str, claim: Claim) -> bytes:
        told = {"key": claim.key, "says": claim.says, "proof": claim.proof}
        return self._sealer.seal([orjson.dumps(told)], [id_.encode()], [0])[0]

    def _doubt(self, objection: Objection, item: str, organisation: str) -> None:
        values = {
            "objection": objection.id, "item": item, "resource": objection.resource, "organisation": organisation,
            "subject": objection.subject, "since": self._clock(), "is_open": True, "is_recalled": False,
        }  # fmt: skip
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(DOUBT).values(**values))
        except IntegrityError:
            raise self._already(objection, item, organisation) from None

    def _already(self, objection: Objection, item: str, organisation: str) -> AlreadyDoubted:
        query = select(DOUBT.c.objection).where(
            DOUBT.c.resource == objection.resource, DOUBT.c.subject == objection.subject, DOUBT.c.item == item,
            DOUBT.c.organisation == organisation, DOUBT.c.is_open,
        )  # fmt: skip
        held = self._connection.execute(query).scalar()
        return AlreadyDoubted(
            f"Your organisation's objection {held} doubts {item or 'that record'} already.",
            hint="Its answer holds for all your systems.",
            matter=held,
        )

    def _set_open(self, id_: str, is_open: bool) -> None:
        here = (DOUBT.c.objection == id_) & DOUBT.c.corrected_version.is_(None)
        try:
            with self._connection.begin_nested():
                self._connection.execute(update(DOUBT).where(here).values(is_open=is_open))
        except IntegrityError:
            raise AlreadyDoubted(
                f"Another objection of your organisation doubts what {id_} did.", hint="Go on with that one.",
                matter=id_,
            ) from None  # fmt: skip


def objection_of(row: Mapping[Any, Any]) -> Objection:
    """Make an objection from its row."""
    told = {one.name: row[one.name] for one in fields(Objection)}
    told |= {"kind": ObjectionKind(row["kind"]), "items": tuple(row["items"])}
    told["outcome"] = row["outcome"] and Outcome(row["outcome"])
    return Objection(**told)


def _standing(row: Mapping[Any, Any]) -> Standing:
    return Standing(
        objection_of(row), row["state"], row["parties"], row["opened_at"], row["duty"], row["due_at"]
    )
