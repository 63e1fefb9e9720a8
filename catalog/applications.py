"""Applications on their way to agreements: what is stated, where it stands, and what each act brings about.

An act, its event, its ledger entries and the agreement that it makes or changes are one transaction, which the caller commits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from catalog.actor import HUB, Actor
from catalog.agreement import Agreement
from catalog.agreement_file import terms_from
from catalog.agreement_lives import AgreementLives, Scope
from catalog.application import Application, application_told
from catalog.application_contents import ApplicationContents
from catalog.application_workflow import APPLICATION, DUTIES, EXTENSION
from catalog.completeness import ELEMENTS, Standing, check_complete, check_offered, faults_of
from catalog.matters import MOST_LISTED, Due, Event, Matters
from catalog.offer import Offering, offer_of
from catalog.recorded import Recorder
from catalog.said import check_said
from catalog.standing import standing_of
from catalog.workflow import Matter, Side
from infra.clock import Clock, now
from schemas.errors import ConfigurationError, NotSaid
from schemas.faults import Fault
from schemas.resource import Sharing
from schemas.working_days import Calendar


@dataclass(frozen=True)
class Applied:
    """An application: where it stands, and what it states now."""

    matter: Matter
    application: Application


class Applications:
    """The applications of a hub, on a connection whose transaction the caller commits."""

    def __init__(
        self,
        connection: Connection,
        record: Recorder,
        calendar: Calendar,
        clock: Clock = now,
        offering: Offering = offer_of,
    ) -> None:
        self._connection, self._record = connection, record
        self._calendar, self._clock, self._offering = calendar, clock, offering
        self._matters = Matters(connection, record, APPLICATION, clock)
        self._contents = ApplicationContents(connection, calendar.zone)
        self.agreements = AgreementLives(connection, record, calendar, clock)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which days are told."""
        return self._calendar.zone

    @property
    def matters(self) -> Matters:
        """Where each application stands."""
        return self._matters

    def draft(self, application: Application, actor: Actor) -> Applied:
        """Begin an application of the actor's organisation.

        Raises ``UnknownResource``, ``NotShared``, or ``NotYourPart`` where the actor is no user of shared data.
        """
        offer = self._offering(self._connection, application.resource)
        offer.check_shared()
        applicant = actor.organisation or ""
        parties = {Side.USER: applicant, Side.PROVIDER: offer.provider.code}
        APPLICATION.check_may_open(actor, parties)
        at = self._clock()
        id_ = self._contents.number(self._calendar.day(at).year)
        matter = self._matters.open(id_, parties, actor)
        self._contents.add(id_, matter.position, applicant, application, at)
        return Applied(matter, application)

    def faults(self, id_: str) -> tuple[Fault, ...]:
        """Return everything that an application lacks."""
        applied = self.applied(id_)
        return faults_of(applied.application, self._standing(applied.matter, applied.application))

    def do(self, id_: str, act: str, actor: Actor, said: Mapping[str, Any] | None = None) -> Matter:
        """Do an act of the table, with what is said to it, and whatever it brings about.

        ``edit`` and ``complete`` are told the ``elements`` anew, ``approve`` which items it goes ``without``, each with its reason.
        Raises what ``Matters.act`` and ``check_said`` do, and ``IncompleteApplication``.
        """
        held = self._matters.matter(id_, held=True)
        APPLICATION.check_may(actor, act, held)
        facts = dict(said or {})
        check_said(actor, facts)
        before = _BEFORE.get(act)
        if before is not None:
            facts = before(self, held, facts)
        after = self._act(held, act, actor, facts)
        behind = _BEHIND.get(act)
        return behind(self, after, facts) if behind is not None else after

    def applied(self, id_: str) -> Applied:
        """Return an application; ``UnknownMatter`` where there is none."""
        matter = self._matters.matter(id_)
        return Applied(matter, self._contents.latest([id_])[id_])

    def listed(
        self,
        state: str | None = None,
        party: str | None = None,
        after: str = "",
        limit: int = MOST_LISTED,
    ) -> Sequence[Applied]:
        """Return applications by number, of one state or all, of one organisation or all; ``ConfigurationError`` for no state."""
        if state is not None and state not in APPLICATION.states:
            raise ConfigurationError(
                "There is no such state of an application.",
                hint=f"States are: {', '.join(APPLICATION.states)}.",
            )
        found = self._matters.standing(state, after, limit, party=party)
        contents = self._contents.latest([matter.id for matter in found])
        return [Applied(matter, contents[matter.id]) for matter in found]

    def origin(self, agreement: str) -> Application:
        """Return what was stated of an agreement last; ``UnknownMatter`` where an operator added it."""
        return self._contents.origin(agreement)

    def events(self, id_: str) -> Sequence[Event]:
        """Return everything that was done, in order."""
        return self._matters.events(id_)

    def _act(self, held: Matter, act: str, actor: Actor, facts: Mapping[str, Any]) -> Matter:
        target = APPLICATION.check_may(actor, act, held).target
        due = self._extended(held) if act == "consent" else self._due(held, target)
        return self._matters.act(held.id, act, actor, facts, due, held=held)

    def _due(self, held: Matter, state: str | None) -> Due | None:
        """Return what is due in a state: a clock that runs for the same duty goes on (article 21)."""
        duty = DUTIES.get(state or "")
        if duty is None:
            return None
        if held.duty == duty.name and held.due_at is not None:
            return Due(duty.name, held.due_at)
        if duty.working_days == 0:
            return None
        return Due(duty.name, self._calendar.deadline(self._clock(), duty.working_days))

    def _extended(self, held: Matter) -> Due | None:
        if held.duty is None or held.due_at is None:
            return None
        return Due(held.duty, self._calendar.extended(held.due_at, EXTENSION))

    def _rewritten(self, held: Matter, facts: dict[str, Any]) -> dict[str, Any]:
        told = facts.pop("elements", None)
        if told is None:
            raise NotSaid("To write an application anew takes its elements.", hint="Nothing was done.")
        application = application_told(told, self._calendar.zone)
        if application.resource != self._content(held).resource:
            raise ConfigurationError(
                "An application stays one for the same resource.", hint="Draft another one for that."
            )
        self._contents.add(held.id, held.position + 1, held.parties[Side.USER], application, self._clock())
        return {**facts, "revision": held.position + 1}

    def _completed(self, held: Matter, facts: dict[str, Any]) -> dict[str, Any]:
        return self._complete(held, self._rewritten(held, facts))

    def _complete(self, held: Matter, facts: dict[str, Any]) -> dict[str, Any]:
        application = self._content(held)
        check_complete(held.id, application, self._standing(held, application))
        return facts

    def _named(self, _held: Matter, facts: dict[str, Any]) -> dict[str, Any]:
        """Check what is returned for completion: it names elements that an application has."""
        known = [one.name for one in ELEMENTS]
        if unknown := sorted(set(facts.get("missing") or ()) - set(known)):
            raise ConfigurationError(
                f"An application has no element {', '.join(unknown)}.",
                hint=f"Say what is missing by element: {', '.join(known)}.",
            )
        return facts

    def _reduced(self, held: Matter, facts: dict[str, Any]) -> dict[str, Any]:
        """Check what the provider leaves out: each item is one applied for and has its reason, and something is left."""
        application, without = self._content(held), facts.get("without") or {}
        if not all(why.strip() for why in without.values()):
            raise NotSaid("Each item that is left out takes its reason.", hint="Nothing was done.")
        if unknown := sorted(set(without) - set(application.items)):
            raise ConfigurationError(f"Not applied for, and so not left out: {', '.join(unknown)}.")
        if not set(application.items) - set(without):
            raise ConfigurationError(
                "Nothing would be left of the application.", hint="Refuse it, with the reason."
            )
        left = tuple(one for one in application.items if one not in without)
        self._check_offered(held, replace(application, items=left))
        return facts

    def _still_offered(self, held: Matter, facts: dict[str, Any]) -> dict[str, Any]:
        self._check_offered(held, self._content(held))
        return facts

    def _check_offered(self, held: Matter, application: Application) -> None:
        """Check that what is to be approved is shared now: the catalogue may have moved since it was applied for."""
        standing = self._standing(held, application)
        standing.offer.check_shared()
        check_offered(held.id, application, standing)

    def _routed(self, after: Matter, _facts: Mapping[str, Any]) -> Matter:
        """Pass what the applicant's head supports on to the provider, by share type (articles 21 and 24)."""
        application = self._content(after)
        sharing = self._offering(self._connection, application.resource).resource.sharing
        at_once = sharing is Sharing.UNCONDITIONAL or application.returns
        return self._act(
            after, "ask_reply" if at_once else "ask_examination", HUB, {"sharing": sharing.value}
        )

    def _agreed(self, after: Matter, facts: Mapping[str, Any]) -> Matter:
        """Make the agreement of exactly what was approved, or change the one that the application names."""
        application, without = self._content(after), facts.get("without") or {}
        items = tuple(item for item in application.items if item not in without)
        if application.changes is None:
            self.agreements.make(self._made(after, application, items), after.parties, after.id)
            return after
        act = "renew" if self._is_renewal(application, items) else "amend"
        self.agreements.change(application.changes, act, _scope(application, items), after.id)
        return self._act(after, "deliver", HUB, {"agreement": application.changes})

    def _is_renewal(self, application: Application, items: tuple[str, ...]) -> bool:
        """Tell whether nothing but the end of the agreement changes."""
        standing = self.agreements.agreement(application.changes or "")
        wanted = _scope(application, items).applied(standing)
        return Scope(valid_to=wanted.valid_to).applied(standing) == wanted

    def _made(self, after: Matter, application: Application, items: tuple[str, ...]) -> Agreement:
        at = self._clock()
        if application.valid_to is None or application.valid_to <= at:
            raise ConfigurationError(
                f"The time that application {after.id} is for is over.", hint="Have it withdrawn."
            )
        return Agreement(
            id=after.id,
            system=application.system,
            resource=application.resource,
            items=items,
            masked=application.masked & frozenset(items),
            purposes=application.purposes,
            legal_bases=application.legal_bases,
            valid_from=at,
            valid_to=application.valid_to,
            max_keys=application.keys_per_call,
            **terms_from(application.terms),
        )

    def _delivered(self, after: Matter, _facts: Mapping[str, Any]) -> Matter:
        self.agreements.do(after.id, "begin", HUB, {"application": after.id})
        return after

    def _withdrawn(self, after: Matter, _facts: Mapping[str, Any]) -> Matter:
        if "approve" in after.done or "grant" in after.done:
            self.agreements.do(after.id, "cancel", HUB, {"application": after.id})
        return after

    def _content(self, matter: Matter) -> Application:
        return self._contents.latest([matter.id])[matter.id]

    def _standing(self, matter: Matter, application: Application) -> Standing:
        offer = self._offering(self._connection, application.resource)
        return standing_of(self._connection, self._record, offer, matter, application, self._clock())


def _scope(application: Application, items: tuple[str, ...]) -> Scope:
    return Scope(
        items,
        application.purposes,
        application.legal_bases,
        application.masked,
        application.valid_to,
        application.keys_per_call,
        application.terms,
    )


_BEFORE = {
    "edit": Applications._rewritten,
    "submit": Applications._complete,
    "complete": Applications._completed,
    "support": Applications._complete,
    "return": Applications._named,
    "approve": Applications._reduced,
    "grant": Applications._still_offered,
}
"""What is checked and stored before an act; it returns what the event says."""

_BEHIND = {
    "support": Applications._routed,
    "approve": Applications._agreed,
    "grant": Applications._agreed,
    "deliver": Applications._delivered,
    "withdraw": Applications._withdrawn,
}
"""What an act brings about in the same transaction."""
