"""Streams: no portion without its entry, and what becomes of one that stops, in this process and over the real server."""

import asyncio
import json
import socket
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from exchange_api_hub import KEY, PERSON, agreement, citizen
from sqlalchemy import text
from streamed import A_PORTION, PATH, streamed_app

from audit.notes import ledger_signer
from audit.recording import record_administration
from audit.sealer import seal
from audit.segments import readings
from base_libraries.reading import GoldenReader
from catalog.agreement import AgreementStatus
from catalog.allowance import Rate
from catalog.repository import Catalogue
from catalog.system import System, SystemStatus
from exchange_api.outflow import Outflow
from hub.objections.raising import READ
from hub.server import free_port, served
from infra.database import Role
from schemas.resource import resource_named

pytestmark = pytest.mark.server
ITEMS = ("name", "sex")
AGREED = {
    "streaming": {}, "leaving": {}, "halting": {}, "ending": {}, "narrowed": {}, "unlogged": {}, "failing": {},
    "counted": {"quota_per_day": 2 * A_PORTION + 1, "rate": Rate(0.001, burst=2)},
}  # fmt: skip


@pytest.fixture(scope="module")
def hub(served_hub):
    with administering(served_hub) as catalogue:
        for system, terms in AGREED.items():
            key = KEY.as_dict(private=False)
            catalogue.add_system(System(system, "11500000009275123M", system, (key,)), actor="test")
            catalogue.add_agreement(agreement(f"s-{system}", system, PERSON, ITEMS, **terms), actor="test")
    served_hub.knows("counted")
    return served_hub


@contextmanager
def administering(hub):
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        yield Catalogue(connection, record_administration)


@contextmanager
def without(hub, right, table):
    """What the application may do to a table, taken from it."""
    with hub.database.engine(Role.OWNER).begin() as connection:
        connection.execute(text(f"REVOKE {right} ON {table} FROM hub_application"))
    try:
        yield
    finally:
        with hub.database.engine(Role.OWNER).begin() as connection:
            connection.execute(text(f"GRANT {right} ON {table} TO hub_application"))


class Answer:
    """What an ASGI application sent."""

    def __init__(self):
        self.status, self.headers, self.bodies, self.whole = 0, {}, [], False

    def take(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        if message.get("body"):
            self.bodies.append(message["body"])
        self.whole = not message.get("more_body", False)


@asynccontextmanager
async def running(hub):
    app = streamed_app(hub.settings)
    async with app.router.lifespan_context(app):
        yield app


async def called(app, hub, system, behind_first=None, **asked):
    """Call the route in this process; ``behind_first`` is done when the first portion was sent, with the answer so far."""
    answer, headers = Answer(), hub.headers(hub.token(system))

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        answer.take(message)
        if behind_first is not None and message.get("body") and len(answer.bodies) == 1:
            await behind_first()

    path = PATH.format(code=PERSON)
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "http_version": "1.1", "scheme": "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "query_string": "&".join(f"{name}={value}" for name, value in asked.items()).encode(), "client": None,
    }  # fmt: skip
    await app(scope, receive, send)
    return answer


def stream(hub, system, behind_first=None, **asked):
    async def run():
        async with running(hub) as app:
            return await called(app, hub, system, behind_first and (lambda: behind_first(app)), **asked)

    return asyncio.run(run())


def entries(hub, answer):
    """The ledger entries of a stream, in their order."""
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = text("SELECT * FROM ledger.entry WHERE request = :id ORDER BY id")
        return connection.execute(query, {"id": answer.headers["hub-request-id"]}).mappings().all()


# ── whole ────────────────────────────────────────────────────────────────────────────────────────────


def test_every_portion_is_on_the_ledger_before_it_is_sent(hub):
    found = []

    async def look(_app):
        with hub.database.engine(Role.AUDITOR).connect() as connection:
            query = text("SELECT count(*) FROM ledger.entry WHERE actor = 'streaming' AND records > 0")
            found.append(connection.execute(query).scalar_one())

    answer = stream(hub, "streaming", look, portions=4)
    assert found == [1]
    assert (answer.status, answer.whole, len(answer.bodies)) == (200, True, 4)
    assert "content-length" not in answer.headers
    *portions, end = entries(hub, answer)
    first = answer.headers["hub-entry"]
    assert str(portions[0]["id"]) == first
    assert [one["facts"] for one in portions] == [{"stream": first, "portion": number} for number in range(4)]
    assert [(one["records"], len(one["subjects"]), one["outcome"]) for one in portions] == [
        (A_PORTION, 16 * A_PORTION, "answered")
    ] * 4
    assert all(one["items"] == list(ITEMS) and one["agreement"] == "s-streaming" for one in portions)
    assert (end["outcome"], end["problem"], end["records"], end["subjects"]) == ("whole", None, 0, None)
    sent = sum(map(len, answer.bodies))
    assert end["facts"] == {"stream": first, "portions": 4, "records": 12, "bytes": sent, "end": "whole"}


def test_recall_finds_who_read_a_record_in_a_stream(hub, settled):
    stream(hub, "streaming", portions=3)
    settled()
    seal(hub.database.engine(Role.APPLICATION), ledger_signer(hub.keyring, hub.settings.hub_id))
    subject = GoldenReader(resource_named(PERSON), hub.keyring).subject(citizen(2 * A_PORTION))
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        now = connection.execute(text("SELECT now() - interval '1 hour', now() + interval '1 hour'")).one()
        found = readings(connection, PERSON, [subject], READ, *now)
    assert {one.system for one in found} >= {"streaming"}


def test_an_answer_may_be_other_than_json(hub):
    answer = stream(hub, "streaming")
    assert (answer.headers["content-type"], b"".join(answer.bodies).decode()) == ("text/plain", "正文")
    assert [one["outcome"] for one in entries(hub, answer)] == ["answered"]


# ── stopped ──────────────────────────────────────────────────────────────────────────────────────────


def stopped(hub, answer, problem):
    """Assert that one portion came, that the reader can see it was not all, and that the ledger says why."""
    assert (answer.status, len(answer.bodies), answer.whole) == (200, 1, False)
    *_, end = entries(hub, answer)
    assert (end["outcome"], end["problem"]) == ("stopped", problem)
    assert end["facts"]["records"] == A_PORTION
    assert end["facts"]["bytes"] == len(answer.bodies[0])


async def until_refused(app, hub, token):
    """Wait until this process's hub refuses the name to the holder of a token."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub") as http:
        path = f"/v1/resources/{PERSON}/records/{citizen(1)}?items=name"
        for _ in range(1000):
            if (await http.get(path, headers=hub.headers(token))).status_code == 403:
                return
            await asyncio.sleep(0.01)
    raise AssertionError("the process has not heard of it")


@pytest.mark.parametrize("system", ["halting", "ending", "narrowed"])
def test_a_stream_stops_where_its_call_would_be_refused(hub, system):
    token = hub.token(system)

    async def change(app):
        with administering(hub) as catalogue:
            if system == "halting":
                catalogue.set_system_status(system, SystemStatus.SUSPENDED, actor="test")
            elif system == "ending":
                catalogue.set_agreement_status(f"s-{system}", AgreementStatus.ENDED, actor="test")
        if system == "narrowed":
            with hub.database.engine(Role.OWNER).begin() as connection:
                connection.execute(
                    text("UPDATE catalog.agreement SET items = '{sex}' WHERE id = 's-narrowed'")
                )
                told = {"actor": "test", "action": "agreement.narrow", "target": "s-narrowed", "facts": {}}
                record_administration(connection, **told)
        await until_refused(app, hub, token)

    answer = stream(hub, system, change, portions=1000)
    stopped(hub, answer, "agreement_changed" if system == "narrowed" else "access_denied")


def test_a_stream_spends_its_quota_by_portions_and_one_call_of_its_rate(hub):
    answer = stream(hub, "counted", portions=4)
    assert (answer.status, len(answer.bodies), answer.whole) == (200, 2, False)
    *portions, end = entries(hub, answer)
    assert [one["records"] for one in portions] == [A_PORTION] * 2
    assert (end["outcome"], end["problem"]) == ("stopped", "quota_spent")
    again = stream(hub, "counted", portions=1)
    assert (again.status, again.whole, json.loads(again.bodies[0])["code"]) == (429, True, "quota_spent")


def test_a_stream_whose_ledger_cannot_be_written_sends_no_more_and_does_not_end_well(hub):
    async def run():
        async with running(hub) as app:
            taken = without(hub, "INSERT", "ledger.entry")

            async def take():
                taken.__enter__()

            try:
                return await called(app, hub, "unlogged", take, portions=3)
            finally:
                taken.__exit__(None, None, None)

    answer = asyncio.run(run())
    assert (answer.status, len(answer.bodies), answer.whole) == (200, 1, False)


def test_a_stream_whose_records_cannot_be_read_any_more_stops(hub):
    async def kill(_app):
        with hub.database.engine(Role.OWNER).begin() as connection:
            connection.execute(
                text("ALTER TABLE library.golden_natural_person RENAME TO gone_natural_person")
            )

    try:
        answer = stream(hub, "failing", kill, portions=3)
    finally:
        with hub.database.engine(Role.OWNER).begin() as connection:
            connection.execute(
                text("ALTER TABLE library.gone_natural_person RENAME TO golden_natural_person")
            )
    stopped(hub, answer, "hub_error")


def test_a_stream_outlives_connections_that_are_cut(hub):
    """Those it reads by and those of the ledger: each portion takes what connection there is."""

    async def cut(_app):
        with psycopg.connect(hub.settings.database_url, autocommit=True) as connection:
            connection.execute("""
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND usename = 'hub_application'
            """)
        await asyncio.sleep(0)

    answer = stream(hub, "streaming", cut, portions=4)
    assert (answer.status, len(answer.bodies), answer.whole) == (200, 4, True)
    *portions, end = entries(hub, answer)
    assert (len(portions), end["outcome"]) == (4, "whole")


# ── over the wire ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def wired(hub, tmp_path_factory):
    port = free_port()
    own = {"port": port, "workers": 1, "public_url": f"http://127.0.0.1:{port}"}
    settings = hub.settings.model_copy(update=own)
    here = str(Path(__file__).parent)
    log = tmp_path_factory.mktemp("streamed") / "server.log"
    paths = ":".join([here, str(Path(__file__).parents[2])])
    with served(settings, log, "streamed:app", extra={"PYTHONPATH": paths}) as url:
        yield replace(hub, url=url, settings=settings)


@contextmanager
def asked(hub, **asked):
    """A connection on which a stream was asked for, and nothing read yet."""
    headers = hub.headers(hub.token("leaving")) | {"Host": "hub"}
    path = PATH.format(code=PERSON) + "?" + "&".join(f"{name}={value}" for name, value in asked.items())
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    address = urlsplit(hub.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.settimeout(30)
        connection.sendall("\r\n".join(lines).encode())
        yield connection


def recorded(hub):
    """How many portions of the last stream are on the ledger, and its end."""
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = text("""
            SELECT outcome, facts FROM ledger.entry WHERE request =
                (SELECT request FROM ledger.entry WHERE actor = 'leaving' ORDER BY id DESC LIMIT 1)
        """)
        rows = connection.execute(query).all()
    ends = [row for row in rows if row.outcome != "answered"]
    return len(rows) - len(ends), ends[0] if ends else None


def end_of(hub):
    for _ in range(600):
        _, end = recorded(hub)
        if end is not None:
            return end
        time.sleep(0.05)
    raise AssertionError("the stream has not ended")


MEGABYTE = 1_000_000


def test_the_ledger_says_how_much_a_reader_that_left_got(wired):
    with asked(wired, portions=200, size=MEGABYTE) as connection:
        got = 0
        while got < 3 * MEGABYTE:
            got += len(connection.recv(65536))
    end = end_of(wired)
    assert end.outcome == "left"
    assert got - 2000 <= end.facts["taken"] <= end.facts["bytes"] < 200 * MEGABYTE
    assert end.facts["portions"] < 200


def test_a_slow_reader_is_not_run_ahead_of_and_gets_it_whole(wired):
    """Nothing is read until no more comes: then what was sent is what its connection holds, and little more."""
    with asked(wired, portions=60, size=MEGABYTE) as connection:
        held, before = 0, -1
        while held != before:
            time.sleep(1)
            held, before = recorded(wired)[0], held
        assert 0 < held < 40
        received = bytearray()
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += connection.recv(MEGABYTE)
    assert end_of(wired).outcome == "whole"
    assert len(received) > 60 * MEGABYTE


def test_a_stream_that_stops_leaves_its_body_unfinished(wired):
    with asked(wired, portions=60, size=MEGABYTE) as connection:
        received = bytearray(connection.recv(65536))
        with without(wired, "INSERT", "ledger.entry"):
            while part := connection.recv(MEGABYTE):
                received += part
    assert received.startswith(b"HTTP/1.1 200")
    assert not received.endswith(b"0\r\n\r\n")


def test_what_was_taken_is_counted_of_one_connection_only():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        reader = socket.create_connection(listening.getsockname())
        writer, address = listening.accept()
        with reader, writer:
            watched = Outflow.of({"client": [address[0], str(address[1])]})
            writer.sendall(b"x" * 1000)
            assert reader.recv(1000, socket.MSG_WAITALL) == b"x" * 1000
            assert watched.taken() == 1000
            assert not watched.left
            reader.close()
            assert watched.left
            watched.close()
    assert Outflow.of({"client": ["127.0.0.1", 1]}) is None
    assert Outflow.of({"client": None}) is None
