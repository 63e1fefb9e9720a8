"""Being told what stands undone: once, signed, and never lost, by receivers that answer as they are told to."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from doubted_hub import REGISTRAR
from notified_hub import KEY, NOW, asked, contact, late, listening, mailed, mailing, noted
from postbox import open_postbox
from typer.testing import CliRunner

from audit.recording import record_administration
from catalog.tables import MATTER
from hub.cli import app
from hub.duties.channel import AUTHORITY
from hub.duties.duty import Severity
from hub.duties.memory import STEPS
from hub.duties.table import DUTIES
from hub.duties.telling import tell
from hub.duties.watching import ground_in, watch
from infra.database import Role
from schemas.errors import ConfigurationError

pytestmark = pytest.mark.server
DUE = datetime(2026, 3, 2, 1, tzinfo=UTC)  # a Monday; no holidays for weeks
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture
def hub(late_hub):
    return late_hub


@pytest.fixture
def receiver():
    with listening() as one:
        yield one


def patient_days(hub, at):
    """Return how late the one delivery is at a moment."""
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        (one,) = (one for one in watch(ground_in(hub, connection, lambda: at)) if one.lack.subject == "AP1")
        return one.days_late


def test_what_stands_undone_is_told_once_and_again_after_days(hub, receiver):
    assert tell(hub, [receiver.webhook]).told == {f"webhook/{REGISTRAR}": 1, f"webhook/{AUTHORITY}": 1}
    assert receiver.organisations() == [REGISTRAR, AUTHORITY]
    told = [(what, "webhook", whom, "1") for whom in (REGISTRAR, AUTHORITY) for what in ("claim", "notify")]
    assert sorted(noted(hub)) == sorted(told)
    headers, body = next(one for one in receiver.taken if b"AP1" in one[1])
    (duty,) = json.loads(body)["data"]["duties"]
    assert (duty["duty"], duty["subject"]) == ("late_delivery", "AP1")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"

    assert tell(hub, [receiver.webhook]).told == {}
    late(hub, "AP2")
    assert tell(hub, [receiver.webhook]).told == {f"webhook/{REGISTRAR}": 1}
    assert b"AP1" not in receiver.taken[-1][1]
    later = tell(hub, [receiver.webhook], lambda: NOW + timedelta(days=8)).told
    assert later[f"webhook/{REGISTRAR}"] >= 2
    assert asked(hub, "SELECT count(*) FROM catalog.notification_claim") == [(0,)]


def test_what_is_not_taken_is_told_with_the_next_run(hub, receiver):
    receiver.answers = [503, 200, 400]
    done = tell(hub, [receiver.webhook])
    assert (done.told, list(done.failed)) == ({f"webhook/{REGISTRAR}": 1}, [f"webhook/{AUTHORITY}"])
    assert "answers 400" in done.failed[f"webhook/{AUTHORITY}"]
    assert receiver.waited == [1.0]
    first, second = (headers["webhook-id"] for headers, _ in receiver.taken[:2])
    assert first == second
    assert [one[0] for one in noted(hub)] == ["claim", "notify", "claim", "not_taken"]
    receiver.answers = [503, 503, 503]
    assert list(tell(hub, [receiver.webhook]).failed) == [f"webhook/{AUTHORITY}"]
    assert receiver.waited == [1.0, 1.0, 4.0]
    assert tell(hub, [receiver.webhook]).told == {f"webhook/{AUTHORITY}": 1}
    refused, *_, taken = (headers["webhook-id"] for headers, _ in receiver.taken[2:])
    assert refused == taken
    with listening() as gone:
        pass
    late(hub, "AP2")
    failed = tell(hub, [gone.webhook]).failed
    assert "ConnectError" in failed[f"webhook/{REGISTRAR}"]
    assert gone.waited == [1.0, 4.0]
    receiver.answers = [307]  # nobody is followed
    number = len(receiver.taken)
    assert "answers 307" in tell(hub, [receiver.webhook]).failed[f"webhook/{REGISTRAR}"]
    assert len(receiver.taken) == number + 1


def test_it_is_told_again_when_it_became_worse(hub, receiver, monkeypatch):
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="test", target="test", facts={})
        connection.execute(MATTER.update().values(due_at=DUE))
    patient = replace(hub, settings=hub.settings.model_copy(update={"notify_again_days": 366}))
    told = [
        day
        for day in range(30)
        if f"webhook/{REGISTRAR}"
        in tell(patient, [receiver.webhook], lambda day=day: DUE + timedelta(days=day)).told
    ]
    late_by = [patient_days(patient, DUE + timedelta(days=day)) for day in told]
    assert late_by == [1, *STEPS]
    severer = [
        replace(one, severity=Severity.WARNING) if one.name == "undelivered_source" else one for one in DUTIES
    ]
    monkeypatch.setattr("hub.duties.telling.watch", lambda ground: watch(ground, severer))
    assert tell(patient, [receiver.webhook], lambda: DUE + timedelta(days=30)).told == {
        f"webhook/{AUTHORITY}": 1
    }
    monkeypatch.undo()
    assert (
        tell(patient, [receiver.webhook], lambda: DUE + timedelta(days=30)).told == {}
    )  # nor when it became better


def test_each_channel_remembers_for_itself(hub, receiver):
    with open_postbox() as postbox:
        desk = contact(hub, REGISTRAR, "desk@example.org")
        receiver.answers = [400, 400]
        city = mailing(hub, postbox, webhook_url=receiver.url, webhook_secret=SECRET)
        done = mailed(city)
        assert done.told == {f"smtp/{desk.id}": 1}
        assert sorted(done.failed) == [f"webhook/{REGISTRAR}", f"webhook/{AUTHORITY}"]
        done = mailed(city)
        assert (done.told, done.failed) == ({f"webhook/{REGISTRAR}": 1, f"webhook/{AUTHORITY}": 1}, {})
        assert len(postbox.taken) == 1


def test_the_command_tells_and_says_who_could_not_be_told(hub, receiver, typed, monkeypatch):
    def run(*words):
        done = CliRunner().invoke(app, ["notify", *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    with pytest.raises(ConfigurationError, match="Nobody is to be told"):
        run("--dry-run")
    monkeypatch.setenv("HUB_WEBHOOK_URL", receiver.url)
    for secret in (None, "whsec_short", "whsec_ä"):
        if secret:
            monkeypatch.setenv("HUB_WEBHOOK_SECRET", secret)
        with pytest.raises(ConfigurationError):
            run()
    monkeypatch.setenv("HUB_WEBHOOK_SECRET", SECRET)
    ((planned_to),) = json.loads(run("--dry-run", "--json").stdout)
    assert (planned_to["channel"], planned_to["recipient"], planned_to["duties"][0]["subject"]) == (
        "webhook",
        REGISTRAR,
        "AP1",
    )
    assert "AP1" in run("--dry-run").stdout
    assert (receiver.taken, noted(hub)) == ([], [])
    receiver.answers = [404]
    failed = run("--json")
    assert (failed.exit_code, list(json.loads(failed.stdout)["failed"])) == (1, [f"webhook/{REGISTRAR}"])
    assert REGISTRAR in run().stdout
    assert "Nothing is new." in run().stdout
    assert "Nothing is new." in run("--dry-run").stdout


@pytest.mark.parametrize("url", ["ftp://x", "https://user:word@x/hook"])
def test_a_webhook_is_an_address_without_a_password(url, monkeypatch):
    from infra.settings import load_settings

    monkeypatch.setenv("HUB_WEBHOOK_URL", url)
    with pytest.raises(ConfigurationError, match="HUB_WEBHOOK_URL"):
        load_settings()
