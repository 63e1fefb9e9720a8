"""Writing and reading offices and people. A person's name goes to no ledger entry."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from catalog.organisation import Office
from catalog.person import Person, PersonStatus, Role
from catalog.recorded import Recorded
from catalog.tables import OFFICE, ORGANISATION, PERSON, SYSTEM
from schemas.errors import NotRegistered


class People(Recorded):
    """Offices of organisations, and who works in them."""

    def add_office(self, office: Office, *, actor: str) -> None:
        """Register an office; ``NotRegistered`` when its organisation is not."""
        self._check_organisation(office.organisation)
        values = {"organisation": office.organisation, "code": office.code, "name": office.name}
        self._add(OFFICE, values, f"{office.organisation}/{office.code}", actor, values)

    def add_person(self, person: Person, *, actor: str) -> None:
        """Register a person; ``NotRegistered`` when organisation or office are not."""
        self._check_organisation(person.organisation)
        if person.office is not None and person.office not in {
            o.code for o in self.offices(person.organisation)
        }:
            raise NotRegistered(
                f"Organisation {person.organisation} has no office {person.office}.",
                hint="Run: hub organisation office",
            )
        self._check_free(SYSTEM.c.id, person.id, "system")
        told = {"organisation": person.organisation, "office": person.office, "roles": sorted(person.roles)}
        values = {"id": person.id, "name": person.name, "status": person.status.value}
        self._add(PERSON, values | told, person.id, actor, told)

    def set_roles(self, person: str, roles: frozenset[Role], *, actor: str) -> None:
        """Give a person these roles and no others; ``RolesExclude`` where they exclude one another."""
        held = person_of(self._held(PERSON, person))
        changed = Person(held.id, held.name, held.organisation, roles, held.office, held.status)
        told = {"roles": sorted(changed.roles), "before": sorted(held.roles)}
        self._set(PERSON, person, {"roles": sorted(changed.roles)}, actor, "roles", told)

    def set_person_status(self, person: str, status: PersonStatus, *, actor: str) -> None:
        """Suspend a person or let them act again."""
        self._set(PERSON, person, {"status": status.value}, actor, "status", {"status": status.value})

    def offices(self, organisation: str) -> Sequence[Office]:
        """Return the offices of an organisation, by code."""
        query = select(OFFICE).where(OFFICE.c.organisation == organisation).order_by(OFFICE.c.code)
        return [Office(**row) for row in self._connection.execute(query).mappings()]

    def person(self, id_: str) -> Person:
        """Return a registered person, or raise ``NotRegistered``."""
        found = self._connection.execute(select(PERSON).where(PERSON.c.id == id_)).mappings().first()
        if found is None:
            raise NotRegistered(f"There is no person {id_}.", hint="Run: hub person list")
        return person_of(found)

    def people(self, after: str = "", limit: int | None = None) -> Sequence[Person]:
        """Return everybody registered, by id; behind ``after``, and at most ``limit``."""
        query = select(PERSON).where(PERSON.c.id > after).order_by(PERSON.c.id).limit(limit)
        return [person_of(row) for row in self._connection.execute(query).mappings()]

    def _check_organisation(self, code: str) -> None:
        if not self._exists(ORGANISATION.c.code, code):
            raise NotRegistered(f"Organisation {code} is not registered.", hint="Run: hub organisation add")


def person_of(row: Mapping[Any, Any]) -> Person:
    """Make a person from their row."""
    roles = frozenset(Role(role) for role in row["roles"])
    return Person(
        row["id"], row["name"], row["organisation"], roles, row["office"], PersonStatus(row["status"])
    )
