"""Being told what stands undone: once, signed, and never lost, by a receiver that answers as it is told to."""

import base64
import hmac
import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from doubted_hub import READER, REGISTRAR, Doubted, fill
from made_codes import credit_code
from sqlalchemy import text
from typer.testing import CliRunner

from audit.recording import record_administration
from catalog.tables import MATTER
from hub.cli import app
from hub.duties.telling import AUTHORITY, tell
from hub.duties.webhook import Webhook
from infra.database import Role
from schemas.errors import ConfigurationError

pytestmark = pytest.mark.server
NOW = datetime.now(UTC)
KEY = b"k" * 24
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """Keeps what it is sent; answers with the statuses given, then 200."""

    def __init__(self, url):
        self.url, self.taken, self.answers, self.waited = url, [], [], []

    @property
    def webhook(self):
        return Webhook(self.url, KEY, self.waited.append)

    def organisations(self):
        return sorted(json.loads(body)["data"]["organisation"] or AUTHORITY for _, body in self.taken)


@contextmanager
def listening():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.taken.append((dict(self.headers), body))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
            self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            """Say nothing at the terminal."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver():
    with listening() as one:
        yield one


@pytest.fixture
def hub(bare_hub, say):
    """The registrar is late with one delivery; a source whose department nobody registered has never delivered."""
    with bare_hub.database.engine(Role.APPLICATION).begin() as connection:
        fill(connection)
    Doubted(bare_hub, say).tell(
        "registrar", ("r-1", credit_code(1), "甲公司", None, None, None, "2026-01-01 08:00:00")
    )
    late(bare_hub, "AP1")
    return replace(bare_hub, sources={code: bare_hub.sources[code] for code in ("registrar", "statistics")})


def late(hub, id_):
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="test", target="test", facts={})
        connection.execute(
            MATTER.insert().values(
                kind="application", id=id_, state="approved", duty="deliver", due_at=NOW - timedelta(days=1), opened_at=NOW,
                parties={"provider": REGISTRAR, "user": READER}, position=1,
            )
        )  # fmt: skip


def noted(hub):
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = "SELECT facts ->> 'target', facts ->> 'findings' FROM ledger.entry WHERE action = 'duties.notify' ORDER BY id"
        return [tuple(row) for row in connection.execute(text(query))]


def test_what_stands_undone_is_told_once_and_again_after_days(hub, receiver):
    assert tell(hub, receiver.webhook).told == {REGISTRAR: 1, AUTHORITY: 1}
    assert receiver.organisations() == [REGISTRAR, AUTHORITY]
    assert sorted(noted(hub)) == [(REGISTRAR, "1"), (AUTHORITY, "1")]
    headers, body = next(one for one in receiver.taken if b"AP1" in one[1])
    (duty,) = json.loads(body)["data"]["duties"]
    assert (duty["duty"], duty["subject"]) == ("late_delivery", "AP1")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"

    assert tell(hub, receiver.webhook).told == {}
    late(hub, "AP2")
    assert tell(hub, receiver.webhook).told == {REGISTRAR: 1}
    assert b"AP1" not in receiver.taken[-1][1]
    later = tell(hub, receiver.webhook, lambda: NOW + timedelta(days=8)).told
    assert later[REGISTRAR] >= 2


def test_what_is_not_taken_is_told_with_the_next_run(hub, receiver):
    receiver.answers = [503, 200, 400]
    done = tell(hub, receiver.webhook)
    assert (done.told, list(done.failed)) == ({REGISTRAR: 1}, [AUTHORITY])
    assert "answers 400" in done.failed[AUTHORITY]
    assert receiver.waited == [1.0]
    first, second = (headers["webhook-id"] for headers, _ in receiver.taken[:2])
    assert first == second
    assert noted(hub) == [(REGISTRAR, "1")]
    receiver.answers = [503, 503, 503]
    assert list(tell(hub, receiver.webhook).failed) == [AUTHORITY]
    assert receiver.waited == [1.0, 1.0, 4.0]
    assert tell(hub, receiver.webhook).told == {AUTHORITY: 1}


def test_a_redirect_is_not_followed(hub, receiver):
    receiver.answers = [302, 307]
    assert set(tell(hub, receiver.webhook).failed) == {REGISTRAR, AUTHORITY}
    assert len(receiver.taken) == 2


def test_the_command_tells_and_says_who_could_not_be_told(hub, receiver, tmp_path, monkeypatch):
    folder = tmp_path / "none"
    folder.mkdir()
    told = {
        "HOME": hub.settings.home,
        "DATABASE_URL": hub.settings.database_url,
        "SOURCES": folder,
        "WEBHOOK_URL": receiver.url,
    }
    for name, value in told.items():
        monkeypatch.setenv(f"HUB_{name}", str(value))

    def run(*words):
        done = CliRunner().invoke(app, ["notify", *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    for secret in (None, "whsec_short", "whsec_ä"):
        if secret:
            monkeypatch.setenv("HUB_WEBHOOK_SECRET", secret)
        with pytest.raises(ConfigurationError):
            run()
    monkeypatch.setenv("HUB_WEBHOOK_SECRET", SECRET)
    receiver.answers = [404]
    failed = run("--json")
    assert (failed.exit_code, list(json.loads(failed.stdout)["failed"])) == (1, [REGISTRAR])
    assert REGISTRAR in run().stdout
    assert "Nothing is new." in run().stdout


def test_a_receiver_that_is_not_there_is_said(hub):
    with listening() as gone:
        pass
    failed = tell(hub, gone.webhook).failed
    assert "ConnectError" in failed[REGISTRAR]
    assert gone.waited == [1.0, 4.0] * 2


@pytest.mark.parametrize("url", ["ftp://x", "https://user:word@x/hook"])
def test_a_webhook_is_an_address_without_a_password(url, monkeypatch):
    from infra.settings import load_settings

    monkeypatch.setenv("HUB_WEBHOOK_URL", url)
    with pytest.raises(ConfigurationError, match="HUB_WEBHOOK_URL"):
        load_settings()
