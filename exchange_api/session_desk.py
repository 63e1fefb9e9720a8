"""Signing in and out by a local account, and what people do with their own: password and second factor.

Part of the security boundary: passwords and codes pass through, and none is logged or quoted.
"""

from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from audit.recording import record_administration
from catalog.account import Proven
from catalog.session import Method, SignedIn
from catalog.sessions import Sessions
from exchange_api.bodies import Fields
from exchange_api.callers_address import Networks, address_of
from exchange_api.door import Attempt
from exchange_api.tokens import Tokens
from exchange_api.transactions import Transaction, Transactions
from hub.local_accounts import LocalAccounts
from infra.clock import now
from infra.database import Database
from schemas.errors import AccessDenied, HubError, SecondFactorRequired

Made = TypeVar("Made")
_JUDGED_AT_ONCE = 2  # of one process: an attempt takes 64 MiB, and others of the same account wait for it


class SessionDesk:
    """The readings of ``/v1/session``."""

    def __init__(
        self,
        database: Database,
        transactions: Transactions,
        tokens: Tokens,
        local: LocalAccounts,
        seconds: int,
        proxies: Networks = (),
    ) -> None:
        self._transactions, self._judging = transactions, Transactions(database, _JUDGED_AT_ONCE)
        self._tokens, self._local, self._life = tokens, local, timedelta(seconds=seconds)
        self._proxies = proxies

    async def sign_in(self, attempt: Attempt) -> dict[str, Any]:
        """Begin a session of who shows their password, and their second factor where they have one."""
        given = await Fields.of(attempt.request, "person", "password", "code")
        person, password = given.text("person"), given.text("password")
        code = given.text_or_none("code")
        record = partial(record_administration, request=attempt.id)
        origin = self._local.origin(address_of(attempt.request, self._proxies))

        def _judge(connection: Connection) -> SignedIn | HubError:
            shown = self._local.accounts(connection, record).sign_in(person, password, code, origin)
            if isinstance(shown, HubError):
                return shown
            begun = Sessions(connection, record).begin(
                shown.person.id, Method.PASSWORD, shown.second_factor, now(), self._life
            )
            return SignedIn(begun, shown.person, shown.new_password)

        attempt.signed_in = _raised(await self._judging.alone(_judge))
        return self.begun(attempt.signed_in)

    def begun(self, given: SignedIn) -> dict[str, Any]:
        """Describe a session that has just begun, with its token."""
        token = {"token": self._tokens.issue_session(given.session), "token_type": "Bearer"}
        return token | session_told(given)

    async def whoami(self, attempt: Attempt) -> dict[str, Any]:
        """Tell who is signed in, in which roles, until when, and what is to be done first."""
        return session_told(_signed_in(attempt))

    async def sign_out(self, attempt: Attempt) -> dict[str, Any]:
        """End the session, for every process from its next request on."""
        session = _signed_in(attempt).session.id

        def _end(given: Transaction) -> None:
            Sessions(given.connection, given.record).end(session, now(), actor=given.actor.id)

        await self._transactions.committed(attempt, _end)
        return {"session": "ended"}

    async def change_password(self, attempt: Attempt) -> dict[str, Any]:
        """Take the password that the person chose; it ends their other sessions."""
        given, session = await Fields.of(attempt.request, "old", "new"), _signed_in(attempt).session
        old, new = given.text("old"), given.text("new")

        def _change(work: Transaction) -> Proven | HubError:
            changed = self._local.accounts(work.connection, work.record).change_password(
                session.person, old, new
            )
            if isinstance(changed, Proven):
                sessions = Sessions(work.connection, work.record)
                sessions.end_all(session.person, now(), actor=session.person, but=session.id)
            return changed

        _raised(await self._judging.committed(attempt, _change))
        return {"password": "changed"}

    async def begin_totp(self, attempt: Attempt) -> dict[str, Any]:
        """Make a secret for the person's device; who has a second factor shows it before they get another."""
        session = _signed_in(attempt).session

        def _begin(work: Transaction) -> str:
            factors = self._local.factors(work.connection, work.record)
            if factors.has(session.person) and not session.second_factor:
                raise SecondFactorRequired("You have a second factor.", hint="Sign in with it to change it.")
            return factors.begin(session.person, actor=work.actor.id)

        return {"otpauth": await self._transactions.committed(attempt, _begin)}

    async def confirm_totp(self, attempt: Attempt) -> dict[str, Any]:
        """Take the new secret into use, as a code of the device shows that it has it; tell the recovery codes, this once."""
        code, session = (await Fields.of(attempt.request, "code")).text("code"), _signed_in(attempt).session

        def _confirm(work: Transaction) -> list[str]:
            factors = self._local.factors(work.connection, work.record)
            codes = factors.confirm(session.person, code, now(), actor=work.actor.id)
            Sessions(work.connection, work.record).strengthen(session.id, actor=work.actor.id)
            return list(codes)

        return {"recovery_codes": await self._transactions.committed(attempt, _confirm)}


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


def _raised(outcome: Made | HubError) -> Made:
    if isinstance(outcome, HubError):
        raise outcome
    return outcome


def _signed_in(attempt: Attempt) -> SignedIn:
    if attempt.signed_in is None:
        raise AccessDenied("Nobody is signed in.")
    return attempt.signed_in
