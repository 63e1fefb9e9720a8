"""Objections over made-up registers: whose they are, how they end, and who is told that what they read was wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from doubted_hub import AUTHORITY, FIRM, READER, REGISTRAR, STRANGER, TAX, Doubted, actor, fill
from made_codes import credit_code
from sqlalchemy import text

from audit.notes import ledger_signer
from audit.recording import record_administration
from audit.sealer import seal
from catalog.objection import ObjectionKind
from catalog.objection_workflow import OBJECTION
from catalog.workflow import Matter, Side
from connectors.source import Tombstone
from hub.objections.closing import look
from hub.objections.reminding import remind
from infra.database import Role
from schemas.errors import (
    AccessDenied,
    AlreadyDoubted,
    ForbiddenTransition,
    InvalidIdentifier,
    ItemNotAgreed,
    MalformedObjection,
    NotSaid,
    NotYourPart,
    OwnWork,
    RecordNotFound,
    SeveralDepartments,
    UnknownAnswer,
    UnknownItem,
    UnknownMatter,
    UnknownNotice,
    UnknownResource,
)
from schemas.working_days import calendar_of

pytestmark = pytest.mark.server


@pytest.fixture
def told(bare_hub, say):
    """The registrar says the name of firm 1, tax its staff count: 5, which is wrong."""
    with bare_hub.database.engine(Role.APPLICATION).begin() as connection:
        fill(connection)
    doubted = Doubted(bare_hub, say)
    doubted.tell("registrar", ("r-1", credit_code(1), "甲公司", None, None, None, "2026-01-01 08:00:00"),
                 ("r-2", credit_code(2), "乙公司", None, None, None, "2026-01-01 08:00:00"))  # fmt: skip
    doubted.tell("tax", ("t-1", credit_code(1), "甲有限公司", None, "5", None, "2026-01-02 08:00:00"))
    return doubted


def test_a_correction_that_comes_in_closes_the_objection_and_recalls_what_was_read(told):
    wrong = [
        told.read(credit_code(1)),
        told.read(credit_code(2), credit_code(1), system="archive", action="query"),
        told.read(
            credit_code(1), action="verify", records=0
        ),  # was told that it matches what is wrong, or not
    ]
    told.read(credit_code(2))
    told.read(credit_code(1), items=("staff_count",))
    told.read(credit_code(1), records=0)
    told.read(credit_code(1), action="lineage.record")
    raised = told.object(credit_code(1), answer=wrong[0])
    assert (raised.source, raised.version) == ("registrar", 2)
    seen = told.shown(raised.id, "keeper")
    assert (seen["provider"], seen["user"], seen["state"], seen["key"]) == (
        REGISTRAR, READER, "under_review", credit_code(1),
    )  # fmt: skip
    told.act("keeper", "accept", raised.id)
    told.act("keeper", "correct", raised.id, reason="已在登记系统更正")
    told.tell("tax", ("t-1", credit_code(1), "甲有限公司", None, "7", None, "2026-02-01 08:00:00"))
    assert told.shown(raised.id)["state"] == "in_progress", "another item's new version corrects nothing"

    wrong.append(told.read(credit_code(1)))
    told.tell("registrar", ("r-1", credit_code(1), "正名公司", None, None, None, "2026-02-02 08:00:00"))
    told.read(credit_code(1))

    closed = told.shown(raised.id)
    assert (closed["state"], closed["outcome"], closed["duty"]) == ("handled", "corrected", None)
    assert closed["events"][-1]["act"] == "close"
    assert closed["events"][-1]["actor"] == "hub"
    assert closed["events"][-1]["facts"] == {"items": ["name"], "versions": [4], "recall_notices": 4}
    notices = told.notices(organisation=READER)
    assert [(n.entry, n.system, n.case_code, n.item, n.objection, n.corrected_version) for n in notices] == [
        (wrong[0], "permits", "CASE-permits", "name", raised.id, 4),
        (wrong[1], "archive", "CASE-archive", "name", raised.id, 4),
        (wrong[2], "permits", "CASE-permits", "name", raised.id, 4),
        (wrong[3], "permits", "CASE-permits", "name", raised.id, 4),
    ]
    assert all(n.wrong_from < n.called_at < n.wrong_until for n in notices)
    assert told.notices(system="other") == []
    look(told.bureau, told.hub.database, FIRM)
    assert len(told.notices()) == 4, "each once"
    told.act("window", "rate", raised.id, score=5, solved=True, reason="很快")
    assert [told.shown(raised.id)[name] for name in ("state", "score", "solved")] == ["rated", 5, True]


def test_several_items_are_corrected_one_by_one(told):
    told.tell("registrar", ("r-1", credit_code(1), "甲公司", None, "6", None, "2026-01-03 08:00:00"))
    raised = told.object(credit_code(1), ("name", "staff_count"))
    told.tell("registrar", ("r-1", credit_code(1), "正名公司", None, "6", None, "2026-02-02 08:00:00"))
    seen = told.shown(raised.id)
    assert (seen["state"], seen["events"][-1]["act"]) == ("under_review", "note_correction")
    with told.open() as connection:
        open_items = connection.execute(text("SELECT item FROM catalog.doubt WHERE is_open")).scalars().all()
    assert open_items == ["staff_count"]
    told.act("keeper", "accept", raised.id)
    told.act("keeper", "answer", raised.id, reason="人数属实")
    assert told.shown(raised.id)["outcome"] == "kept"


def test_a_record_that_is_no_more_closes_what_doubted_it(told):
    read = told.read(credit_code(2))
    raised = told.object(credit_code(2), ())
    assert raised.source is None
    assert told.shown(raised.id)["provider"] == REGISTRAR, "the whole record is its provider's to answer for"
    leaving = replace(told.hub.sources["registrar"], deletions=Tombstone("boss", ("注销",)))
    told.hub = replace(told.hub, sources={**told.hub.sources, "registrar": leaving})
    told.tell("registrar", ("r-2", credit_code(2), "乙公司", "注销", None, None, "2026-02-02 08:00:00"))
    assert told.shown(raised.id)["outcome"] == "corrected"
    assert [(n.entry, n.item) for n in told.notices()] == [(read, "")]


def test_a_call_that_reaches_the_ledger_late_is_recalled_too(told, monkeypatch):
    raised = told.object(credit_code(1))
    at = datetime.now(UTC)
    told.tell("registrar", ("r-1", credit_code(1), "正名公司", None, None, None, "2026-02-02 08:00:00"))
    assert told.notices() == []
    late = told.read(credit_code(1), at=at)
    look(told.bureau, told.hub.database, FIRM)
    assert told.notices() == [], "not before a minute has gone by"
    monkeypatch.setattr("hub.objections.closing.LONGEST_CALL", timedelta(seconds=-60))
    assert look(told.bureau, told.hub.database, FIRM).notices == 1
    assert [n.entry for n in told.notices()] == [late]
    assert look(told.bureau, told.hub.database, FIRM).notices == 0
    assert told.shown(raised.id)["outcome"] == "corrected"


def test_calls_by_a_lookup_item_are_found_and_sealed_ones_by_their_segment(told, monkeypatch, settled):
    monkeypatch.setattr("audit.segments.LEAVES", 4)
    for number in range(9):
        told.read(credit_code(2 + number % 2))
    sealed = told.read(credit_code(1))
    told.read(*[credit_code(n) for n in range(2, 9)])
    settled()
    signer = ledger_signer(told.hub.keyring, told.hub.settings.hub_id)
    seal(told.hub.database.engine(Role.APPLICATION), signer)
    with told.open() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger.segment")).scalar_one() >= 2
    unsealed = told.read(credit_code(1))
    told.object(credit_code(1))
    told.tell("registrar", ("r-1", credit_code(1), "正名公司", None, None, None, "2026-02-02 08:00:00"))
    assert [n.entry for n in told.notices()] == [sealed, unsealed]


REFUSED = [
    (lambda t: t.object(credit_code(9)), RecordNotFound),
    (lambda t: t.object("nonsense"), InvalidIdentifier),
    (lambda t: t.object(credit_code(1), ("nothing",)), UnknownItem),
    (lambda t: t.object(credit_code(1), ("representative_name",)), ItemNotAgreed),
    (lambda t: t.object(credit_code(1), resource="nothing"), UnknownResource),
    (lambda t: t.object(credit_code(1), (), resource="parcel"), AccessDenied),
    (lambda t: t.object(credit_code(1), who="outsider"), AccessDenied),
    (lambda t: t.object(credit_code(1), who="keeper"), NotYourPart),
    (lambda t: t.object(credit_code(1), case_code=""), MalformedObjection),
    (lambda t: t.object(credit_code(1), answer=uuid4()), UnknownAnswer),
    (lambda t: t.object(credit_code(1), answer=t.read(credit_code(2))), MalformedObjection),
    (lambda t: t.object(credit_code(1), answer=t.read(credit_code(1), organisation=STRANGER)), UnknownAnswer),
    (lambda t: t.object(credit_code(1), answer=t.read(credit_code(1), action="lineage.record")), UnknownAnswer),
    (lambda t: t.object(credit_code(1), ("name", "staff_count")), SeveralDepartments),
    (lambda t: t.shown(t.object(credit_code(1)).id, "outsider"), UnknownMatter),
    (lambda t: t.act("outsider", "accept", t.object(credit_code(1)).id), UnknownMatter),
    (lambda t: t.act("taxman", "accept", t.object(credit_code(1)).id), UnknownMatter),
    (lambda t: t.act("desk", "accept", t.object(credit_code(1)).id), NotYourPart),
    (lambda t: t.act("keeper", "close", t.object(credit_code(1)).id), NotYourPart),
    (lambda t: t.act("keeper", "answer", t.object(credit_code(1)).id, reason="x"), ForbiddenTransition),
    (lambda t: t.act("keeper", "reject", t.object(credit_code(1)).id), NotSaid),
    (lambda t: t.act("keeper", "accept", t.object(credit_code(1)).id, score=5), MalformedObjection),
    (lambda t: t.act("keeper", "amend", t.object(credit_code(1)).id, reason="x"), ForbiddenTransition),
    (lambda t: t.act("keeper", "accept", "OB0"), UnknownMatter),
]  # fmt: skip


def test_what_may_not_be_is_refused_and_leaves_nothing(told):
    for attempt, error in REFUSED:
        with told.open() as connection:
            connection.execute(text("UPDATE catalog.doubt SET is_open = false"))
            record_administration(connection, actor="test", action="test", target="", facts={})
        with pytest.raises(error):
            attempt(told)
    with told.open() as connection:
        events = connection.execute(
            text("SELECT count(*) FROM catalog.event WHERE act <> 'raise'")
        ).scalar_one()
    assert events == 0


def test_who_got_the_answer_may_doubt_it_without_an_agreement(told):
    given = told.read(credit_code(1), organisation=STRANGER, system="other")
    raised = told.object(credit_code(1), who="outsider", answer=given)
    with pytest.raises(ItemNotAgreed):
        told.object(credit_code(1), ("staff_count",), who="outsider", answer=given)
    mine = told.object(credit_code(1))
    assert mine.id != raised.id, "another organisation's doubt is its own"
    with pytest.raises(AlreadyDoubted, match=mine.id):
        told.object(credit_code(1), who="window")
    told.act("desk", "withdraw", mine.id)
    assert told.object(credit_code(1), who="window").id != mine.id


def test_words_of_several_departments_are_told_apart(told):
    assert told.shown(told.object(credit_code(1), ("staff_count",)).id, "taxman")["provider"] == TAX
    capital = told.object(credit_code(1), ("registered_capital",))
    assert told.shown(capital.id)["provider"] == REGISTRAR, "what nobody says is the provider's"
    with pytest.raises(SeveralDepartments, match="name: 市场监督管理局; staff_count: 税务局"):
        told.object(credit_code(1), ("name", "staff_count"), who="window")


def test_the_published_entry_says_who_provides_a_resource(told):
    with told.open() as connection:
        record_administration(connection, actor="test", action="test", target="", facts={})
        connection.execute(text(
            "INSERT INTO catalog.entry (id, provider, category, name, sharing, state, newest, in_force) "
            "VALUES (:id, :provider, '102001001', '法人', 'conditional', 'published', 1, 1)"
        ), {"id": FIRM, "provider": STRANGER})  # fmt: skip
    assert told.shown(told.object(credit_code(1)).id)["provider"] == STRANGER
    assert told.shown(told.object(credit_code(1), ("staff_count",)).id)["provider"] == TAX


def test_it_is_handed_over_kept_disputed_and_settled(told):
    raised = told.object(credit_code(1))
    told.act("keeper", "hand_over", raised.id, organisation=TAX, office="01", reason="源头在税务")
    with pytest.raises(UnknownMatter):
        told.shown(raised.id, "keeper")
    told.act("taxman", "accept", raised.id)
    told.act("taxman", "answer", raised.id, reason="核实无误")
    told.act("window", "dispute", raised.id, reason="营业执照不同")
    seen = told.shown(raised.id, "judge")
    assert (seen["state"], seen["duty"], seen["office"], seen["outcome"]) == (
        "disputed",
        "settle",
        "01",
        None,
    )
    assert seen["possible"] == ["uphold", "dismiss"]
    told.act("judge", "uphold", raised.id, reason="请更正")
    told.act("taxman", "answer", raised.id, reason="仍然无误")
    told.act("window", "dispute", raised.id, reason="不同意")
    told.act("judge", "dismiss", raised.id, reason="驳回")
    told.act("desk", "rate", raised.id, score=1, solved=False)
    acts = [event["act"] for event in told.shown(raised.id, "judge")["events"]]
    assert acts == [
        "raise",
        "hand_over",
        "accept",
        "answer",
        "dispute",
        "uphold",
        "answer",
        "dispute",
        "dismiss",
        "rate",
    ]


def test_what_concerns_no_record_is_amended(told):
    raised = told.object(None, ("name",), kind=ObjectionKind.CATALOGUE, case_code="")
    told.act("keeper", "accept", raised.id)
    with pytest.raises(ForbiddenTransition, match="no record"):
        told.act("keeper", "correct", raised.id)
    told.act("keeper", "amend", raised.id, reason="目录已更正")
    assert told.shown(raised.id)["outcome"] == "amended"


def test_nobody_answers_their_own_objection():
    both = actor("outsider")
    matter_of = {Side.USER: STRANGER, Side.PROVIDER: STRANGER}
    matter = Matter("1", "under_review", matter_of, {"raise": frozenset({"outsider"})})
    with pytest.raises(OwnWork):
        OBJECTION.check_may(both, "reject", matter)
    assert "accept" in OBJECTION.possible(both, matter)


def test_reminders_go_on_in_a_year_that_nobody_told(told):
    told.clock = lambda: datetime(2026, 12, 14, 2, tzinfo=UTC)
    raised = told.object(credit_code(1))
    official = calendar_of(None, "Asia/Shanghai")
    bureau = replace(told.bureau, calendar=official, clock=lambda: datetime(2026, 12, 31, 2, tzinfo=UTC))
    assert [one.objection.id for one in remind(bureau, told.hub.database)] == [raised.id]


def test_the_clock_runs_ten_working_days_and_reminds_once(told):
    start = datetime(2026, 9, 28, 2, tzinfo=UTC)  # a Monday before the National Day holiday
    told.clock = lambda: start
    raised = told.object(credit_code(1))
    due = datetime.fromisoformat(told.shown(raised.id)["due_at"])
    assert due == datetime(2026, 10, 16, 16, tzinfo=UTC), (
        "the holiday counts for nothing, the make-up day does"
    )
    told.act("keeper", "accept", raised.id)
    assert datetime.fromisoformat(told.shown(raised.id)["due_at"]) == due
    assert remind(told.bureau, told.hub.database) == []
    told.clock = lambda: due - timedelta(hours=20)
    assert [one.objection.id for one in remind(told.bureau, told.hub.database)] == [raised.id]
    assert remind(told.bureau, told.hub.database) == []
    with told.open() as connection:
        objections = told.bureau.objections(connection, record_administration)
        assert objections.matters.overdue() == []
        assert [one.objection.id for one in objections.listed(organisation=REGISTRAR, due_before=due)] == [
            raised.id
        ]
        assert objections.listed(organisation=AUTHORITY) == []


def test_nothing_of_what_is_said_is_in_the_clear_and_notices_are_their_organisations(told):
    told.read(credit_code(1))
    raised = told.object(credit_code(1))
    told.act("keeper", "accept", raised.id, reason="法定代表人某甲来电说明")
    told.tell("registrar", ("r-1", credit_code(1), "正名公司", None, None, None, "2026-02-02 08:00:00"))
    (notice,) = told.notices()
    with told.open() as connection:
        stored = connection.execute(text(
            "SELECT (SELECT string_agg(o::text, '') FROM catalog.objection o) || (SELECT string_agg(e::text, '') FROM ledger.entry e) "
            "|| (SELECT string_agg(n::text, '') FROM catalog.recall_notice n) || (SELECT string_agg(e::text, '') FROM catalog.event e)"
        )).scalar_one()  # fmt: skip
    assert not [
        text_
        for text_ in (credit_code(1), "名称有误", "营业执照", "甲公司", "正名公司", "某甲")
        if text_ in stored
    ]
    accepted = told.shown(raised.id, "window")["events"][1]
    assert accepted["facts"] == {"reason": "法定代表人某甲来电说明"}, "its sides read it"
    with pytest.raises(UnknownNotice), told.open() as connection:
        told.bureau.notices(connection, record_administration).acknowledge(notice.number, actor("outsider"))
    with pytest.raises(NotYourPart), told.open() as connection:
        told.bureau.notices(connection, record_administration).acknowledge(notice.number, actor("keeper"))
    for who in ("desk", "window"):
        with told.open() as connection:
            done = told.bureau.notices(connection, record_administration).acknowledge(
                notice.number, actor(who)
            )
            assert (done.acknowledged_by, done.objection) == ("desk", raised.id)
    assert told.notices(pending=True) == []
