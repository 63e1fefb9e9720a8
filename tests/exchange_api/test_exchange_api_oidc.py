"""Signing in by OpenID Connect: two hubs' processes, a real provider as a process, and a browser between them."""

import asyncio
import subprocess
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from openid_provider import CLIENT, PASSWORD, SECRET
from sqlalchemy import text

from audit.recording import record_administration
from catalog.organisation import Organisation
from catalog.people import People
from catalog.person import Person, PersonStatus, Role
from catalog.repository import Catalogue
from exchange_api import oidc_desk
from exchange_api.app import create_app
from hub.server import free_port
from infra.database import Role as Login
from infra.database import open_database

pytestmark = pytest.mark.server
HUB = "http://hub.test"
CALLBACK, START = "/v1/session/oidc/callback", "/v1/session/oidc/start"


@pytest.fixture(scope="module")
def provider():
    """The issuer of a running provider."""
    port = free_port()
    script = str(Path(__file__).with_name("openid_provider.py"))
    process = subprocess.Popen([sys.executable, script, str(port), HUB + CALLBACK])
    issuer, ends = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while True:
            try:
                httpx.get(f"{issuer}/jwks", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None, "the provider stopped"
                assert time.monotonic() < ends, "the provider does not start"
                time.sleep(0.1)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def settings_of(hub_settings, provider):
    with open_database(hub_settings) as database, database.engine(Login.APPLICATION).begin() as connection:
        Catalogue(connection, record_administration).add_organisation(
            Organisation("A", "局", "500000"), actor="t"
        )
        people = People(connection, record_administration)
        for name, role in (
            ("user", Role.USER),
            ("system-administrator", Role.SYSTEM_ADMINISTRATOR),
            ("suspended.one", Role.USER),
        ):
            people.add_person(Person(name, "测试", "A", frozenset({role})), actor="t")
        people.set_person_status("suspended.one", PersonStatus.SUSPENDED, actor="t")
    given = {
        "oidc_issuer": provider,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "public_url": HUB,
    }
    return hub_settings.model_copy(update=given)


@asynccontextmanager
async def hubs(settings, number=1):
    """So many processes' applications, each with a client that keeps no cookies."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(number):
            app = create_app(settings)
            await stack.enter_async_context(app.router.lifespan_context(app))
            opened.append(
                await stack.enter_async_context(
                    httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HUB)
                )
            )
        yield opened


class Browser:
    """Somebody's browser: goes where it is sent, and keeps the hub's cookie."""

    def __init__(self, person="user", device=False):
        self.person, self.headers, self.cookie = person, {"Device": "yes"} if device else {}, ""

    async def out(self, hub):
        """Begin at the hub; returns where the browser is sent."""
        answer = await hub.get(START)
        assert answer.status_code == 302, answer.text
        self.cookie, _, self.flags = answer.headers["set-cookie"].partition(";")
        return answer.headers["location"]

    async def shown(self, location):
        """Show the provider who it is; returns what it sends back to the hub."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(location, auth=(self.person, PASSWORD), headers=self.headers)
        assert answer.status_code == 302, answer.text
        assert answer.headers["location"].startswith(HUB + CALLBACK)
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    async def back(self, hub, told, **changed):
        asked = {name: value for name, value in {**told, **changed}.items() if value is not None}
        return await hub.get(
            f"{CALLBACK}?{urlencode(asked)}", headers={"Cookie": self.cookie} if self.cookie else {}
        )

    async def sign_in(self, hub):
        return await self.back(hub, await self.shown(await self.out(hub)))


def test_a_person_signs_in_out_of_one_process_and_back_into_another(settings_of):
    async def story():
        async with hubs(settings_of, 2) as (one, other):
            browser = Browser()
            location = await browser.out(one)
            asked = dict(parse_qsl(urlsplit(location).query))
            answer = await browser.back(other, await browser.shown(location))
            assert answer.status_code == 200, answer.text
            bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
            return asked, browser, answer, await one.get("/v1/session", headers=bearer)

    asked, browser, answer, who = asyncio.run(story())
    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == (
        "code",
        "S256",
        "openid profile",
    )
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert "HttpOnly" in browser.flags
    assert "SameSite=Lax" in browser.flags
    assert "Max-Age=0" in answer.headers["set-cookie"]
    told = who.json()
    assert (told["person"], told["method"], told["second_factor"], told["to_do_first"]) == (
        "user",
        "oidc",
        False,
        [],
    )
    with open_database(settings_of) as database, database.engine(Login.AUDITOR).connect() as connection:
        query = text("SELECT actor, facts->>'method' FROM ledger.entry WHERE action = 'session.begin'")
        assert connection.execute(query).all() == [("user", "oidc")]
        entries = connection.execute(
            text("SELECT action, actor, outcome FROM ledger.entry WHERE action ~ 'oidc' ORDER BY id")
        ).all()
    assert entries == [("session.oidc.start", None, "answered"), ("session.oidc", "user", "answered")]


def test_who_may_not_is_refused_and_on_the_ledger(settings_of):
    async def story():
        async with hubs(settings_of) as (hub,):
            answers = {}
            for name, device in (
                ("not.registered", False), ("suspended.one", False), ("system-administrator", False), ("system-administrator", True),
            ):  # fmt: skip
                answers[name, device] = await Browser(name, device).sign_in(hub)
            return answers

    answers = asyncio.run(story())
    assert {key: (answer.status_code, answer.json().get("code")) for key, answer in answers.items()} == {
        ("not.registered", False): (401, "sign_in_refused"),
        ("suspended.one", False): (403, "access_denied"),
        ("system-administrator", False): (401, "second_factor_required"),
        ("system-administrator", True): (200, None),
    }
    assert answers["system-administrator", True].json()["second_factor"] is True
    with open_database(settings_of) as database, database.engine(Login.AUDITOR).connect() as connection:
        query = text("SELECT problem, facts->>'person' FROM ledger.entry WHERE kind = 'refusal' ORDER BY id")
        told = connection.execute(query).all()
    assert told == [
        ("sign_in_refused", None),
        ("access_denied", "suspended.one"),
        ("second_factor_required", "system-administrator"),
    ]


def test_a_way_back_that_is_not_this_browsers_is_refused(settings_of):
    async def story():
        async with hubs(settings_of) as (hub,):
            mine, other = Browser(), Browser("suspended.one")
            told = await mine.shown(await mine.out(hub))
            stolen = await other.shown(await other.out(hub))
            answers = [
                await mine.back(hub, told, state="x" * 43),
                await mine.back(hub, told, state=None),
                await mine.back(hub, told, iss="https://elsewhere.example"),
                await mine.back(hub, told, code=None),
                await mine.back(hub, told, error="access_denied"),
                await other.back(hub, told),
                await mine.back(hub, told, code=stolen["code"]),  # of another browser's challenge
            ]
            kept, mine.cookie = mine.cookie, ""
            answers.append(await mine.back(hub, told))
            began, _, rest = kept.partition(".")
            mine.cookie = f"{began[:-3]}999.{rest}"
            answers.append(await mine.back(hub, told))
            mine.cookie = kept
            good = await mine.back(hub, told)
            return answers, good, await mine.back(hub, told)

    answers, good, again = asyncio.run(story())
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (401, "authentication_failed")
    }
    assert good.status_code == 200
    assert (again.status_code, again.json()["code"]) == (401, "authentication_failed")  # a code is good once


def test_a_cookie_is_good_for_ten_minutes(settings_of, monkeypatch):
    async def story():
        async with hubs(settings_of) as (hub,):
            browser = Browser()
            told = await browser.shown(await browser.out(hub))
            late = oidc_desk.now() + timedelta(minutes=11)
            monkeypatch.setattr(oidc_desk, "now", lambda: late)
            return await browser.back(hub, told)

    assert "too long ago" in asyncio.run(story()).json()["detail"]


def test_where_there_is_no_provider_it_is_told_so(settings_of, hub_settings):
    async def story():
        async with hubs(hub_settings) as (without,):
            absent = await without.get(START)
        gone = settings_of.model_copy(update={"oidc_issuer": f"http://127.0.0.1:{free_port()}"})
        async with hubs(gone) as (hub,):
            return absent, await hub.get(START)

    absent, gone = asyncio.run(story())
    assert (absent.status_code, absent.json()["code"]) == (404, "not_registered")
    assert (gone.status_code, gone.json()["code"]) == (503, "identity_provider_unavailable")
    assert gone.headers["retry-after"] == "10"
