"""Beginning and ending sessions, and finding the one that a request belongs to.

A session lives in the database, so that what ends it holds for every process at the next request: signing out, suspension, a role
taken away, idleness.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Boolean, Column, DateTime, MetaData, Table, Text, Uuid, delete, insert, update

from catalog.people import person_of
from catalog.recorded import Recorded
from catalog.session import Method, Session, SignedIn
from schemas.errors import SessionEnded

SESSION = Table(
    "session",
    MetaData(schema="catalog"),
    Column("id", Uuid, primary_key=True),
    *(Column(name, Text) for name in ("person", "method")),
    Column("second_factor", Boolean),
    *(Column(name, DateTime(timezone=True)) for name in ("begun_at", "used_at", "ends_at", "ended_at")),
)
FOUND = """
    SELECT s.id AS session, s.method, s.second_factor, s.used_at, s.ends_at, s.ended_at,
        p.id, p.name, p.organisation, p.office, p.roles, p.status,
        s.method = 'password' AND a.given_until IS NOT NULL AS new_password
    FROM catalog.session s JOIN catalog.person p ON p.id = s.person LEFT JOIN catalog.account a ON a.person = p.id
    WHERE s.id = $1 AND p.id = $2
"""
"""A session with its person as both are now; for an asyncpg connection."""
USED = "UPDATE catalog.session SET used_at = $2 WHERE id = $1"
"""Notes when a session was used last."""


class Sessions(Recorded):
    """Sessions on a connection whose transaction the caller commits."""

    def begin(
        self, person: str, method: Method, second_factor: bool, at: datetime, life: timedelta
    ) -> Session:
        """Begin a session of somebody who has proved who they are; sessions long over are swept away."""
        begun = Session(uuid4(), person, method, second_factor, at + life)
        told = {"method": method.value, "second_factor": second_factor}
        values = told | {"id": begun.id, "begun_at": at, "used_at": at, "ends_at": begun.ends_at}
        self._record(self._connection, actor=person, action="session.begin", target=str(begun.id), facts=told)
        self._connection.execute(delete(SESSION).where(SESSION.c.ends_at < at))
        self._connection.execute(insert(SESSION).values(**values, person=person))
        return begun

    def end(self, session: UUID, at: datetime, *, actor: str) -> None:
        """End a session: its token is refused from then on; ``SessionEnded`` where it is over already."""
        self._record(self._connection, actor=actor, action="session.end", target=str(session), facts={})
        live = (SESSION.c.id == session) & SESSION.c.ended_at.is_(None)
        if self._connection.execute(update(SESSION).where(live).values(ended_at=at)).rowcount == 0:
            raise SessionEnded("The session is over.")

    def end_all(self, person: str, at: datetime, *, actor: str, but: UUID | None = None) -> int:
        """End every session of a person, but for one; return how many there were."""
        live = (SESSION.c.person == person) & SESSION.c.ended_at.is_(None) & (SESSION.c.ends_at > at)
        if but is not None:
            live &= SESSION.c.id != but
        self._record(self._connection, actor=actor, action="session.end_all", target=person, facts={})
        return self._connection.execute(update(SESSION).where(live).values(ended_at=at)).rowcount

    def strengthen(self, session: UUID, *, actor: str) -> None:
        """Note that the person of a session has shown a second factor in it."""
        self._record(
            self._connection, actor=actor, action="session.second_factor", target=str(session), facts={}
        )
        here = SESSION.c.id == session
        self._connection.execute(update(SESSION).where(here).values(second_factor=True))


def signed_in(row: Mapping[str, Any] | None, at: datetime, idle: timedelta) -> SignedIn:
    """Make what ``FOUND`` found to who is signed in, or raise ``SessionEnded``."""
    if row is None or row["ended_at"] is not None or row["ends_at"] <= at:
        raise SessionEnded("The session is over.", hint="Sign in again.")
    if row["used_at"] + idle <= at:
        raise SessionEnded("The session was idle for too long.", hint="Sign in again.")
    session = Session(row["session"], row["id"], Method(row["method"]), row["second_factor"], row["ends_at"])
    return SignedIn(session, person_of(row), bool(row["new_password"]))
