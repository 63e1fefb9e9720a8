"""How many failures to sign in are taken from one address, whatever accounts they name.

A failure is forgotten after a while, one after the other. An address is held while its failure is counted, whatever process an attempt comes
to, so no more are told their outcome than are allowed. Addresses are keyed digests here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

REMEMBERED = 8
"""From how many places a person may come who is judged there even where others have failed too often."""

_HOLD = text("""
    INSERT INTO catalog.sign_in_origin (origin, free_at) VALUES (:origin, :at)
    ON CONFLICT (origin) DO UPDATE SET free_at = greatest(sign_in_origin.free_at, excluded.free_at) RETURNING free_at
""")
_COUNT = text("UPDATE catalog.sign_in_origin SET free_at = :free_at WHERE origin = :origin")
# Others may be about to count there: what they hold is left to them.
_FORGET = text("""
    DELETE FROM catalog.sign_in_origin WHERE origin IN (
        SELECT origin FROM catalog.sign_in_origin WHERE free_at <= :at AND origin <> :origin LIMIT 100 FOR UPDATE SKIP LOCKED)
""")
_REMEMBER = text("""
    UPDATE catalog.account SET known_from = (array_prepend(:origin, array_remove(known_from, :origin)))[1:8]
    WHERE person = :person AND known_from[1] IS DISTINCT FROM :origin
""")


@dataclass(frozen=True, slots=True)
class OriginRule:
    """So many failures at once are taken from an address, and one more after each ``every``."""

    most: int = 50
    every: timedelta = timedelta(minutes=1)

    def allows(self, free_at: datetime, at: datetime) -> bool:
        """Whether one more failure is taken."""
        return free_at - at <= self.every * (self.most - 1)

    def after(self, free_at: datetime, at: datetime) -> datetime:
        """Return when all will be forgotten, with one more; never later than all that are taken at once."""
        return min(max(free_at, at) + self.every, at + self.every * self.most)


class SignInOrigins:
    """Addresses that people sign in from, on a connection whose transaction the caller commits with a ledger entry."""

    def __init__(self, connection: Connection, rule: OriginRule) -> None:
        self._connection, self._rule = connection, rule

    def allows(self, origin: bytes, at: datetime) -> bool:
        """Whether one more failure is taken from there; the address is held until the transaction ends."""
        free_at = self._connection.execute(_HOLD, {"origin": origin, "at": at}).scalar_one()
        return self._rule.allows(free_at, at)

    def failed(self, origin: bytes, at: datetime) -> None:
        """Count a failure, and forget addresses without any."""
        free_at = self._connection.execute(_HOLD, {"origin": origin, "at": at}).scalar_one()
        self._connection.execute(_COUNT, {"origin": origin, "free_at": self._rule.after(free_at, at)})
        self._connection.execute(_FORGET, {"at": at, "origin": origin})

    def remember(self, origin: bytes, person: str) -> None:
        """Remember that a person has signed in from there."""
        self._connection.execute(_REMEMBER, {"origin": origin, "person": person})
