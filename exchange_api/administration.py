"""Administration behind the door: organisations, people, systems and their keys, by the functions that the commands use.

Who may do which is told with the routes. Nobody changes their own roles, status or account here. What is answered may name officers to
who administers them; it goes into no log.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from catalog.organisation import Office, Organisation
from catalog.passwords import new_password
from catalog.people import People
from catalog.person import Person, PersonStatus, roles_named
from catalog.repository import Catalogue
from catalog.system import System, SystemStatus
from catalog.system_key import read_keys
from exchange_api.bodies import Fields, named, valid
from exchange_api.calls import parameters_of
from exchange_api.contact_desk import ContactDesk
from exchange_api.door import Attempt
from exchange_api.paging import page_of
from exchange_api.transactions import Transaction, Transactions
from hub.local_accounts import LocalAccounts
from hub.parties import organisation_told, person_told, system_told
from schemas.errors import MalformedRequest, OwnWork

Answer = dict[str, Any]
Made = TypeVar("Made")
Status = TypeVar("Status", PersonStatus, SystemStatus)


class Administration:
    """The readings of ``/v1/organisations``, ``/v1/people`` and ``/v1/systems``."""

    def __init__(self, transactions: Transactions, local: LocalAccounts, division: str) -> None:
        self._transactions, self._local, self._division = transactions, local, division
        self.contacts = ContactDesk(transactions)

    # ── organisations ────────────────────────────────────────────────────────────────────────────────

    async def organisations(self, attempt: Attempt) -> Answer:
        """List organisations by code."""
        page = page_of(attempt)
        rows = await self._catalogue(attempt, lambda c: c.organisations(page.after, page.fetched))
        return page.told(attempt, "organisations", rows, lambda row: row.code, organisation_told)

    async def organisation(self, attempt: Attempt) -> Answer:
        """Describe one organisation with its offices."""
        code = named(attempt.request, "code")

        def _read(work: Transaction) -> Answer:
            found = Catalogue(work.connection, work.record).organisation(code)
            return organisation_told(found, People(work.connection, work.record).offices(code))

        return await self._transactions.committed(attempt, _read)

    async def add_organisation(self, attempt: Attempt) -> Answer:
        """Register an organisation; without a division it serves its parent's, or the hub's."""
        given = await Fields.of(attempt.request, "code", "name", "division", "parent")
        code, name = given.text("code"), given.text("name")
        parent, division = given.text_or_none("parent"), given.text_or_none("division")

        def _add(catalogue: Catalogue) -> Organisation:
            serves = division or (catalogue.organisation(parent).division if parent else self._division)
            added = valid(lambda: Organisation(code, name, serves, parent))
            catalogue.add_organisation(added, actor=attempt.actor.id)
            return added

        return organisation_told(await self._catalogue(attempt, _add))

    async def change_organisation(self, attempt: Attempt) -> Answer:
        """Call an organisation otherwise, or put it under another one; ``parent`` null puts it at the top."""
        given, code = await Fields.of(attempt.request, "name", "parent"), named(attempt.request, "code")
        parent = given.text_or_none("parent")
        name = given.text("name") if "name" in given else None

        def _change(catalogue: Catalogue) -> Organisation:
            if name is not None:
                valid(lambda: catalogue.rename_organisation(code, name, actor=attempt.actor.id))
            if "parent" in given:
                catalogue.move_organisation(code, parent, actor=attempt.actor.id)
            return catalogue.organisation(code)

        return organisation_told(await self._catalogue(attempt, _change))

    async def add_office(self, attempt: Attempt) -> Answer:
        """Register an office of an organisation."""
        given = await Fields.of(attempt.request, "code", "name")
        office = valid(lambda: Office(named(attempt.request, "code"), given.text("code"), given.text("name")))
        await self._people(attempt, lambda people: people.add_office(office, actor=attempt.actor.id))
        return {"organisation": office.organisation, "code": office.code, "name": office.name}

    # ── people ───────────────────────────────────────────────────────────────────────────────────────

    async def people(self, attempt: Attempt) -> Answer:
        """List people by id."""
        page = page_of(attempt)
        rows = await self._people(attempt, lambda people: people.people(page.after, page.fetched))
        return page.told(attempt, "people", rows, lambda row: row.id, person_told)

    async def person(self, attempt: Attempt) -> Answer:
        """Describe one person."""
        person = named(attempt.request, "id")
        return person_told(await self._people(attempt, lambda people: people.person(person)))

    async def add_person(self, attempt: Attempt) -> Answer:
        """Register a person."""
        given = await Fields.of(attempt.request, "id", "name", "organisation", "office", "roles")
        id_, name, organisation = (given.text(field) for field in ("id", "name", "organisation"))
        roles, office = given.texts("roles"), given.text_or_none("office")
        added = valid(lambda: Person(id_, name, organisation, roles_named(roles), office))
        await self._people(attempt, lambda people: people.add_person(added, actor=attempt.actor.id))
        return person_told(added)

    async def change_person(self, attempt: Attempt) -> Answer:
        """Give a person other roles, suspend them or let them act again."""
        given, person = await Fields.of(attempt.request, "roles", "status"), _other(attempt)
        roles = valid(lambda: roles_named(given.texts("roles"))) if "roles" in given else None
        status = _status(PersonStatus, given.text("status")) if "status" in given else None

        def _change(people: People) -> Person:
            if roles is not None:
                valid(lambda: people.set_roles(person, roles, actor=attempt.actor.id))
            if status is not None:
                people.set_person_status(person, status, actor=attempt.actor.id)
            return people.person(person)

        return person_told(await self._people(attempt, _change))

    async def give_password(self, attempt: Attempt) -> Answer:
        """Give a person a password that is good for choosing one; it is told this once."""
        person = _other(attempt)

        def _give(work: Transaction) -> Answer:
            accounts = self._local.accounts(work.connection, work.record)
            given = accounts.give_password(person, new_password(), actor=work.actor.id)
            return {"person": person, "password": given.password, "until": given.until}

        return await self._transactions.committed(attempt, _give)

    async def unlock(self, attempt: Attempt) -> Answer:
        """Let a person sign in again who has failed too often."""
        person = _other(attempt)

        def _unlock(work: Transaction) -> None:
            self._local.accounts(work.connection, work.record).unlock(person, actor=work.actor.id)

        await self._transactions.committed(attempt, _unlock)
        return {"person": person, "locked": False}

    async def reset_totp(self, attempt: Attempt) -> Answer:
        """Take the second factor away from who has lost it."""
        person = _other(attempt)

        def _reset(work: Transaction) -> None:
            self._local.factors(work.connection, work.record).reset(person, actor=work.actor.id)

        await self._transactions.committed(attempt, _reset)
        return {"person": person, "second_factor": False}

    # ── systems ──────────────────────────────────────────────────────────────────────────────────────

    async def systems(self, attempt: Attempt) -> Answer:
        """List systems by id."""
        page = page_of(attempt)
        rows = await self._catalogue(attempt, lambda c: c.systems(page.after, page.fetched))
        return page.told(attempt, "systems", rows, lambda row: row.id, system_told)

    async def system(self, attempt: Attempt) -> Answer:
        """Describe one system with its keys."""
        id_ = named(attempt.request, "id")
        return system_told(await self._catalogue(attempt, lambda catalogue: catalogue.system(id_)))

    async def add_system(self, attempt: Attempt) -> Answer:
        """Register a system with its first public key."""
        given = await Fields.of(attempt.request, "system", "organisation", "title", "key", "pem")
        id_, organisation = given.text("system"), given.text("organisation")
        title, key = given.text_or_none("title") or id_, _key(given)
        added = valid(lambda: System(id_, organisation, title, (key,)))
        await self._catalogue(attempt, lambda c: c.add_system(added, actor=attempt.actor.id))
        return system_told(added)

    async def change_system(self, attempt: Attempt) -> Answer:
        """Suspend a system or let it call again."""
        given, id_ = await Fields.of(attempt.request, "status"), named(attempt.request, "id")
        status = _status(SystemStatus, given.text("status"))

        def _change(catalogue: Catalogue) -> System:
            catalogue.set_system_status(id_, status, actor=attempt.actor.id)
            return catalogue.system(id_)

        return system_told(await self._catalogue(attempt, _change))

    async def add_key(self, attempt: Attempt) -> Answer:
        """Let a system sign with one more key."""
        given, id_ = await Fields.of(attempt.request, "key", "pem"), named(attempt.request, "id")
        key = _key(given)

        def _add(catalogue: Catalogue) -> System:
            valid(lambda: catalogue.add_system_key(id_, key, actor=attempt.actor.id))
            return catalogue.system(id_)

        return system_told(await self._catalogue(attempt, _add))

    async def retire_key(self, attempt: Attempt) -> Answer:
        """End a key's validity, at once or in some days."""
        id_, kid = named(attempt.request, "id"), named(attempt.request, "kid")
        at = datetime.now(UTC) + timedelta(days=_days(attempt))

        def _retire(catalogue: Catalogue) -> System:
            catalogue.retire_system_key(id_, kid, at, actor=attempt.actor.id)
            return catalogue.system(id_)

        return system_told(await self._catalogue(attempt, _retire))

    async def _catalogue(self, attempt: Attempt, work: Callable[[Catalogue], Made]) -> Made:
        return await self._transactions.committed(
            attempt, lambda given: work(Catalogue(given.connection, given.record))
        )

    async def _people(self, attempt: Attempt, work: Callable[[People], Made]) -> Made:
        return await self._transactions.committed(
            attempt, lambda given: work(People(given.connection, given.record))
        )


def _other(attempt: Attempt) -> str:
    """Return the person that the path names; ``OwnWork`` where that is who asks."""
    person = named(attempt.request, "id")
    if person == attempt.actor.id:
        raise OwnWork("Nobody administers themselves.", hint="Ask another security administrator.")
    return person


def _status(kind: type[Status], given: str) -> Status:
    try:
        return kind(given)
    except ValueError:
        raise MalformedRequest(f"Field status is one of: {', '.join(kind)}.") from None


def _key(given: Fields) -> Any:
    """Read one public key: a JWK, or a key or certificate in PEM."""
    if ("key" in given) == ("pem" in given):
        raise MalformedRequest("Give a public key, either as key (a JWK) or as pem.")
    if "key" in given:
        return given.mapping("key")
    return valid(lambda: read_keys(given.text("pem").encode()))[0]


def _days(attempt: Attempt) -> int:
    asked = parameters_of(attempt.request.scope["query_string"])
    given = asked.pop("days", "0")
    if asked or not (given.isascii() and given.isdecimal() and len(given) < 5):
        raise MalformedRequest("Parameter days is not a number of days.", hint="It is the only one.")
    return int(given)
