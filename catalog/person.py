"""People (人员) who work with the hub, and their roles (角色).

A department publishes, uses, or both; the catalogue authority reviews. The three administrators are three people: none may do,
allow and inspect the same thing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import ConfigurationError, RolesExclude

PERSON_ID = re.compile(r"^[a-z0-9][a-z0-9._-]{1,62}$")
LONGEST_NAME = 80


class Role(StrEnum):
    """What a person may do."""

    PUBLISHER = "publisher"
    USER = "user"
    CATALOGUE_AUTHORITY = "catalogue_authority"
    SYSTEM_ADMINISTRATOR = "system_administrator"
    SECURITY_ADMINISTRATOR = "security_administrator"
    AUDIT_ADMINISTRATOR = "audit_administrator"


EXCLUSIVE = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDIT_ADMINISTRATOR})
"""Of these nobody may have two."""


def roles_named(names: Iterable[str]) -> frozenset[Role]:
    """Read roles, or raise ``ConfigurationError``."""
    try:
        return frozenset(Role(name) for name in names)
    except ValueError as error:
        raise ConfigurationError(
            f"There is no such role: {error.args[0].split(' is ')[0]}.", hint=f"Roles are: {', '.join(Role)}."
        ) from None


class PersonStatus(StrEnum):
    """Whether a person may act at all."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class Person:
    """Somebody of an organisation; ``id`` is what they sign in as, ``name`` stays out of logs and the ledger."""

    id: str
    name: str
    organisation: str
    roles: frozenset[Role]
    office: str | None = None
    status: PersonStatus = PersonStatus.ACTIVE

    def __post_init__(self) -> None:
        if not PERSON_ID.match(self.id):
            raise ConfigurationError(f"Person id {self.id!r} is not 2–63 of a–z, 0–9, dot, dash, underscore.")
        if not (0 < len(self.name) <= LONGEST_NAME and self.name.isprintable()):
            raise ConfigurationError(
                f"Person {self.id} needs a name of 1–{LONGEST_NAME} printable characters."
            )
        if not self.roles:
            raise ConfigurationError(
                f"Person {self.id} has no role.", hint=f"Give one of: {', '.join(Role)}."
            )
        if len(both := self.roles & EXCLUSIVE) > 1:
            raise RolesExclude(
                f"Person {self.id} may not be {' and '.join(sorted(both)).replace('_', ' ')} at once.",
                hint="Give the roles to different people.",
                person=self.id,
            )

    def has(self, role: Role) -> bool:
        """Tell whether the person may act in that role now."""
        return self.status is PersonStatus.ACTIVE and role in self.roles
