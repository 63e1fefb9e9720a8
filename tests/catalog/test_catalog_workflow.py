from dataclasses import replace
from itertools import product

import pytest
from made_workflow import KEEPER, LOAN, OTHER_WRITER, PARTIES, REVIEWER, STRANGER, WRITER

from catalog.actor import HUB, Actor
from catalog.person import Person, PersonStatus, Role
from catalog.workflow import Matter, Side, Transition, Workflow
from schemas.errors import DefinitionError, ForbiddenTransition, NotSaid, NotYourPart, OwnWork

ASKED = Matter("1", "asked", PARTIES, {"ask": frozenset({WRITER.id})}, 1)
EVERYBODY = (WRITER, OTHER_WRITER, KEEPER, STRANGER, REVIEWER, HUB)
ALLOWED = {
    ("asked", "add"): {WRITER, OTHER_WRITER},
    ("asked", "support"): {OTHER_WRITER},
    ("asked", "lapse"): {HUB},
    ("supported", "grant"): {KEEPER, REVIEWER},
    ("supported", "lapse"): {HUB},
}


@pytest.mark.parametrize(("state", "act"), list(product(LOAN.states, LOAN.acts)))
def test_only_what_the_table_says_is_possible(state, act):
    matter = replace(ASKED, state=state)
    assert {who for who in EVERYBODY if LOAN.may(who, act, matter)} == ALLOWED.get((state, act), set())


def test_a_refusal_says_what_is_possible_and_who_may():
    with pytest.raises(
        ForbiddenTransition,
        match=r"loan 1 is asked: grant is not possible now\. Possible are: add, support\.$",
    ):
        LOAN.check_may(KEEPER, "grant", ASKED)
    with pytest.raises(ForbiddenTransition, match="Nothing more"):
        LOAN.check_may(KEEPER, "grant", replace(ASKED, state="granted"))
    with pytest.raises(NotYourPart, match=r"stranger may not support loan 1\. It is for a user of U"):
        LOAN.check_may(STRANGER, "support", ASKED)
    with pytest.raises(NotYourPart, match="a publisher of P or a catalogue authority"):
        LOAN.check_may(WRITER, "grant", replace(ASKED, state="supported"))
    with pytest.raises(OwnWork, match="writer did ask loan 1"):
        LOAN.check_may(WRITER, "support", ASKED)
    with pytest.raises(NotYourPart, match="the hub itself"):
        LOAN.check_may(Actor("hub"), "lapse", ASKED)


def test_one_who_is_suspended_acts_in_no_role():
    person = Person("writer.two", "测试乙", "U", frozenset({Role.USER}))
    assert LOAN.may(Actor.of_person(person), "add", ASKED)
    suspended = Actor.of_person(replace(person, status=PersonStatus.SUSPENDED))
    assert not LOAN.may(suspended, "add", ASKED)
    with pytest.raises(NotYourPart, match=r"writer\.two is suspended or has no role"):
        LOAN.check_may(suspended, "add", ASKED)


def test_the_table_says_what_is_possible_and_what_is_final():
    assert LOAN.possible(OTHER_WRITER, ASKED) == ["add", "support"]
    assert [state for state in LOAN.states if LOAN.is_final(state)] == ["granted", "lapsed"]


def test_the_diagram_has_every_line():
    drawn = LOAN.diagram().splitlines()
    assert drawn[:2] == ["stateDiagram-v2", "    [*] --> asked: ask"]
    for line in (
        "asked --> asked: add",
        "asked --> supported: support",
        "supported --> lapsed: lapse",
        "lapsed --> [*]",
    ):
        assert f"    {line}" in drawn


def test_a_table_that_does_not_hold_together_is_refused():
    twice = Transition("add", ("asked",), "granted", (Side.USER,), "")
    with pytest.raises(DefinitionError, match="twice what add does in asked"):
        replace(LOAN, transitions=(*LOAN.transitions, twice))
    with pytest.raises(DefinitionError, match="never reaches nowhere"):
        Workflow("x", "x", "open", (Side.USER,), "a", (Transition("b", ("nowhere",), "a", (Side.USER,), ""),))


def test_what_is_done_once_or_after_another_act_is_refused_else():
    more_time = Workflow(
        "loan", "loan", "ask", (Side.USER,), "asked",
        (
            Transition("extend", ("asked",), None, (Side.USER,), "", once=True, needs=("reason",)),
            Transition("consent", ("asked",), "asked", (Side.AUTHORITY,), "", after="extend"),
        ),
    )  # fmt: skip
    assert more_time.possible(WRITER, ASKED) == ["extend"]
    with pytest.raises(ForbiddenTransition, match="only after extend"):
        more_time.check_may(REVIEWER, "consent", ASKED)
    extended = replace(ASKED, done={"extend": frozenset({WRITER.id})})
    assert more_time.may(REVIEWER, "consent", extended)
    with pytest.raises(ForbiddenTransition, match="possible once, and was done"):
        more_time.check_may(OTHER_WRITER, "extend", extended)
    with pytest.raises(NotSaid, match="To extend takes: reason"):
        more_time.check_may(WRITER, "extend", ASKED).check_said({"reason": ""})
    more_time.check_may(WRITER, "extend", ASKED).check_said({"reason": "more records than thought"})
