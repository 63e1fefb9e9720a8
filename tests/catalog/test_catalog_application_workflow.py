"""The tables of applications and agreements, walked whole: who may do what in which state, and nothing else."""

from collections import Counter
from dataclasses import replace
from itertools import product

import pytest
from made_sharing import AUTHORITY, CHIEF, CLERK, DESK, HEAD, OFFICER, PLANNER, POLICE

from catalog.actor import HUB, Actor
from catalog.agreement_workflow import AGREEMENT_LIFE, LIFE_DUTIES, STATUS
from catalog.application_workflow import APPLICATION, DUTIES
from catalog.person import Person, PersonStatus, Role
from catalog.workflow import Matter, Side

PARTIES = {Side.USER: DESK, Side.PROVIDER: POLICE}
STRANGER = Actor("stranger", "X", frozenset({Role.USER, Role.PUBLISHER}))
SIDES = {
    Side.USER: (CLERK, HEAD),
    Side.PROVIDER: (OFFICER, CHIEF),
    Side.AUTHORITY: (AUTHORITY,),
    Side.HUB: (HUB,),
}
EVERYBODY = (CLERK, HEAD, OFFICER, CHIEF, AUTHORITY, HUB, PLANNER, STRANGER)


def standing(workflow, state, act="", **done):
    """Return a matter in that state in which everything was done that the act has to follow."""
    before = {
        line.after: frozenset({"somebody"}) for line in workflow.transitions if line.act == act and line.after
    }
    return Matter("1", state, PARTIES, before | {act: frozenset(who) for act, who in done.items()}, 1)


@pytest.mark.parametrize("workflow", [APPLICATION, AGREEMENT_LIFE], ids=lambda one: one.kind)
def test_only_whose_act_it_is_may_do_it_and_only_where_the_table_says(workflow):
    lines = {(state, line.act): line for line in workflow.transitions for state in line.sources}
    walked = Counter()
    for state, act in product(workflow.states, workflow.acts):
        line = lines.get((state, act))
        allowed = {who for side in line.sides for who in SIDES[side]} if line else set()
        assert {who for who in EVERYBODY if workflow.may(who, act, standing(workflow, state, act))} == allowed
        walked[bool(line)] += 1
    assert walked[True] > 40
    assert walked[False] > 100


@pytest.mark.parametrize("workflow", [APPLICATION, AGREEMENT_LIFE], ids=lambda one: one.kind)
def test_nobody_judges_what_they_did_themselves(workflow):
    lines = [
        (state, line, act) for line in workflow.transitions for state in line.sources for act in line.not_by
    ]
    assert lines
    for state, line, earlier in lines:
        for side in line.sides:
            for who in SIDES[side]:
                own = standing(workflow, state, line.act, **{earlier: {who.id}})
                assert not workflow.may(who, line.act, own), (state, line.act, earlier)
                assert workflow.may(replace(who, id="another"), line.act, own)


def test_one_who_is_suspended_does_nothing_at_all():
    for role, organisation in ((Role.USER, DESK), (Role.PUBLISHER, POLICE), (Role.CATALOGUE_AUTHORITY, "C")):
        person = Person(
            "zhang.desk", "测试甲", organisation, frozenset({role}), status=PersonStatus.SUSPENDED
        )
        suspended = Actor.of_person(person)
        for state in APPLICATION.states:
            assert APPLICATION.possible(suspended, standing(APPLICATION, state)) == []


def test_a_person_of_both_sides_never_decides_on_what_they_wrote():
    """A department may apply for what it provides itself: its people still do not approve their own applications."""
    both = Actor("both", POLICE, frozenset({Role.USER, Role.PUBLISHER}))
    own = {Side.USER: POLICE, Side.PROVIDER: POLICE}
    for state in APPLICATION.states:
        matter = Matter("1", state, own, {"draft": frozenset({"both"})}, 1)
        assert not {"support", "examine", "approve", "refuse", "return"} & set(
            APPLICATION.possible(both, matter)
        )


@pytest.mark.parametrize("workflow", [APPLICATION, AGREEMENT_LIFE], ids=lambda one: one.kind)
def test_every_state_is_reached_and_every_line_says_what_it_is(workflow):
    reached, frontier = {workflow.initial}, [workflow.initial]
    while frontier:
        here = frontier.pop()
        led = {line.target for line in workflow.transitions if here in line.sources and line.target}
        frontier += led - reached
        reached |= led
    assert reached == set(workflow.states)
    assert all(line.says for line in workflow.transitions)


def test_what_is_final_and_what_every_state_means_for_calls():
    assert {s for s in APPLICATION.states if APPLICATION.is_final(s)} == {"delivered", "upheld", "withdrawn"}
    assert {s for s in AGREEMENT_LIFE.states if AGREEMENT_LIFE.is_final(s)} == {"cancelled", "disposed"}
    assert set(STATUS) == set(AGREEMENT_LIFE.states)
    assert set(DUTIES) < set(APPLICATION.states)
    assert set(LIFE_DUTIES) < set(AGREEMENT_LIFE.states)


def test_refusals_and_stops_give_their_reason():
    needing = {line.act for line in (*APPLICATION.transitions, *AGREEMENT_LIFE.transitions) if line.needs}
    assert {
        "refuse",
        "return",
        "suspend",
        "propose_stop",
        "propose_change",
        "end",
        "uphold",
        "overrule",
    } <= needing
