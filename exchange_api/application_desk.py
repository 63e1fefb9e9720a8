"""Applications and the agreements that they brought, for people who are signed in; whose act is whose is the tables' to say."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from catalog.actor import Actor
from catalog.agreement_file import agreement_as_dict
from catalog.agreement_lives import Scope
from catalog.agreement_workflow import AGREEMENT_LIFE
from catalog.application import application_told, end_of
from catalog.application_workflow import APPLICATION
from catalog.applications import Applications, Applied
from catalog.matters import Event
from catalog.person import Role
from catalog.workflow import Matter, check_is_side
from exchange_api.bodies import as_asked, named
from exchange_api.calls import body_of, parameters_of
from exchange_api.door import Attempt
from exchange_api.transactions import Transaction, Transactions
from infra.clock import Clock
from schemas.errors import MalformedRequest
from schemas.working_days import Calendar

MOST_LISTED = 1_000
Made = TypeVar("Made")
_LISTING = ("state", "after", "limit")
_SCOPE = ("items", "purposes", "legal_bases", "masked", "valid_to", "max_keys", "terms")


class ApplicationDesk:
    """The readings of ``/v1/applications`` and of the lives of agreements; each takes an attempt of a person."""

    def __init__(self, transactions: Transactions, calendar: Calendar, clock: Clock) -> None:
        self._transactions, self._calendar, self._clock = transactions, calendar, clock

    async def draft(self, attempt: Attempt) -> dict[str, Any]:
        """Begin an application of the person's organisation; the answer tells everything that it lacks yet."""
        body = await body_of(attempt.request)
        with as_asked():
            application = application_told(body, self._calendar.zone)
        attempt.resource = application.resource

        def work(now: Transaction) -> dict[str, Any]:
            applications = self._applications(now)
            matter = applications.draft(application, now.actor).matter
            return standing(matter) | {"faults": [one.as_dict() for one in applications.faults(matter.id)]}

        return await self._committed(attempt, work)

    async def applications(self, attempt: Attempt) -> dict[str, Any]:
        """List the applications of the person's organisation, on either side, by number; the authority's are all."""
        told = parameters_of(attempt.request.scope["query_string"])
        if told.keys() - set(_LISTING):
            raise MalformedRequest(
                "There is a query parameter that is not known.", hint=f"Known are: {', '.join(_LISTING)}."
            )
        if not all(text.isprintable() for text in told.values()):
            raise MalformedRequest("A query parameter holds control characters.")
        limit, state, after = _limit(told.get("limit", "100")), told.get("state"), told.get("after", "")

        def work(now: Transaction) -> list[dict[str, Any]]:
            party = None if Role.CATALOGUE_AUTHORITY in now.actor.roles else now.actor.organisation
            found = self._applications(now).listed(state, party, after, limit + 1)
            return [standing(one.matter) | {"resource": one.application.resource} for one in found]

        found = await self._committed(attempt, work)
        attempt.records = len(found[:limit])
        return {
            "applications": found[:limit],
            "next": found[limit - 1]["id"] if len(found) > limit else None,
        }

    async def application(self, attempt: Attempt) -> dict[str, Any]:
        """Tell one of its sides what an application states, where it stands, what it lacks, and what they may do with it now."""

        def work(now: Transaction) -> dict[str, Any]:
            applications = self._applications(now)
            found = _of_side(applications.applied(_id(attempt)), now.actor)
            may = list(APPLICATION.possible(now.actor, found.matter))
            faults = [one.as_dict() for one in applications.faults(found.matter.id)]
            return standing(found.matter) | {
                "elements": found.application.told(),
                "faults": faults,
                "possible": may,
            }

        return await self._committed(attempt, work)

    async def events(self, attempt: Attempt) -> dict[str, Any]:
        """Tell one of its sides everything that was done with an application."""

        def work(now: Transaction) -> list[dict[str, Any]]:
            applications = self._applications(now)
            _of_side(applications.applied(_id(attempt)), now.actor)
            return [_event(one) for one in applications.events(_id(attempt))]

        return {"events": await self._committed(attempt, work)}

    async def act(self, attempt: Attempt) -> dict[str, Any]:
        """Do with an application what the table allows the person."""
        said = await _said(attempt)

        def work(now: Transaction) -> dict[str, Any]:
            return standing(self._applications(now).do(_id(attempt), _act(attempt), now.actor, said))

        return await self._committed(attempt, work)

    async def agreement(self, attempt: Attempt) -> dict[str, Any]:
        """Tell one of its sides an agreement, where it stands, everything that was done with it, and what they may do now."""

        def work(now: Transaction) -> dict[str, Any]:
            lives = self._applications(now).agreements
            matter = lives.matter(_id(attempt))
            check_is_side(now.actor, matter)
            events = [_event(one) for one in lives.matters.events(matter.id)]
            told = {"terms": agreement_as_dict(lives.agreement(matter.id)), "events": events}
            return standing(matter) | told | {"possible": list(AGREEMENT_LIFE.possible(now.actor, matter))}

        return await self._committed(attempt, work)

    async def act_on_agreement(self, attempt: Attempt) -> dict[str, Any]:
        """Do with an agreement what the table allows the person; ``scope`` is what narrowing or a proposal leads to."""
        said = dict(await _said(attempt))
        scope = self._scope(said.pop("scope", None))

        def work(now: Transaction) -> dict[str, Any]:
            lives = self._applications(now).agreements
            return standing(lives.do(_id(attempt), _act(attempt), now.actor, said, scope))

        return await self._committed(attempt, work)

    async def _committed(self, attempt: Attempt, work: Callable[[Transaction], Made]) -> Made:
        with as_asked():
            return await self._transactions.committed(attempt, work)

    def _applications(self, now: Transaction) -> Applications:
        return Applications(now.connection, now.record, self._calendar, self._clock)

    def _scope(self, told: Any) -> Scope | None:
        if told is None:
            return None
        if not isinstance(told, dict) or told.keys() - set(_SCOPE):
            raise MalformedRequest("Field scope is no scope.", hint=f"It may have: {', '.join(_SCOPE)}.")
        lists = {name: _texts(told, name) for name in _SCOPE[:4] if name in told}
        items = lists.pop("items", None)
        with as_asked():
            end = end_of(told["valid_to"], self._calendar.zone) if "valid_to" in told else None
        most = told.get("max_keys")
        if most is not None and type(most) is not int:
            raise MalformedRequest("Field max_keys must be a whole number.")
        terms = told.get("terms")
        if terms is not None and not isinstance(terms, dict):
            raise MalformedRequest(
                "Field terms of scope must be an object.", hint="Of each term what it becomes; null lifts it."
            )
        sets = {name: frozenset(found) for name, found in lists.items()}
        return Scope(
            items=items,
            purposes=sets.get("purposes"),
            legal_bases=sets.get("legal_bases"),
            masked=sets.get("masked"),
            valid_to=end,
            max_keys=most,
            changed_terms=terms,
        )


def standing(matter: Matter) -> dict[str, Any]:
    """Describe where an application or an agreement stands."""
    parties = {side.value: party for side, party in matter.parties.items()}
    due = matter.due_at.isoformat() if matter.due_at else None
    return {"id": matter.id, "state": matter.state, **parties, "duty": matter.duty, "due_at": due}


def _event(event: Event) -> dict[str, Any]:
    names = ("position", "act", "state", "actor", "organisation", "facts")
    return {name: getattr(event, name) for name in names} | {"at": event.at.isoformat()}


def _of_side(applied: Applied, actor: Actor) -> Applied:
    check_is_side(actor, applied.matter)
    return applied


def _id(attempt: Attempt) -> str:
    return named(attempt.request, "id")


def _act(attempt: Attempt) -> str:
    return named(attempt.request, "act").replace("-", "_")


async def _said(attempt: Attempt) -> Mapping[str, Any]:
    has_body = attempt.headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in attempt.headers
    return await body_of(attempt.request) if has_body else {}


def _texts(told: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = told[name]
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise MalformedRequest(f"Field {name} of scope must be a list of strings.")
    return tuple(found)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) <= MOST_LISTED):
        raise MalformedRequest(f"Parameter limit is not between 1 and {MOST_LISTED}.")
    return int(text)
