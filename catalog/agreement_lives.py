"""Agreements on their way through their life: a change of state and of the agreement's row are one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from catalog.actor import HUB, Actor
from catalog.agreement import ALL_ROWS, RECORDS, Agreement
from catalog.agreement_file import terms_from
from catalog.agreement_workflow import AGREEMENT_LIFE, LIFE_DUTIES, STATUS
from catalog.authentication import Authentication
from catalog.claims import USUAL_CLAIMS
from catalog.matters import Due, Event, Matters
from catalog.narrowing import is_narrower
from catalog.question_register import check_questions
from catalog.recorded import Recorded, Recorder
from catalog.repository import Catalogue, agreement_of
from catalog.said import check_said
from catalog.tables import AGREEMENT
from catalog.workflow import Matter, Side
from infra.clock import Clock, now
from schemas.errors import ConfigurationError, NotRegistered, UnknownMatter, WiderScope
from schemas.resource import resource_named
from schemas.working_days import Calendar

LONGEST_DISPOSAL = 60
"""Working days that a provider may give for a disposal."""

_UNBOUND: Mapping[str, Any] = {
    "rows": ALL_ROWS,
    "hours": (),
    "quota_per_day": None,
    "rate": None,
    "answer": RECORDS,
    "claims": USUAL_CLAIMS,
    "authentication": Authentication.BEARER,
}


@dataclass(frozen=True)
class Scope:
    """What an agreement is to cover from now on; None leaves it as it is.

    ``terms`` are all that hold beyond; ``changed_terms`` only those that change, None for one that binds no more.
    """

    items: tuple[str, ...] | None = None
    purposes: frozenset[str] | None = None
    legal_bases: frozenset[str] | None = None
    masked: frozenset[str] | None = None
    valid_to: datetime | None = None
    max_keys: int | None = None
    terms: Mapping[str, Any] | None = None
    changed_terms: Mapping[str, Any] | None = None

    def applied(self, agreement: Agreement) -> Agreement:
        """Return the agreement with this scope; what it covers no longer is not masked either."""
        told = {name: value for name, value in vars(self).items() if value is not None}
        items = frozenset(told.get("items", agreement.items))
        masked = frozenset(told.pop("masked", agreement.masked)) & items
        wanted = {**told.pop("terms", agreement.terms), **told.pop("changed_terms", {})}
        terms = {**_UNBOUND, **terms_from(wanted)}
        return replace(agreement, masked=masked, **terms, **told)


class AgreementLives(Recorded):
    """The lives of agreements that applications brought; the caller commits."""

    def __init__(
        self, connection: Connection, record: Recorder, calendar: Calendar, clock: Clock = now
    ) -> None:
        super().__init__(connection, record)
        self._calendar, self._clock = calendar, clock
        self._matters = Matters(connection, record, AGREEMENT_LIFE, clock)

    @property
    def matters(self) -> Matters:
        """Where each agreement stands."""
        return self._matters

    def matter(self, id_: str, *, held: bool = False) -> Matter:
        """Return where an agreement stands; ``UnknownMatter`` where there is none, or an operator added it."""
        try:
            return self._matters.matter(id_, held=held)
        except UnknownMatter:
            if self._row(id_) is None:
                raise
            raise UnknownMatter(
                f"Agreement {id_} came from no application, and so goes no such way.",
                hint="An operator looks after it: hub agreement suspend, resume or end, without --as.",
                matter=id_,
            ) from None

    def make(self, agreement: Agreement, parties: Mapping[Side, str], application: str) -> None:
        """Put an agreement in the catalogue, as it was approved; it waits for its delivery."""
        waiting = replace(agreement, status=STATUS[AGREEMENT_LIFE.initial])
        Catalogue(self._connection, self._record).add_agreement(waiting, actor=HUB.id)
        self._matters.open(agreement.id, parties, HUB, {"application": application})

    def change(self, id_: str, act: str, scope: Scope, application: str) -> None:
        """Renew or amend an agreement by an approved application."""
        changed = scope.applied(self.agreement(id_, held=True))
        resource = resource_named(changed.resource)
        changed.check_against(resource)
        check_questions(self._connection, changed, resource)
        self._done(id_, act, HUB, {"application": application}, changed)

    def do(
        self, id_: str, act: str, actor: Actor, said: Mapping[str, Any], scope: Scope | None = None
    ) -> Matter:
        """Do an act of the table, with what is said to it; ``scope`` is what narrowing or a proposed change leads to.

        Raises what ``Matters.act`` and ``check_said`` do, and ``WiderScope`` where more would be covered than before.
        """
        check_said(actor, said)
        agreement = self.agreement(id_, held=True)
        if act in ("narrow", "propose_change"):
            narrower = self._narrower(agreement, scope or Scope())
            facts = {**said, "to": _told(narrower)}
            return self._done(id_, act, actor, facts, narrower if act == "narrow" else None)
        if act == "accept_change":
            return self._filed(self._done(id_, act, actor, said, self._proposed(agreement)))
        if act == "accept_stop":
            return self._filed(self._done(id_, act, actor, said))
        return self._done(id_, act, actor, said, due=self._demanded(act, said))

    def agreement(self, id_: str, *, held: bool = False) -> Agreement:
        """Return an agreement, ``held`` for this transaction; ``NotRegistered`` where there is none."""
        row = self._row(id_, held=held)
        if row is None:
            raise NotRegistered(f"There is no agreement {id_}.", hint="Run: hub agreement list")
        return agreement_of(row)

    def _row(self, id_: str, *, held: bool = False) -> Mapping[Any, Any] | None:
        query = select(AGREEMENT).where(AGREEMENT.c.id == id_)
        query = query.with_for_update() if held else query
        return self._connection.execute(query).mappings().first() if id_.isprintable() else None

    def _narrower(self, agreement: Agreement, scope: Scope) -> Agreement:
        changed = scope.applied(agreement)
        if not is_narrower(changed, agreement):
            raise WiderScope(
                f"Agreement {agreement.id} would cover more than it does.",
                hint="A wider scope, another purpose or a later end takes an application that is approved anew.",
                agreement=agreement.id,
            )
        changed.check_against(resource_named(changed.resource))
        if changed == agreement:
            raise ConfigurationError(f"Nothing of agreement {agreement.id} would change.")
        return changed

    def _proposed(self, agreement: Agreement) -> Agreement | None:
        proposals = [one for one in self._matters.events(agreement.id) if one.act == "propose_change"]
        return _read(proposals[-1], agreement) if proposals else None

    def _filed(self, matter: Matter) -> Matter:
        return self._matters.act(matter.id, "file", HUB)

    def _demanded(self, act: str, said: Mapping[str, Any]) -> Due | None:
        if act != "demand_disposal" or said.get("within") is None:
            return None
        days = said["within"]
        if type(days) is not int or not 1 <= days <= LONGEST_DISPOSAL:
            raise ConfigurationError(f"A disposal takes 1 to {LONGEST_DISPOSAL} working days.")
        return Due(LIFE_DUTIES["to_dispose"].name, self._calendar.deadline(self._clock(), days))

    def _done(
        self,
        id_: str,
        act: str,
        actor: Actor,
        said: Mapping[str, Any],
        changed: Agreement | None = None,
        due: Due | None = None,
    ) -> Matter:
        held = self.matter(id_, held=True)
        target = AGREEMENT_LIFE.check_may(actor, act, held).target
        after = self._matters.act(id_, act, actor, said, due or self._due(target), held=held)
        values = _told(changed) if changed else {}
        if STATUS[after.state] is not STATUS[held.state]:
            values["status"] = STATUS[after.state].value
        if values:
            end = {} if changed is None else {"valid_to": changed.valid_to}
            self._set(AGREEMENT, id_, values | end, actor.id, act, values)
        return after

    def _due(self, state: str | None) -> Due | None:
        duty = LIFE_DUTIES.get(state or "")
        return Due(duty.name, self._calendar.deadline(self._clock(), duty.working_days)) if duty else None


def _told(agreement: Agreement) -> dict[str, Any]:
    return {
        "items": list(agreement.items),
        "masked": sorted(agreement.masked),
        "purposes": sorted(agreement.purposes),
        "legal_bases": sorted(agreement.legal_bases),
        "valid_to": agreement.valid_to.isoformat(),
        "max_keys": agreement.max_keys,
        "terms": agreement.terms,
    }


def _read(proposal: Event, agreement: Agreement) -> Agreement:
    told = proposal.facts["to"]
    return Scope(
        tuple(told["items"]),
        frozenset(told["purposes"]),
        frozenset(told["legal_bases"]),
        frozenset(told["masked"]),
        datetime.fromisoformat(told["valid_to"]),
        told["max_keys"],
        told["terms"],
    ).applied(agreement)
