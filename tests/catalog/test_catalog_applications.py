"""Applications from draft to agreement, on the database: each act with its event and entries, deadlines, disputes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest
from made_sharing import (
    AUTHORITY,
    CHIEF,
    CLERK,
    HEAD,
    OFFICER,
    OPEN,
    PLANNER,
    POLICE,
    WANTED,
    built,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.recording import record_administration
from catalog.agreement import AgreementStatus
from catalog.application import Application
from catalog.offer import Offer, offer_of
from infra.database import Role
from schemas.errors import (
    CalendarLacksYear,
    ConfigurationError,
    ForbiddenTransition,
    IncompleteApplication,
    LedgerUnavailable,
    NotRegistered,
    NotSaid,
    NotShared,
    NotYourPart,
    OwnWork,
    UnknownMatter,
    UnknownResource,
)
from schemas.resource import Sharing

pytestmark = pytest.mark.server

LOCAL = {"rows": [{"item": "registered_division", "within": "500103"}], "quota_per_day": 500}


@pytest.fixture(scope="module")
def founded(shared_database):
    return built(shared_database)


@pytest.fixture
def city(founded):
    """The one city of this file, with a clock of the test's own."""
    return replace(founded)


def china(text_):
    return datetime.fromisoformat(f"{text_}+08:00")


def asked(city, query, **values):
    with city.database.engine(Role.OWNER).connect() as connection:
        return connection.execute(text(query), values).all()


def test_what_is_shared_on_condition_goes_all_the_way_to_its_agreement(city):
    id_ = city.draft(replace(WANTED, terms=LOCAL))
    assert id_.startswith("AP2026-")
    city.do(id_, "submit", CLERK)
    with pytest.raises(OwnWork):
        city.do(id_, "support", CLERK)
    assert city.do(id_, "support", HEAD).state == "awaiting_examination"
    assert city.matter(id_).due_at == china("2026-03-17T00:00"), "ten working days behind the second of March"
    with pytest.raises(NotYourPart, match="a publisher of P"):
        city.do(id_, "examine", PLANNER, opinion="x")
    with pytest.raises(NotSaid, match="opinion"):
        city.do(id_, "examine", OFFICER)
    city.do(id_, "examine", OFFICER, opinion="目的明确，手机号不必要")
    assert city.matter(id_).due_at == china("2026-03-17T00:00"), "the clock goes on"
    with pytest.raises(OwnWork):
        city.do(id_, "approve", OFFICER)
    city.do(id_, "approve", CHIEF, without={"mobile_phone": "核验身份不需要"})
    agreement = city.agreement(id_)
    assert (agreement.items, agreement.masked, agreement.max_keys) == (
        ("citizen_number", "name", "sex"),
        set(),
        50,
    )
    assert (agreement.purposes, agreement.legal_bases) == (WANTED.purposes, WANTED.legal_bases)
    assert (agreement.valid_to, agreement.status) == (WANTED.valid_to, AgreementStatus.AGREED)
    assert agreement.terms == LOCAL
    assert not agreement.is_in_force, "nothing is read before it is delivered"
    assert (city.matter(id_).duty, city.matter(id_).due_at) == ("deliver", china("2026-03-31T00:00"))
    assert city.do(id_, "deliver", CHIEF).state == "delivered"
    assert city.agreement(id_).is_in_force
    assert (city.matter(id_).due_at, city.life(id_).state) == (None, "in_force")
    told = asked(city, "SELECT action FROM ledger.entry WHERE facts->>'target' = :id ORDER BY id", id=id_)
    assert [one.action for one in told] == [
        "application.draft", "application.submit", "application.support", "application.ask_examination",
        "application.examine", "application.approve", "agreement.add", "agreement.agree", "application.deliver",
        "agreement.begin", "agreement.begin",
    ]  # fmt: skip
    ledger = str(asked(city, "SELECT facts FROM ledger.entry"))
    assert "手机号不必要" not in ledger
    assert "核验身份不需要" not in ledger


def test_an_incomplete_application_stays_a_draft_and_is_told_everything(city):
    id_ = city.draft(Application("natural_person"))
    with pytest.raises(IncompleteApplication) as caught:
        city.do(id_, "submit", CLERK)
    with city.applications() as applications:
        assert len(caught.value.faults) == len(applications.faults(id_)) == 12
    assert city.matter(id_).state == "draft"
    city.do(id_, "edit", CLERK, elements=WANTED.told())
    city.do(id_, "submit", CLERK)
    with city.applications() as applications:
        assert applications.applied(id_).application == WANTED
        assert [event.act for event in applications.events(id_)] == ["draft", "edit", "submit"]
    with pytest.raises(ForbiddenTransition):
        city.do(id_, "edit", CLERK, elements=WANTED.told())
    city.do(id_, "hand_back", HEAD, reason="范围过大")
    with pytest.raises(NotSaid, match="its elements"):
        city.do(id_, "edit", CLERK)
    with pytest.raises(ConfigurationError, match="the same resource"):
        city.do(id_, "edit", CLERK, elements=OPEN.told())
    city.do(id_, "submit", CLERK)
    assert city.do(id_, "support", HEAD).state == "awaiting_examination"


def test_what_is_shared_unconditionally_takes_a_reply_only(city):
    id_ = city.supported(OPEN)
    assert city.matter(id_).state == "awaiting_reply"
    assert city.matter(id_).due_at == china("2026-03-04T00:00")
    with pytest.raises(NotSaid, match="reason"):
        city.do(id_, "refuse", PLANNER)
    assert city.do(id_, "approve", PLANNER).state == "approved"
    objected = city.supported(OPEN)
    assert city.do(objected, "refuse", PLANNER, reason="区划调整期间暂停").state == "refused"


def test_data_that_returns_to_a_lower_level_takes_a_reply_only(city):
    id_ = city.supported(replace(WANTED, returns=True, condition_met="", terms=LOCAL))
    assert city.matter(id_).state == "awaiting_reply"


def test_what_nobody_offers_cannot_be_applied_for(city):
    before = asked(city, "SELECT count(*) FROM catalog.matter")
    with pytest.raises(UnknownResource):
        city.draft(Application("weather"))
    with pytest.raises(NotYourPart):
        city.draft(actor=OFFICER)
    with pytest.raises(NotRegistered, match=r"市场监督管理局.*is not registered"):
        city.draft(replace(WANTED, resource="legal_person"))
    with city.database.engine(Role.APPLICATION).connect() as connection:
        offer = offer_of(connection, "natural_person")
    assert offer.provider.code == POLICE

    def secret(_connection, _code):
        return Offer(
            replace(offer.resource, sharing=Sharing.NOT_SHARED, condition="保守国家秘密法"), offer.provider
        )

    city.offering = secret
    with pytest.raises(NotShared, match="保守国家秘密法"):
        city.draft()
    assert asked(city, "SELECT count(*) FROM catalog.matter") == before


def test_the_provider_asks_for_what_is_missing_once_and_the_clock_goes_on(city):
    id_ = city.supported()
    late = city.matter(id_).due_at
    city.wait(days=3)
    with pytest.raises(NotSaid, match="missing"):
        city.do(id_, "return", OFFICER)
    city.do(id_, "return", OFFICER, missing={"scenario": "说明受理窗口"})
    assert (city.matter(id_).state, city.matter(id_).due_at) == ("returned", late)
    city.do(id_, "complete", CLERK, elements={**WANTED.told(), "scenario": "政务大厅受理窗口核验申请人身份"})
    city.do(id_, "support", HEAD)
    assert (city.matter(id_).state, city.matter(id_).due_at) == ("awaiting_examination", late)
    with pytest.raises(ForbiddenTransition, match="possible once"):
        city.do(id_, "return", OFFICER, missing={"scope": "?"})


@pytest.mark.parametrize(
    ("act", "actor", "said", "raised", "says"),
    [
        ("return", OFFICER, {"missing": {"colour": "?"}}, ConfigurationError, "no element colour"),
        ("return", OFFICER, {"missing": "alles"}, ConfigurationError, "table of names and reasons"),
        ("return", OFFICER, {"missing": {"scope": 5}}, ConfigurationError, "table of names and reasons"),
        ("extend", OFFICER, {"reason": "  "}, NotSaid, "takes: reason"),
        ("extend", OFFICER, {"reason": {"a": 1}}, ConfigurationError, "reason must be text"),
        ("examine", OFFICER, {"opinion": "长" * 4001}, ConfigurationError, "at most 4000"),
        ("examine", OFFICER, {"opinion": "\x00"}, ConfigurationError, "opinion must be text"),
        ("examine", OFFICER, {"opinion": "x", "colour": "red"}, ConfigurationError, "nobody asks for"),
        ("withdraw", CLERK, {"note": ["x"]}, ConfigurationError, "note must be text"),
    ],
)
def test_what_is_said_with_an_act_has_its_form(city, act, actor, said, raised, says):
    id_ = city.supported()
    with pytest.raises(raised, match=says):
        city.do(id_, act, actor, **said)
    assert city.matter(id_).state == "awaiting_examination"


def test_a_number_that_cannot_be_one_is_of_nobody(city):
    with pytest.raises(UnknownMatter):
        city.matter("AP\x00")
    with city.applications() as applications, pytest.raises(ConfigurationError, match="no such state"):
        applications.listed("nonsense")


def test_what_is_not_completed_in_time_is_a_draft_again_and_starts_anew(city):
    id_ = city.supported()
    city.do(id_, "return", OFFICER, missing={"scenario": "?"})
    city.wait(days=14)
    assert id_ in city.tick().done["remind"]
    city.wait(days=1)
    assert id_ in city.tick().done["lapse"]
    assert (city.matter(id_).state, city.matter(id_).due_at) == ("draft", None)
    city.do(id_, "submit", CLERK)
    city.do(id_, "support", HEAD)
    assert city.matter(id_).due_at == china("2026-04-01T00:00")


def test_an_examination_is_extended_once_with_the_authoritys_consent(city):
    id_ = city.supported()
    with pytest.raises(ForbiddenTransition, match="only after extend"):
        city.do(id_, "consent", AUTHORITY)
    with pytest.raises(NotSaid, match="reason"):
        city.do(id_, "extend", OFFICER)
    city.do(id_, "extend", OFFICER, reason="涉及多个警种")
    assert city.matter(id_).due_at == china("2026-03-17T00:00"), "asking alone extends nothing"
    with pytest.raises(NotYourPart):
        city.do(id_, "consent", CHIEF)
    assert city.do(id_, "consent", AUTHORITY).due_at == china("2026-03-31T00:00")
    for act, who in (("extend", OFFICER), ("consent", AUTHORITY)):
        with pytest.raises(ForbiddenTransition, match="possible once"):
            city.do(id_, act, who, reason="x")


def test_what_is_left_out_has_its_reason_and_leaves_something(city):
    id_ = city.supported()
    city.do(id_, "examine", OFFICER, opinion="x")
    for without, error in (
        ({"mobile_phone": ""}, NotSaid),
        (["mobile_phone"], ConfigurationError),
        ({"education": "x"}, ConfigurationError),
        (dict.fromkeys(WANTED.items, "x"), ConfigurationError),
    ):
        with pytest.raises(error):
            city.do(id_, "approve", CHIEF, without=without)
    assert city.matter(id_).state == "examined"
    city.at = china("2026-12-15T09:00")
    with pytest.raises(CalendarLacksYear, match="lacks 2027"):
        city.do(id_, "approve", CHIEF)
    assert city.matter(id_).state == "examined", (
        "the delivery's deadline cannot be counted, so nothing is promised"
    )


def test_what_is_withheld_since_is_not_approved(city):
    def withheld(connection, code):
        return replace(offer_of(connection, code), withheld={"mobile_phone": "个人信息保护法"})

    adult = {"answer": {"form": "threshold", "item": "date_of_birth", "at_most": "2008-01-01"}}
    needed = {**WANTED.needed_for, "date_of_birth": "核对是否成年"}
    by_age = replace(WANTED, terms=adult, items=(*WANTED.items, "date_of_birth"), needed_for=needed)
    id_, other = city.supported(), city.supported(by_age)
    for one in (id_, other):
        city.do(one, "examine", OFFICER, opinion="x")
    now = replace(city, offering=withheld)
    with pytest.raises(IncompleteApplication, match=r"mobile_phone, which is not shared.*Leave it out"):
        now.do(id_, "approve", CHIEF)
    now.do(id_, "approve", CHIEF, without={"mobile_phone": "依法不予共享"})
    assert "mobile_phone" not in city.agreement(id_).items
    with pytest.raises(IncompleteApplication, match="answer by an item that is not applied for"):
        city.do(other, "approve", CHIEF, without={"date_of_birth": "x"})


def test_what_nobody_needs_any_more_is_not_approved(city):
    id_ = city.supported(replace(OPEN, valid_to=china("2026-03-04T00:00")))
    city.wait(days=3)
    with pytest.raises(ConfigurationError, match="is over"):
        city.do(id_, "approve", PLANNER)
    ticked = city.tick()
    assert (id_ in ticked.done["lapse"], id_ in ticked.failed) == (True, False), "silence cannot grant it"
    assert city.matter(id_).state == "draft"
    with city.applications() as applications:
        assert applications.events(id_)[-1].facts["why"].startswith("The time that application")
        assert [one.place for one in applications.faults(id_)] == ["valid_to"]


def test_a_refusal_is_disputed_up_to_the_government(city):
    def refused():
        id_ = city.supported()
        city.do(id_, "examine", OFFICER, opinion="x")
        city.do(id_, "refuse", CHIEF, reason="超出职责范围")
        city.do(id_, "dispute", CLERK, reason="行政许可法有规定")
        return id_

    id_ = refused()
    assert city.do(id_, "concede", CHIEF).state == "ordered"
    assert city.matter(id_).due_at == china("2026-03-04T00:00")
    assert city.do(id_, "approve", OFFICER).state == "approved"

    id_ = refused()
    city.do(id_, "refer", CLERK)
    with pytest.raises(NotYourPart):
        city.do(id_, "uphold", CHIEF, reason="x")
    assert city.do(id_, "uphold", AUTHORITY, reason="依据充分").state == "upheld"

    id_ = refused()
    city.do(id_, "refer", CHIEF)
    city.do(id_, "refer_up", AUTHORITY)
    assert city.do(id_, "overrule", AUTHORITY, reason="市政府裁定").state == "ordered"
    with pytest.raises(ForbiddenTransition):
        city.do(id_, "refuse", CHIEF, reason="again")


def test_what_is_withdrawn_makes_no_agreement(city):
    id_ = city.draft()
    assert city.do(id_, "withdraw", HEAD).state == "withdrawn"
    with pytest.raises(ForbiddenTransition):
        city.do(id_, "submit", CLERK)
    id_ = city.approved()
    city.do(id_, "withdraw", CLERK)
    assert (city.life(id_).state, city.agreement(id_).status) == ("cancelled", AgreementStatus.ENDED)


def test_of_two_reviewers_at_once_one_is_told_that_it_is_decided(city):
    id_ = city.supported()
    city.do(id_, "examine", OFFICER, opinion="x")
    second = replace(CHIEF, id="second")

    def decide(told):
        act, who = told
        try:
            return city.do(id_, act, who, reason="不符合").state
        except ForbiddenTransition:
            return "told"

    with ThreadPoolExecutor(2) as both:
        ends = sorted(both.map(decide, (("approve", CHIEF), ("refuse", second))))
    assert ends in (["approved", "told"], ["refused", "told"])
    with city.applications() as applications:
        assert [event.act for event in applications.events(id_)][-1] in ("approve", "refuse")


def test_applications_are_listed_by_state_and_by_side(city):
    first, second = city.draft(), city.supported(OPEN)
    with city.applications() as applications:
        assert [one.matter.id for one in applications.listed()][-2:] == [first, second]
        assert first in [one.matter.id for one in applications.listed("draft")]
        assert second not in [one.matter.id for one in applications.listed("draft")]
        assert {one.matter.parties["provider"] for one in applications.listed(party="N")} == {"N"}
        assert [one.application for one in applications.listed(after=first)] == [OPEN]
        assert len(applications.listed(limit=1)) == 1
        assert applications.listed(party="X") == []


def test_what_was_stated_is_never_changed_and_a_failed_agreement_leaves_nothing(city):

    def refusing(connection, *, actor, action, target, facts):
        if action == "agreement.add":
            raise LedgerUnavailable("The ledger cannot be written.")
        record_administration(connection, actor=actor, action=action, target=target, facts=facts)

    id_ = city.draft()
    with (
        pytest.raises(DBAPIError, match="append-only"),
        city.database.engine(Role.OWNER).begin() as connection,
    ):
        connection.execute(text("UPDATE catalog.application SET resource = 'x'"))
    city.do(id_, "submit", CLERK)
    city.do(id_, "support", HEAD)
    city.do(id_, "examine", OFFICER, opinion="x")
    city.record = refusing
    with pytest.raises(LedgerUnavailable):
        city.do(id_, "approve", CHIEF)
    assert city.matter(id_).state == "examined"
    told = "SELECT count(*) FROM ledger.entry WHERE action = 'application.approve' AND facts->>'target' = :id"
    assert asked(city, told, id=id_) == [(0,)]
