from itertools import product

import pytest
from made_entries import BOTH, EVERYBODY, HEAD, PROVIDER, REVIEWER, WRITER

from catalog.actor import HUB
from catalog.entry_workflow import ENTRY, IN_FORCE, UNDERWAY, WORKING_DAYS
from catalog.workflow import Matter, Side
from schemas.errors import NotSaid, NotYourPart, OwnWork

DONE = {"draft": frozenset({WRITER.id}), "assess": frozenset({HEAD.id}), "submit": frozenset({WRITER.id})}
DEPARTMENT, AUTHORITY = {WRITER, HEAD, BOTH}, {REVIEWER, BOTH}
ALLOWED = {
    "draft": {"edit": DEPARTMENT, "assess": {HEAD, BOTH}, "discard": {*DEPARTMENT, HUB}},
    "assessed": {"edit": DEPARTMENT, "submit": DEPARTMENT, "discard": {*DEPARTMENT, HUB}},
    "submitted": {"return": AUTHORITY, "approve": AUTHORITY, "discard": {*DEPARTMENT, HUB}},
    "returned": {"edit": DEPARTMENT, "discard": {*DEPARTMENT, HUB}},
    "reviewed": {"publish": AUTHORITY, "discard": {*DEPARTMENT, HUB}},
    "published": {"note_change": DEPARTMENT | AUTHORITY, "supersede": {HUB}, "ask_withdrawal": DEPARTMENT, "withdraw": AUTHORITY},
    "outdated": {"extend": AUTHORITY, "reflect": {HUB}, "supersede": {HUB}, "ask_withdrawal": DEPARTMENT, "withdraw": AUTHORITY},
}  # fmt: skip


def matter(state, done=DONE):
    return Matter("rent_subsidy/1", state, {Side.PROVIDER: PROVIDER}, done, 3)


@pytest.mark.parametrize(("state", "act"), list(product(ENTRY.states, ENTRY.acts)))
def test_only_what_the_table_says_is_possible_and_only_to_those_whose_part_it_is(state, act):
    allowed = {who for who in EVERYBODY if ENTRY.may(who, act, matter(state))}
    assert allowed == ALLOWED.get(state, {}).get(act, set())


def test_every_state_is_reached_and_the_last_ones_are_final():
    assert set(ENTRY.states) == {*UNDERWAY, *IN_FORCE, "changed", "withdrawn", "discarded"}
    assert {state for state in ENTRY.states if ENTRY.is_final(state)} == {"changed", "withdrawn", "discarded"}


def test_nobody_assesses_or_reviews_what_they_wrote_assessed_or_handed_in():
    with pytest.raises(OwnWork):
        ENTRY.check_may(WRITER, "assess", matter("draft"))
    for act in ("edit", "assess", "submit"):
        with pytest.raises(OwnWork):
            ENTRY.check_may(BOTH, "approve", matter("submitted", {**DONE, act: frozenset({BOTH.id})}))


def test_another_department_is_told_whose_act_it_is():
    with pytest.raises(NotYourPart, match=f"It is for a publisher of {PROVIDER}"):
        ENTRY.check_may(EVERYBODY[2], "edit", matter("draft"))


def test_what_has_to_be_said_is_asked_for():
    lines = {line.act: line for line in ENTRY.transitions}
    assert {act: line.needs for act, line in lines.items() if line.needs} == {
        "assess": ("secrecy", "personal_information"), "return": ("reasons",),
        **dict.fromkeys(("note_change", "extend", "ask_withdrawal", "withdraw"), ("reason",)),
    }  # fmt: skip
    with pytest.raises(NotSaid, match="personal information"):
        lines["assess"].check_said({"secrecy": "不涉密"})
    assert WORKING_DAYS == {"review_and_publish": 2, "reflect_change": 10, "extend": 5}
