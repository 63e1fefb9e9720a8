"""Signing in by a local account: password, lock-out, second factor.

Attempts on one account wait for one another, whatever process they come to, so that no more of them are judged than the lock-out
allows. From an address that too many failures came from only those are judged who have signed in from there before. Who fails is told the same, after the same work, whether there is such an account or not. An outcome is returned and not raised,
for a failure is to be committed too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog.account import ACCOUNT, Given, Lockout, Proven
from catalog.actor import HUB
from catalog.passwords import Passwords, check_chosen
from catalog.people import person_of
from catalog.person import PERSON_ID, Person, PersonStatus
from catalog.recorded import Recorded, Recorder
from catalog.second_factors import SecondFactors
from catalog.sessions import Sessions
from catalog.sign_in_origins import OriginRule, SignInOrigins
from catalog.tables import PERSON
from infra.clock import Clock, now
from schemas.errors import (
    AccessDenied,
    HubError,
    NotRegistered,
    SecondFactorRequired,
    SignInRefused,
    WeakPassword,
)

NOBODY = "unknown"  # what the ledger calls whom an attempt names that is not registered


@dataclass(frozen=True, slots=True)
class Rules:
    """What accounts are judged by; ``first_password``: how long a password that was given is good for."""

    passwords: Passwords
    lockout: Lockout = field(default_factory=Lockout)
    first_password: timedelta = timedelta(hours=72)
    clock: Clock = now
    origins: OriginRule = field(default_factory=OriginRule)


class Accounts(Recorded):
    """Local accounts, on a connection whose transaction the caller commits."""

    def __init__(
        self, connection: Connection, record: Recorder, rules: Rules, factors: SecondFactors
    ) -> None:
        super().__init__(connection, record)
        self._rules, self._factors = rules, factors
        self._origins = SignInOrigins(connection, rules.origins)

    def sign_in(
        self, person: str, password: str, code: str | None = None, origin: bytes | None = None
    ) -> Proven | HubError:
        """Judge one attempt; what comes of it is for the caller to commit, and then to raise where it is an error.

        ``origin`` is the keyed digest of the address that it comes from; without one only the account's own failures count.
        """
        account, who = self._account(person)
        at = self._rules.clock()
        is_judged = account is not None and who is not None and not self._is_locked(account, at)
        fits = self._rules.passwords.fits(account["password"] if account and is_judged else None, password)
        if origin is not None and not self._comes_in(account, origin, at):
            told = {"judged": False, "origin": "failed too often"}
            return self._refused(person if account else NOBODY, "account.attempt", told)
        if account is None or who is None or not is_judged:
            outcome: Proven | HubError = self._refused(
                person if account else NOBODY, "account.attempt", {"judged": False}
            )
        else:
            outcome = self._judged(account, who, password, code, at) if fits else self._failed(account, at)
        if origin is not None:
            self._noted(origin, outcome, at)
        return outcome

    def _comes_in(self, account: Mapping[Any, Any] | None, origin: bytes, at: datetime) -> bool:
        """Whether an attempt from there is judged; the address is held from now on."""
        allowed = self._origins.allows(origin, at)
        return allowed or (account is not None and origin in map(bytes, account["known_from"]))

    def _noted(self, origin: bytes, outcome: Proven | HubError, at: datetime) -> None:
        if isinstance(outcome, Proven):
            self._origins.remember(origin, outcome.person.id)
        elif isinstance(outcome, SignInRefused):
            self._origins.failed(origin, at)

    def _judged(
        self, account: Mapping[Any, Any], who: Person, password: str, code: str | None, at: datetime
    ) -> Proven | HubError:
        """Judge an attempt whose password is right."""
        if account["given_until"] is not None and account["given_until"] <= at:
            self._refused(who.id, "account.attempt", {"given_password": "expired"})
            return SignInRefused(
                "The password you were given has expired.", hint="Ask the security administrator for another."
            )
        return self._by_second_factor(account, who, password, code, at)

    def change_password(self, person: str, old: str, chosen: str) -> Proven | HubError:
        """Put a password that the person chose in the place of the old one; a wrong old one counts as a failure."""
        account, who = self._account(person)
        at = self._rules.clock()
        if account is None or who is None:
            return NotRegistered(
                "You have no password here.", hint="Sign in where your organisation's identities are."
            )
        if self._is_locked(account, at):
            return self._refused(person, "account.attempt", {"judged": False})
        if not self._rules.passwords.fits(account["password"], old):
            return self._failed(account, at)
        check_chosen(chosen, person)
        if self._rules.passwords.fits(account["password"], chosen):
            raise WeakPassword("The new password is the old one.", hint="Take another one.")
        values = {"password": self._rules.passwords.hashed(chosen), "given_until": None, **_CLEAN}
        self._change(person, values, person, "password", {})
        return Proven(who, False)

    def give_password(self, person: str, password: str, *, actor: str) -> Given:
        """Give a person a password that is good for choosing one; ends their sessions and any lock.

        Raises ``WeakPassword``, or ``NotRegistered`` where there is no such person.
        """
        check_chosen(password, person)
        if not self._exists(PERSON.c.id, person):
            raise NotRegistered(f"There is no person {person}.", hint="Run: hub person list")
        given = Given(password, self._rules.clock() + self._rules.first_password)
        values = {"password": self._rules.passwords.hashed(password), "given_until": given.until, **_CLEAN}
        self._tell(person, actor, "account.password.give", {"until": given.until.isoformat()})
        adding = insert(ACCOUNT).values(person=person, recovery=[], **values)
        self._connection.execute(adding.on_conflict_do_update(index_elements=["person"], set_=values))
        Sessions(self._connection, self._record).end_all(person, self._rules.clock(), actor=actor)
        return given

    def unlock(self, person: str, *, actor: str) -> None:
        """Forget a person's failures; ``NotRegistered`` where they have no account."""
        self._change(person, _CLEAN, actor, "unlock", {})

    def _by_second_factor(
        self, account: Mapping[Any, Any], who: Person, password: str, code: str | None, at: datetime
    ) -> Proven | HubError:
        used: Mapping[str, Any] | None = {}
        if account["totp"] is not None:
            if not code:
                self._refused(who.id, "account.attempt", {"second_factor": "missing"})
                return SecondFactorRequired(
                    "The password is right; a one-time code is asked for too.", hint="Send it as: code."
                )
            used = self._factors.shown(account, code, at)
        if used is None:
            return self._failed(account, at)
        if who.status is not PersonStatus.ACTIVE:
            self._refused(who.id, "account.attempt", {"status": who.status.value})
            return AccessDenied("You are suspended.", hint="Ask the security administrator.")
        values: dict[str, Any] = {**_CLEAN, **used}
        if self._rules.passwords.is_outdated(account["password"]):
            values["password"] = self._rules.passwords.hashed(password)
        self._change(who.id, values, who.id, "proven", {"second_factor": account["totp"] is not None})
        return Proven(who, account["totp"] is not None, account["given_until"] is not None)

    def _account(self, person: str) -> tuple[Mapping[Any, Any] | None, Person | None]:
        """Return a person's account, held for this transaction, and the person."""
        if not PERSON_ID.match(person):  # it may be anything, even what no query can hold
            return None, None
        query = select(ACCOUNT).where(ACCOUNT.c.person == person).with_for_update()
        account = self._connection.execute(query).mappings().first()
        found = self._connection.execute(select(PERSON).where(PERSON.c.id == person)).mappings().first()
        return account, person_of(found) if found else None

    def _is_locked(self, account: Mapping[Any, Any], at: datetime) -> bool:
        waits = account["locked_until"] is not None and account["locked_until"] > at
        return waits or account["failures"] >= self._rules.lockout.most

    def _failed(self, account: Mapping[Any, Any], at: datetime) -> HubError:
        failures = account["failures"] + 1
        wait = self._rules.lockout.wait(failures)
        until = at + wait if wait else None
        person, told = account["person"], {"failures": failures, "locked_until": until and until.isoformat()}
        refused = self._refused(person, "account.lock" if until else "account.failure", told)
        changed = update(ACCOUNT).where(ACCOUNT.c.person == person)
        self._connection.execute(changed.values(failures=failures, locked_until=until))
        return refused

    def _refused(self, person: str, action: str, told: Mapping[str, Any]) -> HubError:
        self._tell(person, HUB.id, action, told)
        return SignInRefused(
            "Name, password or code are not right, or too many attempts failed.",
            hint="Wait a while before you try again, or ask the security administrator.",
        )

    def _change(
        self, person: str, values: Mapping[str, Any], actor: str, action: str, told: Mapping[str, Any]
    ) -> None:
        self._tell(person, actor, f"account.{action}", told)
        changed = self._connection.execute(update(ACCOUNT).where(ACCOUNT.c.person == person).values(**values))
        if changed.rowcount == 0:
            raise NotRegistered(
                f"{person} has no account here.", hint="Give them a password first: hub person password"
            )

    def _tell(self, person: str, actor: str, action: str, told: Mapping[str, Any]) -> None:
        self._record(self._connection, actor=actor, action=action, target=person, facts=told)


_CLEAN: Mapping[str, Any] = {"failures": 0, "locked_until": None}
