"""Local accounts (本地账号): how somebody proves who they are where no identity provider does it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from catalog.person import Person

ACCOUNT = Table(
    "account",
    MetaData(schema="catalog"),
    Column("person", Text, primary_key=True),
    Column("password", Text),
    *(Column(name, DateTime(timezone=True)) for name in ("given_until", "locked_until")),
    Column("failures", Integer),
    *(Column(name, LargeBinary) for name in ("totp", "totp_new")),
    Column("totp_step", BigInteger),
    *(Column(name, ARRAY(LargeBinary)) for name in ("recovery", "known_from")),
)


@dataclass(frozen=True, slots=True)
class Lockout:
    """How long an account is locked after how many failures in a row; each more doubles the wait.

    After ``most`` only an administrator unlocks it (NIST SP 800-63B, 5.2.2, allows 100).
    """

    free: int = 5
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(hours=1)
    most: int = 100

    def wait(self, failures: int) -> timedelta | None:
        """Return how long the account is locked from its last failure on; None where it is not."""
        if failures < self.free:
            return None
        return min(self.longest, self.first * 2 ** min(failures - self.free, 20))


@dataclass(frozen=True, slots=True)
class Proven:
    """Somebody who has shown who they are, whether by a second factor too, and whether by a password given to them."""

    person: Person
    second_factor: bool
    new_password: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A password that is good for choosing another one, until a moment."""

    password: str
    until: datetime
