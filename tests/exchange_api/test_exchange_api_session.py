"""Signing in with a local account over the real server, and what is to be done first."""

import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import text
from starlette.requests import Request

from audit.recording import record_administration
from catalog.people import People
from catalog.person import Person, PersonStatus, Role
from exchange_api.callers_address import address_of
from hub.local_accounts import LocalAccounts
from infra.database import Role as Login
from infra.settings import networks_in

pytestmark = pytest.mark.server
GIVEN, CHOSEN = "seven turnips in a row", "kayak vs lantern 8"


@pytest.fixture(scope="module")
def hub(served_hub):
    return served_hub


def administer(hub, work):
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        return work(LocalAccounts.of(hub.settings, hub.keyring), connection)


def register(hub, person, *roles):
    """A new person with a password that was given."""
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        added = Person(person, "测试", "11500000009275123M", frozenset(roles))
        People(connection, record_administration).add_person(added, actor="test")
    give(hub, person)
    return person


@pytest.mark.parametrize(
    ("peer", "told", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody's proxy
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        (
            "10.0.0.2",
            "192.0.2.7, 198.51.100.1, 10.0.0.3",
            "198.51.100.1",
        ),  # the first was written by who asks
        ("10.0.0.2", "10.0.0.3", "10.0.0.3"),
        ("10.0.0.2", "nonsense", "10.0.0.2"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
    ],
)
def test_who_asks_is_known_behind_our_own_proxies_alone(peer, told, expected):
    headers = [(b"x-forwarded-for", told.encode())] if told else []
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    assert address_of(request, networks_in("10.0.0.0/8")) == expected


def give(hub, person):
    administer(
        hub, lambda local, c: local.accounts(c, record_administration).give_password(person, GIVEN, actor="t")
    )


def sign_in(hub, person, password=GIVEN, **more):
    return hub.http.post("/v1/session", json={"person": person, "password": password, **more})


def bearer(answer):
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def ask(hub, method, path, headers, **body):
    return hub.http.request(method, f"/v1/session{path}", headers=headers, json=body or None)


def code_of(device):
    """A code that no step of before has used: recent tests may have used the last one."""
    return device.at(datetime.now(UTC))


def test_a_person_signs_in_chooses_a_password_and_signs_out(hub):
    person = register(hub, "first.day", Role.USER)
    answer = sign_in(hub, person)
    headers, told = bearer(answer), answer.json()
    assert (told["person"], told["to_do_first"], told["token_type"]) == (person, ["password"], "Bearer")
    assert answer.headers["cache-control"] == "no-store"
    entry = hub.entry(answer)
    assert (entry["action"], entry["actor"], entry["outcome"]) == ("session.sign_in", person, "answered")

    other = bearer(sign_in(hub, person))
    assert ask(hub, "PUT", "/password", headers, old=GIVEN, new="short").json()["code"] == "weak_password"
    assert ask(hub, "PUT", "/password", headers, old=GIVEN, new=CHOSEN).status_code == 200
    assert ask(hub, "GET", "", headers).json()["to_do_first"] == []
    assert ask(hub, "GET", "", other).json()["code"] == "session_ended"  # another device
    assert sign_in(hub, person).json()["code"] == "sign_in_refused"  # the given one is over
    assert sign_in(hub, person, CHOSEN).json()["to_do_first"] == []
    assert ask(hub, "DELETE", "", headers).json() == {"session": "ended"}
    assert ask(hub, "GET", "", headers).json()["code"] == "session_ended"


def test_an_administrator_sets_up_a_second_factor_and_is_asked_for_it(hub):
    person = register(hub, "new.boss", Role.SECURITY_ADMINISTRATOR)
    headers = bearer(sign_in(hub, person))
    ask(hub, "PUT", "/password", headers, old=GIVEN, new=CHOSEN)
    assert ask(hub, "GET", "", headers).json()["to_do_first"] == ["second_factor"]
    uri = ask(hub, "POST", "/totp", headers).json()["otpauth"]
    assert uri.startswith("otpauth://totp/Exchange%20hub%20chongqing:new.boss?")
    device = pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0])
    wrong = ask(hub, "PUT", "/totp", headers, code="x")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_second_factor")
    used = code_of(device)
    codes = ask(hub, "PUT", "/totp", headers, code=used).json()["recovery_codes"]
    assert len(codes) == 10
    told = ask(hub, "GET", "", headers).json()
    assert (told["second_factor"], told["to_do_first"]) == (True, [])

    answer = sign_in(hub, person, CHOSEN)
    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_required")
    assert sign_in(hub, person, CHOSEN, code=used).json()["code"] == "sign_in_refused"  # a replay
    headers = bearer(sign_in(hub, person, CHOSEN, code=codes[0]))
    assert ask(hub, "GET", "", headers).json()["second_factor"] is True
    assert sign_in(hub, person, CHOSEN, code=codes[0]).status_code == 401


def test_a_role_given_meanwhile_counts_at_once(hub):
    person = register(hub, "promoted", Role.USER)
    headers = bearer(sign_in(hub, person))
    ask(hub, "PUT", "/password", headers, old=GIVEN, new=CHOSEN)
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        people = People(connection, record_administration)
        people.set_roles(person, frozenset({Role.AUDIT_ADMINISTRATOR}), actor="test")
    told = ask(hub, "GET", "", headers).json()
    assert (told["roles"], told["to_do_first"]) == (["audit_administrator"], ["second_factor"])


def test_suspension_shuts_a_live_session_out_within_a_second(hub):
    person = register(hub, "gone.soon", Role.USER)
    headers = bearer(sign_in(hub, person))
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        People(connection, record_administration).set_person_status(
            person, PersonStatus.SUSPENDED, actor="test"
        )
    since = time.monotonic()
    answers = [ask(hub, "GET", "", headers | {"Connection": "close"}) for _ in range(10)]  # both processes
    assert {answer.json()["code"] for answer in answers} == {"access_denied"}
    assert answers[0].elapsed.total_seconds() < 1, time.monotonic() - since
    refused = sign_in(hub, person)
    assert (refused.status_code, refused.json()["code"]) == (403, "access_denied")
    assert "token" not in refused.json()


def test_who_fails_too_often_is_locked_out_on_both_processes(hub):
    person = register(hub, "forgetful", Role.USER)
    for _ in range(5):
        answer = sign_in(hub, person, "a wrong password")
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_refused")
    nobody = sign_in(hub, "nobody.here").json()
    locked = [sign_in(hub, person) for _ in range(4)]
    assert {one.json()["code"] for one in locked} == {"sign_in_refused"}
    told = [{name: one[name] for name in ("detail", "hint", "title")} for one in (nobody, locked[0].json())]
    assert told[0] == told[1]
    administer(hub, lambda local, c: local.accounts(c, record_administration).unlock(person, actor="t"))
    assert sign_in(hub, person).status_code == 200
    with hub.database.engine(Login.AUDITOR).connect() as connection:
        query = text(
            "SELECT action, count(*) FROM ledger.entry WHERE facts->>'target' = :p AND action ~ 'lock|fail' GROUP BY 1"
        )
        counted = dict(map(tuple, connection.execute(query, {"p": person})))
    assert counted == {"account.failure": 4, "account.lock": 1, "account.unlock": 1}


def test_neither_password_nor_who_was_guessed_is_on_the_ledger(hub):
    sign_in(hub, "a.guessed.name", "a guessed password")
    with hub.database.engine(Login.AUDITOR).connect() as connection:
        ledger = str(connection.execute(text("SELECT e::text FROM ledger.entry e")).all())
    assert "account.attempt" in ledger
    for hidden in ("a.guessed.name", "a guessed password", GIVEN, CHOSEN):
        assert hidden not in ledger
    log = (hub.settings.home / "server.log").read_text()
    assert not any(hidden in log for hidden in (GIVEN, CHOSEN, "guessed"))


@pytest.mark.parametrize(
    "body",
    [
        {}, {"person": "x"}, {"person": "x", "password": ""}, {"person": ["x"], "password": "y"},
        {"person": "x", "password": "y" * 5000}, {"person": "x", "password": "y", "roles": []}, {"person": "a\0", "password": "b"},
    ],
    ids=range(7),
)  # fmt: skip
def test_a_malformed_attempt_is_told_so(hub, body):
    answer = hub.http.post("/v1/session", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


def test_who_signs_in_elsewhere_has_no_password_here(hub):
    headers = hub.person(Role.PUBLISHER)
    answer = ask(hub, "PUT", "/password", headers, old=GIVEN, new=CHOSEN)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_registered")
    assert ask(hub, "POST", "/totp", headers).json()["code"] == "not_registered"


def test_a_second_factor_is_not_replaced_by_who_has_not_shown_it(hub):
    person = register(hub, "two.ways", Role.USER)
    headers = bearer(sign_in(hub, person))
    uri = ask(hub, "POST", "/totp", headers).json()["otpauth"]
    device = pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0])
    other = bearer(sign_in(hub, person))  # another session, from before
    assert ask(hub, "PUT", "/totp", headers, code=code_of(device)).status_code == 200
    assert ask(hub, "POST", "/totp", other).json()["code"] == "second_factor_required"
    assert ask(hub, "POST", "/totp", headers).status_code == 200


def test_an_address_that_fails_too_often_is_told_no_more(hub):
    person = register(hub, "spare.desk", Role.USER)
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="test", target="test", facts={})
        spent = "INSERT INTO catalog.sign_in_origin VALUES (:origin, now() + interval '1 hour') ON CONFLICT (origin) DO UPDATE SET free_at = excluded.free_at"
        origin = LocalAccounts.of(hub.settings, hub.keyring).origin("127.0.0.1")
        connection.execute(text(spent), {"origin": origin})
    refused = sign_in(hub, person)
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_refused")
    with hub.database.engine(Login.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="test", target="test", facts={})
        connection.execute(text("DELETE FROM catalog.sign_in_origin"))
    assert sign_in(hub, person).status_code == 200
