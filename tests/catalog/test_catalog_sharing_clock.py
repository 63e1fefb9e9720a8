"""The clock of sharing: a year of deadlines walked in seconds, every reminder and escalation once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from made_sharing import AUTHORITY, CHIEF, CLERK, HEAD, OFFICER, OPEN, PLANNER, WANTED, built

from catalog.agreement import AgreementStatus
from catalog.sharing_clock import Ticked
from schemas.errors import ForbiddenTransition, IncompleteApplication
from schemas.working_days import calendar_of

pytestmark = pytest.mark.server


def china(text):
    return datetime.fromisoformat(f"{text}+08:00")


@pytest.fixture
def city(database, tmp_path):
    (tmp_path / "2027.yaml").write_text("whole_year: 2027\nfree: [2027-01-01]", encoding="utf-8")
    made = built(database)
    made.calendar = calendar_of(tmp_path, "Asia/Shanghai")
    return made


def walked(city, until):
    """Tick every morning at nine until a day; return what was done, by day."""
    told = []
    while city.at < until:
        ticked = city.tick()
        assert not ticked.failed
        told += [
            (f"{city.at + timedelta(hours=8):%m-%d}", act, id_)
            for act, ids in ticked.done.items()
            for id_ in ids
        ]
        assert not ticked.done or city.tick().done == {}, "what was done is not done again"
        city.wait(days=1)
    return told


def test_a_year_of_deadlines(city):
    silent = city.supported(OPEN)  # nobody replies
    slow = city.supported(replace(WANTED, valid_to=china("2026-09-01T00:00")))  # everything comes late
    assert walked(city, china("2026-03-21T00:00")) == [
        ("03-02", "remind", silent),
        ("03-04", "grant", silent),
        ("03-13", "remind", slow),
        ("03-17", "escalate", slow),
    ]
    assert city.agreement(silent).status is AgreementStatus.AGREED
    city.do(slow, "examine", OFFICER, opinion="x")
    city.do(slow, "extend", OFFICER, reason="x")
    city.do(slow, "consent", AUTHORITY)
    assert city.matter(slow).due_at == china("2026-03-31T00:00")
    assert walked(city, china("2026-04-01T00:00")) == [
        ("03-27", "remind", slow),
        ("03-31", "escalate", slow),
        ("03-31", "remind", silent),
    ]
    city.do(slow, "approve", CHIEF)
    city.do(silent, "deliver", PLANNER)
    told = walked(city, china("2026-05-10T00:00"))
    assert told == [("04-29", "remind", slow), ("05-01", "escalate", slow)]
    city.do(slow, "deliver", CHIEF)
    assert walked(city, china("2026-10-15T00:00")) == [
        ("08-04", "remind", slow),  # twenty working days before its end
        ("09-01", "expire", slow),
        ("09-14", "remind", slow),
        ("09-16", "escalate", slow),
    ]
    assert city.agreement(slow).status is AgreementStatus.ENDED
    city.live(slow, "confirm_disposal", CLERK, how="已删除")
    told = walked(city, china("2027-03-01T00:00"))
    assert [one[1:] for one in told] == [
        ("remind", silent),
        ("expire", silent),
        ("remind", silent),
        ("escalate", silent),
    ]
    assert told[1][0] == "01-01"


def test_late_disputes_and_orders_are_told_to_the_authority(city):
    id_ = city.supported()
    city.do(id_, "examine", OFFICER, opinion="x")
    city.do(id_, "refuse", CHIEF, reason="x")
    city.do(id_, "dispute", HEAD, reason="y")
    assert walked(city, china("2026-03-18T00:00")) == [("03-13", "remind", id_), ("03-17", "escalate", id_)]
    city.do(id_, "refer", HEAD)
    city.do(id_, "overrule", AUTHORITY, reason="z")
    assert [one[1] for one in walked(city, china("2026-03-21T00:00"))] == ["remind", "escalate"]
    with city.applications() as applications:
        escalated = [event for event in applications.events(id_) if event.act == "escalate"]
    assert [event.facts["duty"] for event in escalated] == ["negotiate", "approve"]
    assert {event.actor for event in escalated} == {"hub"}


def test_what_cannot_be_dealt_with_is_told_and_holds_up_no_other(city):
    city.calendar = calendar_of(None, "Asia/Shanghai")
    city.at = china("2026-12-14T09:00")
    lacking, lapsing = city.supported(replace(OPEN, valid_to=china("2027-06-01T00:00"))), city.supported()
    city.do(lapsing, "return", OFFICER, missing={"scenario": "?"})
    city.at = china("2026-12-29T09:00")
    ticked = city.tick()
    assert ticked.done == {"lapse": (lapsing,)}
    assert list(ticked.failed) == [lacking]
    assert "lacks 2027" in ticked.failed[lacking]
    assert city.matter(lacking).state == "awaiting_reply"


def test_a_round_holds_up_nobody_and_nobody_it(city):
    """Renewals of an agreement that has just ended are late, approved, and the agreement is acted on, all while the clock goes round."""
    ended = city.delivered(replace(WANTED, valid_to=china("2026-06-01T00:00")))
    renewals = [
        city.supported(replace(WANTED, changes=ended, valid_to=china(f"2026-0{month}-01T00:00")))
        for month in (7, 8, 9)
    ]
    for id_ in renewals:
        city.do(id_, "examine", OFFICER, opinion="x")
    city.at = china("2026-06-01T00:00")

    def told(work):
        try:
            return work()
        except (ForbiddenTransition, IncompleteApplication) as refused:
            return refused

    work = [partial(city.do, id_, "approve", CHIEF) for id_ in renewals]
    work += [city.tick, partial(city.live, ended, "suspend", CHIEF, reason="x"), city.tick]
    with ThreadPoolExecutor(len(work)) as people:
        done = list(people.map(told, work))
    assert all(one.failed == {} for one in done if isinstance(one, Ticked))
    city.tick()
    renewed = [id_ for id_ in renewals if city.matter(id_).state == "delivered"]
    assert city.life(ended).state in (("in_force", "suspended") if renewed else ("to_dispose",))
