"""Writing and reading the catalogue with SQLAlchemy Core: administration, never the hot path."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import select, text

from catalog.agreement import Agreement, AgreementStatus
from catalog.agreement_file import terms_from
from catalog.allowance import Spent
from catalog.organisation import Organisation
from catalog.question_register import check_questions
from catalog.recorded import Recorded
from catalog.spending import spent_now
from catalog.system import System, SystemStatus
from catalog.system_key import SystemKey
from catalog.tables import AGREEMENT, MATTER, ORGANISATION, PERSON, SYSTEM
from schemas.errors import ForbiddenTransition, MisplacedOrganisation, NotRegistered
from schemas.resource import resource_named

_Equal = TypeVar("_Equal", bound=Hashable)


class Catalogue(Recorded):
    """Organisations, systems and agreements."""

    def add_organisation(self, organisation: Organisation, *, actor: str) -> None:
        """Register a department; ``AlreadyRegistered`` when its code is, ``MisplacedOrganisation`` under a wrong parent."""
        if organisation.parent is not None:
            organisation.check_under(self.organisation(organisation.parent))
        values = asdict(organisation)
        self._add(ORGANISATION, values, organisation.code, actor, values)

    def move_organisation(self, code: str, parent: str | None, *, actor: str) -> None:
        """Put an organisation under another, or at the top; ``MisplacedOrganisation`` where that cannot be."""
        moved = replace(organisation_of(self._held(ORGANISATION, code)), parent=parent)
        if parent is not None:
            moved.check_under(self.organisation(parent))
            if code in (above := self._line_of(parent)):
                raise MisplacedOrganisation(
                    f"Organisation {parent} stands under {code}: {' < '.join(above)}.",
                    hint="Move it elsewhere first.",
                    organisation=code,
                    parent=parent,
                )
        self._set(ORGANISATION, code, {"parent": parent}, actor, "move", {"parent": parent})

    def rename_organisation(self, code: str, name: str, *, actor: str) -> None:
        """Call an organisation otherwise; its code stays."""
        renamed = replace(organisation_of(self._held(ORGANISATION, code)), name=name)
        self._set(ORGANISATION, code, {"name": renamed.name}, actor, "rename", {"name": renamed.name})

    def organisation(self, code: str) -> Organisation:
        """Return a registered organisation, or raise ``NotRegistered``."""
        found = (
            self._connection.execute(select(ORGANISATION).where(ORGANISATION.c.code == code))
            .mappings()
            .first()
        )
        if found is None:
            raise NotRegistered(f"Organisation {code} is not registered.", hint="Run: hub organisation add")
        return organisation_of(found)

    def _line_of(self, code: str) -> list[str]:
        """Return the organisation and those it stands under, up to the top."""
        self._connection.execute(
            text("LOCK TABLE catalog.organisation IN SHARE ROW EXCLUSIVE MODE")
        )  # no two at once
        above = {known.code: known.parent for known in self.organisations()}
        line: list[str] = []
        here: str | None = code
        while here is not None and here not in line:
            line.append(here)
            here = above[here]
        return line

    def add_system(self, system: System, *, actor: str) -> None:
        """Register a system with its public keys; ``NotRegistered`` when its organisation is not."""
        self.organisation(system.organisation)
        self._check_free(PERSON.c.id, system.id, "person")
        names = ("id", "organisation", "title", "administrator")
        values = {name: getattr(system, name) for name in names}
        stored = values | {"keys": _keys(system), "status": system.status.value}
        prints = [key.thumbprint for key in system.known_keys]
        self._add(SYSTEM, stored, system.id, actor, values | {"key_thumbprints": prints})

    def add_agreement(self, agreement: Agreement, *, actor: str) -> None:
        """Put an agreement in the catalogue; what it names must exist: ``UnknownResource``, ``ResourceWithdrawn``, ``UnknownItem``."""
        resource = resource_named(agreement.resource)
        resource.check_in_use()
        agreement.check_against(resource)
        check_questions(self._connection, agreement, resource)
        if not self._exists(SYSTEM.c.id, agreement.system):
            raise NotRegistered(f"System {agreement.system} is not registered.", hint="Run: hub client add")
        values = {str(column.name): _stored(getattr(agreement, column.name)) for column in AGREEMENT.columns}
        told = {name: _told(value) for name, value in values.items()}
        self._add(AGREEMENT, values, agreement.id, actor, told)

    def add_system_key(self, system: str, jwk: Mapping[str, Any], *, actor: str) -> SystemKey:
        """Let a system sign with one more key; those it has stay valid."""
        changed = system_of(self._held(SYSTEM, system)).with_key(jwk, datetime.now(UTC))
        added = changed.known_keys[-1]
        told = {"kid": added.kid, "key_thumbprint": added.thumbprint, "ends_at": _told(added.ends_at)}
        self._set(SYSTEM, system, {"keys": _keys(changed)}, actor, "key.add", told)
        return added

    def retire_system_key(self, system: str, kid: str, at: datetime, *, actor: str) -> None:
        """Let a key be valid up to a moment and no longer; ``LastKey`` where the system would have none."""
        changed = system_of(self._held(SYSTEM, system)).without_key(kid, at)
        self._set(
            SYSTEM,
            system,
            {"keys": _keys(changed)},
            actor,
            "key.retire",
            {"kid": kid, "ends_at": at.isoformat()},
        )

    def set_system_status(self, system: str, status: SystemStatus, *, actor: str) -> None:
        """Suspend a system or let it call again."""
        self._set(SYSTEM, system, {"status": status.value}, actor, "status", {"status": status.value})

    def set_agreement_status(
        self, agreement: str, status: AgreementStatus, *, actor: str, reason: str = ""
    ) -> None:
        """Suspend or end an agreement that no application brought, or put it back in force.

        ``ForbiddenTransition`` where an application brought it: then it goes its way act by act (``catalog.agreement_lives``).
        """
        brought = (MATTER.c.kind == "agreement") & (MATTER.c.id == agreement)
        if self._connection.execute(select(MATTER.c.id).where(brought)).first() is not None:
            raise ForbiddenTransition(
                f"Agreement {agreement} came from an application, whose sides decide on it.",
                hint="Say for which person you act: --as.",
                agreement=agreement,
            )
        told = {"status": status.value} | ({"reason": reason} if reason else {})
        self._set(AGREEMENT, agreement, {"status": status.value}, actor, "status", told)

    def organisations(self, after: str = "", limit: int | None = None) -> Sequence[Organisation]:
        """Every registered organisation, by code; behind ``after``, and at most ``limit``."""
        query = select(ORGANISATION).where(ORGANISATION.c.code > after).order_by(ORGANISATION.c.code)
        rows = self._connection.execute(query.limit(limit)).mappings()
        return [organisation_of(row) for row in rows]

    def system(self, id_: str) -> System:
        """Return a registered system, or raise ``NotRegistered``."""
        found = self._connection.execute(select(SYSTEM).where(SYSTEM.c.id == id_)).mappings().first()
        if found is None:
            raise NotRegistered(f"There is no system {id_}.", hint="Run: hub client list")
        return system_of(found)

    def systems(self, after: str = "", limit: int | None = None) -> Sequence[System]:
        """Every registered system, by id; behind ``after``, and at most ``limit``."""
        query = select(SYSTEM).where(SYSTEM.c.id > after).order_by(SYSTEM.c.id).limit(limit)
        return [system_of(row) for row in self._connection.execute(query).mappings()]

    def agreements(self) -> Sequence[Agreement]:
        """Every agreement, in force or not, by id."""
        rows = self._connection.execute(select(AGREEMENT).order_by(AGREEMENT.c.id)).mappings()
        return [agreement_of(row) for row in rows]

    def agreement(self, id_: str) -> Agreement:
        """Return an agreement, in force or not, or raise ``NotRegistered``."""
        found = self._connection.execute(select(AGREEMENT).where(AGREEMENT.c.id == id_)).mappings().first()
        if found is None:
            raise NotRegistered(f"There is no agreement {id_}.", hint="Run: hub agreement list")
        return agreement_of(found)

    def spent(self, agreements: Sequence[Agreement], at: datetime) -> Mapping[str, Spent]:
        """Return what is spent of those that allow only so much, as a clock has it on which it is ``at`` now."""
        return spent_now(self._connection, agreements, at)


def organisation_of(row: Mapping[Any, Any]) -> Organisation:
    """Make an organisation from its row."""
    return Organisation(row["code"], row["name"], row["division"], row["parent"])


def system_of(row: Mapping[Any, Any]) -> System:
    """Make a system from its row."""
    return System(
        row["id"],
        row["organisation"],
        row["title"],
        tuple(row["keys"]),
        SystemStatus(row["status"]),
        row["administrator"],
    )


def agreement_of(row: Mapping[Any, Any]) -> Agreement:
    """Make an agreement from its row."""
    return Agreement(
        id=row["id"],
        system=row["system"],
        resource=row["resource"],
        items=_shared(tuple(row["items"])),
        masked=_shared(frozenset(row["masked"])),
        purposes=_shared(frozenset(row["purposes"])),
        legal_bases=_shared(frozenset(row["legal_bases"])),
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        status=AgreementStatus(row["status"]),
        max_keys=row["max_keys"],
        **terms_from(row["terms"]),
    )


@lru_cache(maxsize=4096)
def _shared(value: _Equal) -> _Equal:
    """Return the first of equal values: many agreements name the same items and purposes, and one copy is enough."""
    return value


def _stored(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _keys(system: System) -> list[dict[str, Any]]:
    return [dict(key.jwk) for key in system.known_keys]
