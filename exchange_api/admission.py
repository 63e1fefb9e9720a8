"""Who may take a route, as data: systems by their access tokens or signatures, people by their sessions, or whoever comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from catalog.person import PersonStatus, Role
from catalog.session import Lack, SignedIn
from schemas.errors import AccessDenied, NotYourPart, SessionUnfinished

_TO_DO: Mapping[Lack, str] = {
    Lack.PASSWORD: "Choose a password of your own: PUT /v1/session/password.",
    Lack.SECOND_FACTOR: "Set up a second factor: POST /v1/session/totp.",
}


@dataclass(frozen=True, slots=True)
class Admission:
    """What a route asks of who takes it; of ``roles`` a person has one, and any of them where none are named.

    ``unfinished``: also a session in which something is still to be done first.
    """

    systems: bool = False
    people: bool = False
    roles: frozenset[Role] = frozenset()
    unfinished: bool = False

    @property
    def asks_who(self) -> bool:
        """Whether anybody has to say who they are."""
        return self.systems or self.people

    def check(self, given: SignedIn) -> None:
        """Raise ``AccessDenied``, ``SessionUnfinished`` or ``NotYourPart`` where the person may not."""
        if given.person.status is not PersonStatus.ACTIVE:
            raise AccessDenied("You are suspended.", hint="Ask the security administrator.")
        if given.lacks and not self.unfinished:
            raise SessionUnfinished(
                "You are signed in, and have something to do first.", hint=_TO_DO[given.lacks[0]]
            )
        if self.roles and not self.roles & given.person.roles:
            raise NotYourPart(
                "You do not have the role for this.",
                hint=f"It is for a {' or a '.join(sorted(self.roles)).replace('_', ' ')}.",
            )

    def described(self) -> Sequence[Mapping[str, Sequence[str]]]:
        """Describe it for the API's own document."""
        named = (("oauth2", self.systems), ("signature", self.systems), ("session", self.people))
        return [{name: []} for name, admitted in named if admitted]


SCHEMES: Mapping[str, Any] = {
    "oauth2": {
        "type": "oauth2",
        "description": "An access token of a system, by client credentials with private_key_jwt.",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}},
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "A signature of the call by the system's own key, with Signature-Input (RFC 9421; docs/signatures.md).",
    },
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of a person's session: POST /v1/session.",
    },
}
"""The ways to say who one is, for the API's own document."""

ANYBODY = Admission()
SYSTEMS = Admission(systems=True)
PEOPLE = Admission(people=True)
EITHER = Admission(systems=True, people=True)
UNFINISHED = replace(PEOPLE, unfinished=True)


def people(*roles: Role) -> Admission:
    """Admit people who have one of the roles."""
    return replace(PEOPLE, roles=frozenset(roles))
