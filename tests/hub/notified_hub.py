"""A hub in which something stands undone, whom it is told to, and what is asked of it afterwards."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import webhook_receiver
from doubted_hub import READER, REGISTRAR, fill
from sqlalchemy import text
from webhook_receiver import Received

from audit.recording import record_administration
from catalog.contact import OWN, Contact
from catalog.contacts import Contacts
from catalog.tables import MATTER
from hub.duties.channel import AUTHORITY
from hub.duties.channels import channels_of
from hub.duties.telling import tell
from hub.duties.webhook import Webhook
from infra.database import Role

NOW = datetime.now(UTC)
KEY = b"k" * 24


@pytest.fixture
def late_hub(bare_hub):
    """The registrar is late with one delivery; a source whose department nobody registered has never delivered."""
    with bare_hub.database.engine(Role.APPLICATION).begin() as connection:
        fill(connection)
    late(bare_hub, "AP1")
    return replace(bare_hub, sources={"statistics": bare_hub.sources["statistics"]})


@pytest.fixture
def typed(late_hub, tmp_path, monkeypatch):
    """A terminal on the hub, without sources."""
    folder = tmp_path / "none"
    folder.mkdir()
    told = {"HOME": late_hub.settings.home, "DATABASE_URL": late_hub.settings.database_url, "SOURCES": folder}
    for name, value in told.items():
        monkeypatch.setenv(f"HUB_{name}", str(value))


def late(hub, id_, provider=REGISTRAR):
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="test", target="test", facts={})
        connection.execute(
            MATTER.insert().values(
                kind="application", id=id_, state="approved", duty="deliver", due_at=NOW - timedelta(days=1), opened_at=NOW,
                parties={"provider": provider, "user": READER}, position=1,
            )
        )  # fmt: skip


def asked(hub, query):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def noted(hub):
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = (
            "SELECT action, facts ->> 'channel', facts ->> 'target', facts ->> 'findings' FROM ledger.entry "
            "WHERE action LIKE 'duties.%' ORDER BY id"
        )
        return [(row[0].removeprefix("duties."), *row[1:]) for row in connection.execute(text(query))]


def contact(hub, organisation, address, *bearers):
    made = Contact.made(organisation, address, frozenset(bearers) or OWN)
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        Contacts(connection, record_administration).add(made, actor="test")
    return made


def mailing(hub, postbox, **changed):
    told = {"smtp_url": f"smtp://127.0.0.1:{postbox.port}", "smtp_sender": "hub@city.example.org", **changed}
    return replace(hub, settings=hub.settings.model_copy(update=told))


def mailed(hub, clock=lambda: NOW, wait=None):
    with channels_of(hub) as channels:
        channels[-1].wait = wait or (lambda _seconds: None)
        return tell(hub, channels, clock)


class Receiver(Received):
    """What the webhook of duties is sent to."""

    def __init__(self, url):
        super().__init__(url)
        self.waited = []

    @property
    def webhook(self):
        return Webhook(self.url, KEY, self.waited.append)

    def organisations(self):
        return sorted(json.loads(body)["data"]["organisation"] or AUTHORITY for _, body in self.taken)


def listening():
    return webhook_receiver.listening(Receiver)
