from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from made_workflow import KEEPER, LOAN, OTHER_WRITER, PARTIES, REVIEWER, STRANGER, WRITER
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.recording import record_administration
from catalog.actor import HUB
from catalog.matters import Due, Matters
from infra.database import Role
from schemas.errors import AlreadyRegistered, ForbiddenTransition, NotYourPart, UnknownMatter

pytestmark = pytest.mark.server
START = datetime(2026, 3, 2, 1, tzinfo=UTC)


@contextmanager
def loans(database, at=START, record=record_administration):
    with database.engine(Role.APPLICATION).begin() as connection:
        yield Matters(connection, record, LOAN, lambda: at)


def count(database, table):
    with database.engine(Role.OWNER).connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_every_act_is_an_event_with_its_entry_and_what_was_said_stays_off_the_ledger(database):
    with loans(database) as matters:
        matters.open("1", PARTIES, WRITER, {"reason": "为办理许可"}, Due("answer", START + timedelta(days=1)))
    with loans(database, START + timedelta(hours=1)) as matters:
        assert matters.act("1", "support", OTHER_WRITER).due_at is None
        matters.act("1", "grant", KEEPER, {"until": "2026-12-31"})
        found = matters.matter("1")
        told = [(e.position, e.act, e.state, e.actor, e.organisation) for e in matters.events("1")]
        assert matters.events("1")[0].facts == {"reason": "为办理许可"}
        assert [e.at - START for e in matters.events("1")] == [timedelta(0), *[timedelta(hours=1)] * 2]
    assert told == [
        (1, "ask", "asked", "writer", "U"), (2, "support", "supported", "other", "U"), (3, "grant", "granted", "keeper", "P"),
    ]  # fmt: skip
    assert (found.state, found.position) == ("granted", 3)
    assert found.done == {"ask": {"writer"}, "support": {"other"}, "grant": {"keeper"}}
    with database.engine(Role.AUDITOR).connect() as connection:
        entries = connection.execute(text("SELECT actor, action, facts FROM ledger.entry ORDER BY id")).all()
    assert [(e.actor, e.action) for e in entries] == [
        ("writer", "loan.ask"), ("other", "loan.support"), ("keeper", "loan.grant"),
    ]  # fmt: skip
    assert "为办理许可" not in str(entries)
    assert len(entries[0].facts["facts_sha256"]) == 64


def test_what_is_refused_leaves_nothing(database):
    with pytest.raises(NotYourPart), loans(database) as matters:
        matters.open("1", PARTIES, KEEPER)
    with loans(database) as matters:
        matters.open("1", PARTIES, WRITER)
    with pytest.raises(AlreadyRegistered), loans(database) as matters:
        matters.open("1", PARTIES, WRITER)
    with pytest.raises(ForbiddenTransition), loans(database) as matters:
        matters.act("1", "grant", KEEPER)
    with pytest.raises(NotYourPart), loans(database) as matters:
        matters.act("1", "support", STRANGER)
    with pytest.raises(UnknownMatter, match="no loan 2"), loans(database) as matters:
        matters.act("2", "support", OTHER_WRITER)
    assert (count(database, "catalog.event"), count(database, "ledger.entry")) == (1, 1)


def test_of_two_who_grant_at_once_one_is_told_that_it_is_done(database):
    with loans(database) as matters:
        matters.open("1", PARTIES, WRITER)
        matters.act("1", "support", OTHER_WRITER)

    def grant(who):
        try:
            with loans(database) as matters:
                return matters.act("1", "grant", who).position
        except ForbiddenTransition as error:
            return error.context["state"]

    with ThreadPoolExecutor(2) as both:
        assert sorted(map(str, both.map(grant, (KEEPER, REVIEWER)))) == ["3", "granted"]


def test_what_is_due_is_listed_when_it_is_late(database):
    with loans(database) as matters:
        for number in range(3):
            matters.open(str(number), PARTIES, WRITER, due=Due("answer", START + timedelta(days=number)))
        matters.act("0", "add", WRITER)
        assert [m.id for m in matters.overdue()] == ["0"], "what is added takes no duty away"
    with loans(database, START + timedelta(days=1)) as matters:
        assert [(m.id, m.duty) for m in matters.overdue()] == [("0", "answer"), ("1", "answer")]
        assert matters.act("0", "lapse", HUB).duty is None
        assert [m.id for m in matters.overdue()] == ["1"]
        assert [m.id for m in matters.standing("asked")] == ["1", "2"]
        assert [m.id for m in matters.standing(after="0", limit=1)] == ["1"]


def test_events_are_never_changed_and_nothing_is_written_without_its_entry(database):
    with loans(database) as matters:
        matters.open("1", PARTIES, WRITER)
    for forbidden in ("UPDATE catalog.event SET actor = 'x'", "DELETE FROM catalog.event"):
        with (
            pytest.raises(DBAPIError, match="append-only"),
            database.engine(Role.OWNER).begin() as connection,
        ):
            connection.execute(text(forbidden))
    with (
        pytest.raises(DBAPIError, match="no ledger entry"),
        loans(database, record=lambda *_, **__: None) as matters,
    ):
        matters.act("1", "support", OTHER_WRITER)
    with loans(database) as matters:
        assert matters.matter("1").state == "asked"
