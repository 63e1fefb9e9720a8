"""Local accounts on a real database: lock-out, second factors, sessions."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from argon2 import PasswordHasher
from attempts import FROM_ADDRESS, QUICK
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.recording import record_administration
from catalog.account import Lockout, Proven
from catalog.accounts import Accounts, Rules
from catalog.organisation import Organisation
from catalog.passwords import Passwords
from catalog.people import People
from catalog.person import Person, PersonStatus, Role
from catalog.repository import Catalogue
from catalog.second_factors import RECOVERY_CODES, SecondFactors
from catalog.session import Method
from catalog.sessions import Sessions
from catalog.sign_in_origins import REMEMBERED, OriginRule
from infra.database import Role as Login
from schemas.errors import (
    AccessDenied,
    NotRegistered,
    SecondFactorRequired,
    SessionEnded,
    SignInRefused,
    WeakPassword,
    WrongSecondFactor,
)

pytestmark = pytest.mark.server
GIVEN, CHOSEN = "seven turnips in a row", "kayak vs lantern 8"


class Counting(Passwords):
    """Counts the comparisons, which is what an attempt costs."""

    def __init__(self):
        super().__init__(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        self.compared = 0

    def fits(self, stored, password):
        self.compared += 1
        return super().fits(stored, password)


class Place:
    """A database with one account, and a clock that the test sets."""

    def __init__(self, database, keyring, passwords=QUICK):
        self.database, self.keyring, self.passwords = database, keyring, passwords
        self.at = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
        with database.engine(Login.APPLICATION).begin() as connection:
            Catalogue(connection, record_administration).add_organisation(
                Organisation("A", "局", "500000"), actor="t"
            )
            person = Person("zhang.desk", "测试", "A", frozenset({Role.USER}))
            People(connection, record_administration).add_person(person, actor="t")
        self.do(lambda accounts, _: accounts.give_password("zhang.desk", GIVEN, actor="t"))

    def do(self, work):
        with self.database.engine(Login.APPLICATION).begin() as connection:
            factors = SecondFactors(connection, record_administration, self.keyring, "test")
            rules = Rules(self.passwords, Lockout(), clock=lambda: self.at, origins=OriginRule(4))
            return work(Accounts(connection, record_administration, rules, factors), factors)

    def sign_in(self, password=GIVEN, code=None, person="zhang.desk", origin=None):
        return self.do(lambda accounts, _: accounts.sign_in(person, password, code, origin))

    def later(self, **time):
        self.at += timedelta(**time)

    def enrol(self):
        """Set up a second factor; returns the device and the recovery codes."""
        uri = self.do(lambda _, factors: factors.begin("zhang.desk", actor="zhang.desk"))
        device = pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0])
        codes = self.do(
            lambda _, factors: factors.confirm("zhang.desk", device.at(self.at), self.at, actor="zhang.desk")
        )
        return device, codes

    def rows(self, query, **given):
        with self.database.engine(Login.OWNER).connect() as connection:
            return connection.execute(text(query), given).all()

    def told(self):
        return [
            (row.action, row.actor, row.facts)
            for row in self.rows(
                "SELECT action, actor, facts FROM ledger.entry WHERE action LIKE 'account.%' ORDER BY id"
            )
        ]


@pytest.fixture
def place(database, keyring):
    return Place(database, keyring)


def test_a_given_password_is_good_for_choosing_one(place):
    proven = place.sign_in()
    assert (proven.person.id, proven.second_factor, proven.new_password) == ("zhang.desk", False, True)
    changed = place.do(lambda accounts, _: accounts.change_password("zhang.desk", GIVEN, CHOSEN))
    assert isinstance(changed, Proven)
    assert place.sign_in(CHOSEN).new_password is False
    assert isinstance(place.sign_in(GIVEN), SignInRefused)


def test_a_given_password_expires(place):
    place.later(hours=73)
    refused = place.sign_in()
    assert isinstance(refused, SignInRefused)
    assert "expired" in refused.detail


def test_failures_lock_the_account_for_longer_and_longer(place):
    for _ in range(4):
        place.sign_in("wrong")
    assert isinstance(place.sign_in(), Proven)  # which forgets the failures
    waits = (30, 60, 120, 240)
    for _ in range(4):
        place.sign_in("wrong")
    for wait in waits:
        assert isinstance(place.sign_in("wrong"), SignInRefused)
        place.later(seconds=wait - 1)
        assert isinstance(place.sign_in(), SignInRefused)  # the right one, too early
        place.later(seconds=1)
    assert isinstance(place.sign_in(), Proven)
    actions = [action for action, _, _ in place.told()]
    assert (
        actions.count("account.failure"),
        actions.count("account.lock"),
        actions.count("account.attempt"),
    ) == (8, 4, 4)


def test_after_a_hundred_failures_only_an_administrator_unlocks(place):
    place.do(lambda accounts, _: accounts.change_password("zhang.desk", GIVEN, CHOSEN))
    for _ in range(100):
        place.sign_in("wrong")
        place.later(hours=1)
    place.later(days=365)
    assert isinstance(place.sign_in(CHOSEN), SignInRefused)
    place.do(lambda accounts, _: accounts.unlock("zhang.desk", actor="boss"))
    assert isinstance(place.sign_in(CHOSEN), Proven)


def tried(settings, *arguments):
    """Let two processes try at once."""
    command = [sys.executable, str(Path(__file__).with_name("attempts.py")), *arguments]
    told = {"HUB_HOME": str(settings.home), "HUB_DATABASE_URL": settings.database_url}
    processes = [subprocess.Popen(command, env=os.environ | told) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]


def test_who_guesses_at_many_accounts_is_stopped_and_nobody_else(place):
    here, there = b"h" * 16, b"t" * 16
    for number in range(3):
        assert isinstance(place.sign_in(person=f"guess{number}", origin=here), SignInRefused)
    place.sign_in("wrong", origin=here)
    refused = place.sign_in(origin=here)
    assert isinstance(refused, SignInRefused), "the right one is not judged from there"
    assert place.rows("SELECT failures FROM catalog.account") == [(1,)], "nor are wrong ones counted"
    assert place.told()[-1][2]["origin"] == "failed too often"
    assert isinstance(place.sign_in(origin=there), Proven), "elsewhere nothing has changed"
    for _ in range(10):
        place.sign_in(person="guess", origin=here)
    place.later(seconds=61)
    assert isinstance(place.sign_in(origin=here), Proven), "what was not judged is not counted"
    place.sign_in(person="guess", origin=here)
    assert isinstance(place.sign_in("wrong", person="guess", origin=here), SignInRefused)
    assert isinstance(place.sign_in(origin=here), Proven), "who has signed in from there is judged"


def test_addresses_are_forgotten_and_no_more_remembered_than_are_needed(place):
    for number in range(REMEMBERED + 2):
        place.sign_in(origin=bytes([number]) * 16)
    ((known,),) = place.rows("SELECT known_from FROM catalog.account")
    assert [one[0] for one in map(bytes, known)] == list(range(REMEMBERED + 1, 1, -1))
    place.later(minutes=1)
    place.sign_in("wrong", origin=b"x" * 16)
    assert [bytes(row.origin) for row in place.rows("SELECT origin FROM catalog.sign_in_origin")] == [
        b"x" * 16
    ]


def test_an_address_fails_no_more_however_many_processes_try_at_once(place, hub_settings):
    tried(hub_settings, "guess", "25", "many")
    outcomes = ["origin" in facts for action, _, facts in place.told() if action == "account.attempt"]
    assert (outcomes.count(False), outcomes.count(True)) == (FROM_ADDRESS, 50 - FROM_ADDRESS)


def test_the_lock_is_exact_however_many_processes_try_at_once(place, hub_settings):
    tried(hub_settings, "zhang.desk", "25")
    actions = [action for action, _, _ in place.told()]
    judged = actions.count("account.failure") + actions.count("account.lock")
    assert (judged, actions.count("account.lock"), actions.count("account.attempt")) == (5, 1, 45)
    assert place.rows("SELECT failures FROM catalog.account") == [(5,)]


def test_who_is_not_known_costs_as_much_and_is_told_the_same(database, keyring):
    counting = Counting()
    place = Place(database, keyring, counting)
    told = {}
    for person, password in (
        ("zhang.desk", "wrong"), ("nobody", "wrong"), ("Not An Id\0", "wrong"), ("nobody", ""),
    ):  # fmt: skip
        before, entries = counting.compared, len(place.told())
        refused = place.sign_in(password, person=person)
        told[person, password] = (str(refused), counting.compared - before, len(place.told()) - entries)
    for _ in range(4):
        place.sign_in("wrong")
    before, entries = counting.compared, len(place.told())
    locked = place.sign_in()
    told["locked"] = (str(locked), counting.compared - before, len(place.told()) - entries)
    assert len(set(told.values())) == 1, told
    assert {facts["target"] for _, _, facts in place.told()} == {"zhang.desk", "unknown"}


def test_the_suspended_are_told_so_only_when_they_have_proved_who_they_are(place):
    with place.database.engine(Login.APPLICATION).begin() as connection:
        People(connection, record_administration).set_person_status(
            "zhang.desk", PersonStatus.SUSPENDED, actor="t"
        )
    assert isinstance(place.sign_in("wrong"), SignInRefused)
    assert isinstance(place.sign_in(), AccessDenied)


def test_a_password_is_hashed_anew_when_the_parameters_change(place):
    (before,) = place.rows("SELECT password FROM catalog.account")
    place.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert isinstance(place.sign_in(), Proven)
    (after,) = place.rows("SELECT password FROM catalog.account")
    assert ("t=1" in before.password, "t=2" in after.password) == (True, True)
    assert isinstance(place.sign_in(), Proven)


def test_a_code_is_asked_for_and_taken_once(place):
    device, _ = place.enrol()
    place.later(seconds=30)
    assert isinstance(place.sign_in(), SecondFactorRequired)
    code = device.at(place.at)
    assert place.sign_in(code=code).second_factor is True
    assert isinstance(place.sign_in(code=code), SignInRefused)  # the same step again
    place.later(seconds=30)
    assert isinstance(place.sign_in(code=code), SignInRefused)  # still within the window, and used
    assert place.sign_in(code=device.at(place.at)).second_factor is True


@pytest.mark.parametrize(("off", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_differ_by_one_step(place, off, taken):
    device, _ = place.enrol()
    place.later(minutes=5)
    shown = place.sign_in(code=device.at(place.at + timedelta(seconds=off)))
    assert isinstance(shown, Proven if taken else SignInRefused)


def test_the_code_of_the_enrolment_is_used_up(place):
    device, _ = place.enrol()
    assert isinstance(place.sign_in(code=device.at(place.at)), SignInRefused)


def test_wrong_codes_lock_and_a_right_password_does_not_forget_them(place):
    place.enrol()
    place.later(minutes=5)
    for number in range(5):
        assert isinstance(place.sign_in(), SecondFactorRequired)
        assert isinstance(place.sign_in(code=f"x{number}"), SignInRefused)
    assert isinstance(place.sign_in(), SignInRefused)


def test_a_recovery_code_is_good_once(place):
    _, codes = place.enrol()
    assert len(set(codes)) == RECOVERY_CODES
    assert place.sign_in(code=codes[3].upper()).second_factor is True
    assert isinstance(place.sign_in(code=codes[3]), SignInRefused)
    assert place.sign_in(code=codes[4]).second_factor is True
    assert place.rows("SELECT cardinality(recovery) AS n FROM catalog.account") == [(RECOVERY_CODES - 2,)]


def test_the_database_holds_neither_secret_nor_codes_nor_password(place):
    device, codes = place.enrol()
    (row,) = place.rows("SELECT a::text AS row, encode(totp, 'escape') AS totp FROM catalog.account a")
    ledger = str(place.rows("SELECT facts FROM ledger.entry"))
    for secret in (device.secret, *codes, GIVEN):
        assert secret not in row.row + row.totp + ledger
    (sealed,) = place.rows("SELECT totp FROM catalog.account")
    assert device.byte_secret() not in bytes(sealed.totp)


def test_a_new_device_counts_when_it_is_confirmed_and_not_before(place):
    old, _ = place.enrol()
    place.later(minutes=5)
    uri = place.do(lambda _, factors: factors.begin("zhang.desk", actor="zhang.desk"))
    with pytest.raises(WrongSecondFactor):
        place.do(lambda _, factors: factors.confirm("zhang.desk", "000000x", place.at, actor="zhang.desk"))
    assert place.sign_in(code=old.at(place.at)).second_factor is True
    new = pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0])
    place.do(lambda _, factors: factors.confirm("zhang.desk", new.at(place.at), place.at, actor="zhang.desk"))
    place.later(minutes=5)
    assert isinstance(place.sign_in(code=old.at(place.at)), SignInRefused)
    assert place.sign_in(code=new.at(place.at)).second_factor is True


def test_a_second_factor_that_is_lost_is_taken_away(place):
    place.enrol()
    place.do(lambda _, factors: factors.reset("zhang.desk", actor="boss"))
    assert place.sign_in().second_factor is False
    with pytest.raises(WrongSecondFactor):
        place.do(lambda _, factors: factors.confirm("zhang.desk", "123456", place.at, actor="boss"))


def test_a_given_password_ends_the_sessions(place):
    with place.database.engine(Login.APPLICATION).begin() as connection:
        sessions = Sessions(connection, record_administration)
        session = sessions.begin("zhang.desk", Method.PASSWORD, False, place.at, timedelta(hours=1))
    place.do(lambda accounts, _: accounts.give_password("zhang.desk", CHOSEN, actor="boss"))
    with (
        pytest.raises(SessionEnded),
        place.database.engine(Login.APPLICATION).begin() as connection,
    ):
        Sessions(connection, record_administration).end(session.id, place.at, actor="zhang.desk")


@pytest.mark.parametrize(
    ("error", "act"),
    [
        (NotRegistered, lambda accounts, _: accounts.give_password("nobody", GIVEN, actor="t")),
        (WeakPassword, lambda accounts, _: accounts.give_password("zhang.desk", "password1234", actor="t")),
        (NotRegistered, lambda accounts, _: accounts.unlock("nobody", actor="t")),
        (NotRegistered, lambda _, factors: factors.begin("nobody", actor="t")),
        (NotRegistered, lambda _, factors: factors.reset("nobody", actor="t")),
        (WeakPassword, lambda accounts, _: accounts.change_password("zhang.desk", GIVEN, "short")),
        (WeakPassword, lambda accounts, _: accounts.change_password("zhang.desk", GIVEN, GIVEN)),
    ],
    ids=range(7),
)
def test_what_cannot_be_is_one_clear_error_and_no_entry(place, error, act):
    before = len(place.rows("SELECT FROM ledger.entry"))
    with pytest.raises(error):
        place.do(act)
    assert len(place.rows("SELECT FROM ledger.entry")) == before


def test_a_wrong_old_password_counts_as_a_failure(place):
    for _ in range(5):
        refused = place.do(lambda accounts, _: accounts.change_password("zhang.desk", "wrong", CHOSEN))
        assert isinstance(refused, SignInRefused)
    assert isinstance(place.sign_in(), SignInRefused)
    assert isinstance(
        place.do(lambda accounts, _: accounts.change_password("zhang.desk", GIVEN, CHOSEN)), SignInRefused
    )
    assert isinstance(
        place.do(lambda accounts, _: accounts.change_password("nobody", GIVEN, CHOSEN)), NotRegistered
    )


@pytest.mark.parametrize("table", ["account", "session"])
def test_nothing_changes_without_a_ledger_entry(place, table):
    with place.database.engine(Login.APPLICATION).begin() as connection:
        Sessions(connection, record_administration).begin(
            "zhang.desk", Method.OIDC, True, place.at, timedelta(hours=1)
        )
    by_hand = {
        "account": "UPDATE catalog.account SET failures = 0",
        "session": "UPDATE catalog.session SET ended_at = now()",
    }
    with (
        pytest.raises(DBAPIError, match="has no ledger entry"),
        place.database.engine(Login.APPLICATION).begin() as connection,
    ):
        connection.execute(text(by_hand[table]))
