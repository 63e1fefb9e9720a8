"""The caller's own session: who is signed in, and signing out."""

from typing import Any

from catalog.session import SignedIn
from catalog.sessions import Sessions
from exchange_api.door import Attempt
from exchange_api.transactions import Transaction, Transactions
from infra.clock import now
from schemas.errors import AccessDenied


class SessionDesk:
    """The readings of ``/v1/session``; each takes an attempt of somebody who is signed in."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def whoami(self, attempt: Attempt) -> dict[str, Any]:
        """Tell who is signed in, in which roles, until when, and what is to be done first."""
        return session_told(_signed_in(attempt))

    async def sign_out(self, attempt: Attempt) -> dict[str, Any]:
        """End the session, for every process from its next request on."""
        session = _signed_in(attempt).session.id

        def _end(transaction: Transaction) -> None:
            Sessions(transaction.connection, transaction.record).end(
                session, now(), actor=transaction.actor.id
            )

        await self._transactions.committed(attempt, _end)
        return {"session": "ended"}


def session_told(given: SignedIn) -> dict[str, Any]:
    """Describe a session to who is signed in."""
    person, session = given.person, given.session
    return {
        "person": person.id,
        "name": person.name,
        "organisation": person.organisation,
        "office": person.office,
        "roles": sorted(person.roles),
        "method": session.method,
        "second_factor": session.second_factor,
        "ends_at": session.ends_at,
        "to_do_first": list(given.lacks),
    }


def _signed_in(attempt: Attempt) -> SignedIn:
    if attempt.signed_in is None:
        raise AccessDenied("Nobody is signed in.")
    return attempt.signed_in
