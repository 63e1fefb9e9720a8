"""A year in which nobody does anything before it is late, walked by the injected clock alone: no stored time is moved."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from doubted_hub import AUTHORITY, FIRM, READER, REGISTRAR, Doubted, fill
from made_codes import credit_code

from audit.recording import record_administration
from catalog.actor import Actor
from catalog.application import Application, Mode
from catalog.organisation import Office
from catalog.people import People
from catalog.person import Role
from hub.calendar import calendar_in
from hub.duties.table import duty_named
from hub.duties.watching import ground_in, watch
from hub.objections.reminding import remind
from hub.sharing.desk import applications_of, tick
from infra.database import Role as Login

pytestmark = pytest.mark.server
DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)
DESK, WINDOW = (Actor(id_, READER, frozenset({Role.USER})) for id_ in ("desk", "window"))
KEEPER, CHIEF = (Actor(id_, REGISTRAR, frozenset({Role.PUBLISHER})) for id_ in ("keeper", "chief"))
JUDGE = Actor("judge", AUTHORITY, frozenset({Role.CATALOGUE_AUTHORITY}))
SAID = {"reason": "x"}
WANTED = Application(
    resource=FIRM, system="permits", version=1, items=("credit_code", "name"), purposes=frozenset({"p"}), legal_bases=frozenset({"l"}),
    scenario="s", scope="s", condition_met="c", mode=Mode.INTERFACE, calls_per_day=1, keys_per_call=1, office="01",
)  # fmt: skip
# what is late, behind how many working days, and what is done as soon as it is
YEAR = {
    "late_reply": (10, [("application", "examine", KEEPER, {"opinion": "x"}), ("application", "refuse", CHIEF, SAID),
                        ("application", "dispute", DESK, SAID)]),
    "late_negotiation": (10, [("application", "refer", DESK, {})]),
    "late_settlement": (10, [("application", "refer_up", JUDGE, {})]),
    "late_ruling": (20, [("application", "overrule", JUDGE, SAID)]),
    "late_approval": (1, [("application", "approve", CHIEF, {})]),
    "late_delivery": (20, [("application", "deliver", CHIEF, {}), ("agreement", "suspend", CHIEF, SAID)]),
    "late_rectification": (10, [("agreement", "rectify", DESK, {"measures": "x"})]),
    "late_judgement": (5, [("agreement", "resume", CHIEF, {})]),
    "unconfirmed_disposal": (10, [("agreement", "confirm_disposal", DESK, {"how": "x"})]),
    "late_objection": (10, [("objection", "accept", KEEPER, {}), ("objection", "answer", KEEPER, SAID),
                            ("objection", "dispute", DESK, SAID)]),
    "late_dispute": (10, [("objection", "dismiss", JUDGE, SAID)]),
}  # fmt: skip


@pytest.fixture
def told(bare_hub, say):
    with bare_hub.database.engine(Login.APPLICATION).begin() as connection:
        fill(connection)
        People(connection, record_administration).add_office(Office(READER, "01", "审批一科"), actor="test")
    doubted = Doubted(bare_hub, say)
    doubted.tell("registrar", ("r-1", credit_code(1), "甲公司", None, None, None, "2026-01-01 08:00:00"))
    return doubted


class Walk:
    """An application and an objection, begun on one morning; what is found is met, and brings the next duty."""

    def __init__(self, told):
        self.told, self.calendar = told, calendar_in(told.hub.settings)
        today = self.calendar.day(datetime.now(UTC))
        self.at = datetime.combine(today, time(9), self.calendar.zone).astimezone(UTC) + DAY
        told.clock = self.now
        with self.applications() as now:
            self.matter = now.draft(replace(WANTED, valid_to=self.at + 300 * DAY), DESK).matter.id
            now.do(self.matter, "submit", DESK)
            now.do(self.matter, "support", WINDOW)
        self.objection = told.object(credit_code(1)).id
        self.begun = dict.fromkeys((self.matter, self.objection), self.at)
        self.found = {}

    def now(self):
        return self.at

    @contextmanager
    def applications(self):
        with self.told.open() as connection:
            yield applications_of(self.told.hub.settings, connection, record_administration, self.now)

    def late(self, at):
        with self.told.open() as connection:
            ground = ground_in(self.told.hub, connection, lambda: at)
            return {one.duty.name: one.lack for one in watch(ground, [duty_named(name) for name in YEAR])}

    def morning(self):
        ticked = tick(self.told.hub.settings, self.told.hub.database, self.now)
        assert not ticked.failed
        if self.matter in ticked.done.get("expire", ()):
            self.begun[self.matter] = self.at
        remind(self.told.bureau, self.told.hub.database)
        for name, lack in self.late(self.at).items():
            assert name not in self.late(lack.due - MOMENT), "the last day has not ended"
            assert name in self.late(lack.due)
            assert (lack.due.astimezone(self.calendar.zone).time(), lack.due > self.at - DAY) == (
                time(),
                True,
            )
            self.found[name] = self.working_days_since(self.begun[lack.subject])
            self.begun[lack.subject] = self.at
            for kind, act, who, said in YEAR[name][1]:
                self.do(kind, act, who, said)

    def working_days_since(self, at):
        first, days = self.calendar.day(at), (self.calendar.day(self.at) - self.calendar.day(at)).days
        return sum(self.calendar.is_working_day(first + number * DAY) for number in range(1, days))

    def do(self, kind, act, who, said):
        if kind == "objection":
            self.told.act(who.id, act, self.objection, **said)
            return
        with self.applications() as now:
            (now if kind == "application" else now.agreements).do(self.matter, act, who, said)


def test_every_duty_is_late_when_its_working_days_have_ended(told):
    walk = Walk(told)
    for _ in range(365):
        walk.at += DAY
        walk.morning()
    assert walk.found == {name: days for name, (days, _) in YEAR.items()}
    with walk.applications() as now:
        acts = Counter(one.act for one in now.events(walk.matter))
        lived = Counter(one.act for one in now.agreements.matters.events(walk.matter))
    assert (acts["remind"], acts["escalate"]) == (6, 6), "once each duty"
    assert (lived["remind"], lived["escalate"], lived["expire"]) == (4, 3, 1), "and once before the end"
    shown = Counter(one["act"] for one in told.shown(walk.objection)["events"])
    assert (shown["remind"], shown["dismiss"]) == (2, 1)
