"""The life of an agreement: renewal, amendment, suspension, stop, disposal; its row always says the same as its state."""

from dataclasses import replace
from datetime import datetime

import pytest
from made_sharing import AUTHORITY, CHIEF, CLERK, HEAD, OFFICER, WANTED, built

from catalog.agreement import AgreementStatus
from catalog.agreement_changes import Change, change
from catalog.agreement_lives import Scope
from catalog.agreement_workflow import STATUS
from schemas.errors import (
    ConfigurationError,
    ForbiddenTransition,
    NotRegistered,
    NotSaid,
    NotYourPart,
    OwnWork,
    UnknownItem,
    UnknownMatter,
    WiderScope,
)

pytestmark = pytest.mark.server
LATER = datetime.fromisoformat("2026-12-31T00:00+08:00")


@pytest.fixture(scope="module")
def founded(shared_database):
    return built(shared_database)


@pytest.fixture
def city(founded):
    return replace(founded)


@pytest.fixture
def agreed(city):
    return city.delivered(replace(WANTED, valid_to=datetime.fromisoformat("2026-07-01T00:00+08:00")))


def stands(city, id_, state):
    found = (city.life(id_).state, city.agreement(id_).status)
    return found == (state, STATUS[state])


def test_misuse_suspends_until_it_is_put_right(city, agreed):
    with pytest.raises(NotSaid, match="reason"):
        city.live(agreed, "suspend", CHIEF)
    with pytest.raises(NotYourPart):
        city.live(agreed, "suspend", CLERK, reason="x")
    city.live(agreed, "suspend", CHIEF, reason="超范围使用")
    assert stands(city, agreed, "suspended")
    assert city.agreement(agreed).status is AgreementStatus.SUSPENDED
    assert city.life(agreed).duty == "rectify"
    city.live(agreed, "rectify", CLERK, measures="已关闭第三方接口")
    city.live(agreed, "reject", AUTHORITY, reason="未提供日志")
    city.live(agreed, "rectify", CLERK, measures="附日志")
    with pytest.raises(OwnWork):
        city.live(agreed, "resume", replace(CHIEF, id=CLERK.id))
    city.live(agreed, "resume", OFFICER)
    assert stands(city, agreed, "in_force")
    assert city.life(agreed).due_at is None
    city.live(agreed, "suspend", AUTHORITY, reason="再次超范围使用")
    city.live(agreed, "end", AUTHORITY, reason="屡次超范围使用")
    assert stands(city, agreed, "to_dispose")


def test_who_needs_less_gets_less_at_once_and_who_needs_more_applies(city, agreed):
    for wider in (
        Scope(items=(*WANTED.items, "education")),
        Scope(purposes=frozenset({"许可审查", "统计"})),
        Scope(legal_bases=frozenset({"统计法"})),
        Scope(masked=frozenset()),
        Scope(valid_to=LATER),
        Scope(max_keys=100),
    ):
        with pytest.raises(WiderScope, match="approved anew"):
            city.live(agreed, "narrow", CLERK, wider)
    with pytest.raises(ConfigurationError, match="Nothing"):
        city.live(agreed, "narrow", CLERK, Scope())
    city.live(agreed, "narrow", CLERK, Scope(items=("citizen_number", "name"), max_keys=10))
    narrowed = city.agreement(agreed)
    assert (narrowed.items, narrowed.masked, narrowed.max_keys) == (("citizen_number", "name"), set(), 10)
    assert narrowed.is_in_force


def test_terms_become_narrower_at_once_and_wider_by_application(city, agreed):
    def wished(**terms):
        with city.applications() as applications:
            return change(applications, agreed, Scope(changed_terms=terms), CLERK).application

    assert wished(quota_per_day=500, hours=["working 08:30-17:30"]) is None
    assert wished(quota_per_day=100) is None
    assert city.agreement(agreed).terms == {"quota_per_day": 100, "hours": ["working 08:30-17:30"]}
    asked = wished(quota_per_day=1000, hours=None)
    assert city.agreement(agreed).terms["quota_per_day"] == 100, "until it is approved"
    with city.applications() as applications:
        assert applications.applied(asked).application.terms == {"quota_per_day": 1000}
    with pytest.raises(ConfigurationError, match=r"no term colour.*Terms are: rows"):
        wished(colour=None)
    with pytest.raises(UnknownItem, match="colour"):
        wished(rows=[{"item": "colour", "in": ["1"]}])
    with pytest.raises(ConfigurationError, match="holds no division code"):
        wished(rows=[{"item": "sex", "within": "500103"}])
    with pytest.raises(NotRegistered), city.applications() as applications:
        applications.agreements.agreement("\x00")


def test_a_wish_is_done_at_once_or_becomes_the_application_for_it(city, agreed):
    def wished(scope, **reasons):
        with city.applications() as applications:
            return change(applications, agreed, scope, CLERK, reasons)

    assert wished(Scope(max_keys=10)) == Change(agreed)
    asked = wished(Scope(items=(*WANTED.items, "education"), valid_to=LATER), name="核对姓名").application
    with city.applications() as applications:
        assert applications.faults(asked) == ()
        stated = applications.applied(asked).application
    assert (stated.changes, stated.items, stated.keys_per_call) == (agreed, (*WANTED.items, "education"), 10)
    assert stated.needed_for == WANTED.needed_for | {"name": "核对姓名"}
    with pytest.raises(ConfigurationError, match="Nothing"):
        wished(Scope())
    city.live(agreed, "suspend", CHIEF, reason="x")
    with pytest.raises(ForbiddenTransition):
        wished(Scope(max_keys=5))
    with city.applications() as applications, pytest.raises(UnknownMatter, match="came from no application"):
        applications.origin("permits.place")


def test_a_renewal_goes_the_way_of_an_application_and_changes_the_end_alone(city, agreed):
    before = city.agreement(agreed)
    renewal = replace(WANTED, changes=agreed, valid_to=LATER)
    id_ = city.approved(renewal)
    assert city.matter(id_).state == "delivered", "there is nothing more to deliver"
    assert city.agreement(agreed) == replace(before, valid_to=LATER)
    with city.applications() as applications:
        assert applications.agreements.matters.events(agreed)[-1].act == "renew"
    with pytest.raises(NotRegistered):
        city.agreement(id_)


def test_a_wider_scope_takes_the_same_approvals_and_what_is_left_out_stays_out(city, agreed):
    wider = replace(
        WANTED,
        changes=agreed,
        terms={"quota_per_day": 100},
        items=(*WANTED.items, "former_names", "marital_status"),
        needed_for={**WANTED.needed_for, "former_names": "核对曾用名"},
        valid_to=city.agreement(agreed).valid_to,
    )
    id_ = city.supported(wider)
    assert city.agreement(agreed).items == WANTED.items
    city.do(id_, "examine", OFFICER, opinion="婚姻状况不必要")
    city.do(id_, "approve", CHIEF, without={"marital_status": "不必要"})
    assert city.agreement(agreed).items == (*WANTED.items, "former_names")
    assert city.agreement(agreed).terms == {"quota_per_day": 100}
    with city.applications() as applications:
        again = change(applications, agreed, Scope(valid_to=LATER), CLERK).application
        assert applications.faults(again) == (), "what was said of an item that came later is not asked again"
    with city.applications() as applications:
        assert applications.agreements.matters.events(agreed)[-1].act == "amend"
    ended = city.supported(replace(wider, items=WANTED.items, needed_for=WANTED.needed_for))
    city.do(ended, "examine", OFFICER, opinion="x")
    city.live(agreed, "terminate", CLERK, reason="业务取消")
    with pytest.raises(ForbiddenTransition):
        city.do(ended, "approve", CHIEF)
    assert city.matter(ended).state == "examined"


def test_a_provider_stops_or_changes_only_by_agreement_which_is_filed(city, agreed):
    city.live(
        agreed, "propose_change", CHIEF, Scope(items=("citizen_number", "name")), reason="手机号不再采集"
    )
    assert stands(city, agreed, "change_proposed")
    assert city.agreement(agreed).items == WANTED.items, "a proposal changes nothing"
    with pytest.raises(NotYourPart):
        city.live(agreed, "accept_change", CHIEF)
    city.live(agreed, "decline", CLERK, reason="仍需要")
    city.live(
        agreed,
        "propose_change",
        CHIEF,
        Scope(items=("citizen_number", "name", "sex")),
        reason="手机号不再采集",
    )
    city.live(agreed, "accept_change", CLERK)
    assert city.agreement(agreed).items == ("citizen_number", "name", "sex")
    with pytest.raises(WiderScope):
        city.live(agreed, "propose_change", CHIEF, Scope(max_keys=1000), reason="x")
    city.live(agreed, "propose_stop", CHIEF, reason="系统下线")
    assert city.agreement(agreed).is_in_force
    city.live(agreed, "accept_stop", HEAD)
    assert stands(city, agreed, "to_dispose")
    with city.applications() as applications:
        acts = [event.act for event in applications.agreements.matters.events(agreed)]
    assert acts == [
        "agree", "begin", "propose_change", "decline", "propose_change", "accept_change", "file", "propose_stop",
        "accept_stop", "file",
    ]  # fmt: skip


def test_what_is_said_has_its_form(city, agreed):
    for said in (
        {"how": "删除", "within": "soon"},
        {"how": "删除", "within": True},
        {"how": "x" * 4001},
        {"colour": "red"},
    ):
        with pytest.raises(ConfigurationError, match=r"must be|nobody asks for"):
            city.live(agreed, "demand_disposal", CHIEF, **said)


def test_what_was_read_is_disposed_of_as_the_provider_demands(city, agreed):
    city.live(agreed, "terminate", CLERK, reason="业务取消")
    assert (city.life(agreed).duty, city.life(agreed).due_at) == (
        "dispose",
        datetime.fromisoformat("2026-03-17T00:00+08:00"),
    )
    for days in (0, 61):
        with pytest.raises(ConfigurationError, match="1 to 60"):
            city.live(agreed, "demand_disposal", CHIEF, how="删除并出具证明", within=days)
    city.live(agreed, "demand_disposal", CHIEF, how="删除并出具证明", within=3)
    assert city.life(agreed).due_at == datetime.fromisoformat("2026-03-06T00:00+08:00")
    with pytest.raises(NotSaid, match="how"):
        city.live(agreed, "confirm_disposal", CLERK)
    city.live(agreed, "confirm_disposal", CLERK, how="3月4日删除，日志留存三年")
    assert stands(city, agreed, "disposed")
    assert city.life(agreed).due_at is None
    with pytest.raises(ForbiddenTransition, match="Nothing more"):
        city.live(agreed, "resume", CHIEF)


def test_what_has_no_life_is_told_apart(city):
    with pytest.raises(NotRegistered, match="no agreement none"):
        city.live("none", "suspend", CHIEF, reason="x")
    with pytest.raises(UnknownMatter):
        city.matter("none")
