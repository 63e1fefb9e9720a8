"""Being told by mail: whom it concerns, once a day, and once whatever becomes of who tells."""

import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import timedelta

import documents
import pytest
from doubted_hub import READER, REGISTRAR
from notified_hub import NOW, asked, contact, late, mailed, mailing, noted
from postbox import open_postbox

from audit.recording import record_administration
from catalog.contact import Bearer
from catalog.contacts import Contacts
from catalog.tables import MATTER
from hub.duties.channels import channels_of
from hub.duties.telling import planned
from infra.database import Role, open_database
from schemas.errors import NotificationBusy

pytestmark = pytest.mark.server


@pytest.fixture
def hub(late_hub):
    return late_hub


def test_each_contact_gets_a_digest_a_day_of_what_concerns_it(hub):
    with open_postbox() as postbox:
        city = mailing(hub, postbox)
        assert mailed(city).told == {}  # there is nobody to be told
        desk = contact(hub, REGISTRAR, "desk@example.org")
        second = contact(hub, REGISTRAR, "second@example.org")
        judge = contact(hub, READER, "judge@example.org", Bearer.AUTHORITY, Bearer.SYSTEM_ADMINISTRATOR)
        contact(hub, READER, "reader@example.org")
        postbox.answers = {second.address: ["550 no"]}
        done = mailed(city)
        assert done.told == {f"smtp/{desk.id}": 1, f"smtp/{judge.id}": 1}
        assert list(done.failed) == [f"smtp/{second.id}"]
        assert "AP1" in postbox.told(desk.address)[0]
        assert "statistics" in postbox.told(judge.address)[0]
        assert "AP1" not in postbox.told(judge.address)[0]
        late(hub, "AP2")
        assert mailed(city).told == {f"smtp/{second.id}": 2}
        assert mailed(city, lambda: NOW + timedelta(days=1)).told[f"smtp/{desk.id}"] == 1
        assert "AP1" not in postbox.told(desk.address)[1]
        assert len(set(postbox.ids())) == len(postbox.ids()) == 4
        everything = str(noted(hub)) + str(asked(hub, "SELECT * FROM catalog.notification"))
        assert "example.org" not in everything
        with hub.database.engine(Role.APPLICATION).begin() as connection:
            Contacts(connection, record_administration).remove(REGISTRAR, desk.id, actor="test")
        assert (desk.id,) not in asked(hub, "SELECT recipient FROM catalog.notification")


def test_what_was_done_and_is_undone_anew_is_told_again(hub):
    with open_postbox() as postbox:
        desk = contact(hub, REGISTRAR, "desk@example.org")
        city = mailing(hub, postbox)
        for day, due, told in ((0, NOW - timedelta(days=1), 1), (1, None, 0), (1, NOW - timedelta(days=1), 1), (2, NOW - timedelta(days=1), 0)):  # fmt: skip
            with hub.database.engine(Role.APPLICATION).begin() as connection:
                record_administration(connection, actor="test", action="test", target="test", facts={})
                connection.execute(MATTER.update().values(duty=due and "deliver", due_at=due))
            done = mailed(city, lambda day=day: NOW + timedelta(days=day))
            assert done.told == ({f"smtp/{desk.id}": 1} if told else {})
        assert [row[0] for row in noted(hub)] == ["claim", "notify", "done", "claim", "notify"]


def test_two_at_once_tell_once_and_nothing_is_open_meanwhile(hub):
    with open_postbox() as postbox:
        contact(hub, REGISTRAR, "desk@example.org")
        city, seen = mailing(hub, postbox), []

        def meanwhile():
            with pytest.raises(NotificationBusy, match="being told"):
                mailed(city)
            seen.extend(asked(hub, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                                   "AND backend_type = 'client backend' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"))  # fmt: skip
            assert asked(hub, "SELECT count(*) FROM catalog.notification_claim") == [(1,)]
            seen.append("claimed")

        postbox.meanwhile = meanwhile
        assert len(mailed(city).told) == 1
        assert seen == [(0,), "claimed"]
        postbox.meanwhile = None
        assert mailed(city).told == {}


def test_a_kill_between_sending_and_noting_leads_to_one_repeat_by_the_same_id(hub):
    """Killed before the message is sent, when it is taken and not answered yet, and so again with the repeat."""
    with open_postbox() as postbox:
        contact(hub, REGISTRAR, "desk@example.org")
        city = mailing(hub, postbox)
        processes = []

        def kill():
            os.kill(processes[-1].pid, signal.SIGKILL)

        for before, meanwhile, taken in ((kill, None, 0), (None, kill, 1), (None, kill, 2)):
            postbox.before, postbox.meanwhile = before, meanwhile
            processes.append(multiprocessing.get_context("fork").Process(target=_tell_anew, args=(city,)))
            processes[-1].start()
            processes[-1].join(60)
            assert processes[-1].exitcode == -signal.SIGKILL
            assert len(postbox.taken) == taken
        postbox.meanwhile = None
        late(hub, "AP2")
        with channels_of(city) as channels:
            (planned_now,) = planned(city, channels)
        assert len(planned_now.findings) == 2
        assert list(mailed(city).told.values()) == [1]
        assert len(postbox.ids()) == 3
        assert len(set(postbox.ids())) == 1
        assert mailed(city).told == {}
        assert mailed(city, lambda: NOW + timedelta(days=1)).told != {}
        assert "AP2" in postbox.told("desk@example.org")[-1]


def _tell_anew(city):
    """Open the database anew, as a process that was forked has to, and tell."""
    with open_database(city.settings) as database:
        mailed(replace(city, database=database))


def test_the_walk_through_tells_by_mail(hub, typed, monkeypatch):
    late(hub, "AP7", "115001030092751236")
    (script,) = (
        block for block in documents.blocks(documents.page("duties.md"), "sh") if "contact add" in block
    )
    with open_postbox() as postbox:
        monkeypatch.setenv("HUB_SMTP_URL", f"smtp://127.0.0.1:{postbox.port}")
        monkeypatch.setenv("HUB_SMTP_SENDER", "hub@example.org")
        *_, shown, told = documents.run(script)
        assert "AP7" in shown
        assert "smtp/c-" in told
        ((to, message),) = postbox.taken
        assert (to, message["Subject"]) == ("desk@example.org", "履职提醒 Duties: 1 alert · 渝中区行政审批局")
