"""Sessions (会话) of people who signed in: what is known of one at the moment of a request."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from catalog.person import EXCLUSIVE, Person


class Method(StrEnum):
    """How somebody proved who they are."""

    PASSWORD = "password"  # noqa: S105 - the name of a way to sign in
    OIDC = "oidc"


class Lack(StrEnum):
    """What a person has to do before their session is of use for anything else."""

    PASSWORD = "password"  # noqa: S105 - the name of what is to be changed
    SECOND_FACTOR = "second_factor"


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it was begun; ``ends_at`` is the first moment at which it is over, used or not."""

    id: UUID
    person: str
    method: Method
    second_factor: bool
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session with its person, as the database knows them now.

    ``new_password``: the password was given to them, and is theirs to change before anything else.
    """

    session: Session
    person: Person
    new_password: bool = False

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """What is to be done first: an administrator acts with a second factor only."""
        lacking = [Lack.PASSWORD] if self.new_password else []
        if self.person.roles & EXCLUSIVE and not self.session.second_factor:
            lacking.append(Lack.SECOND_FACTOR)
        return tuple(lacking)
