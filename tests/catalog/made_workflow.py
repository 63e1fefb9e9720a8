"""A small workflow with every kind of line, for the tests of what walks workflows."""

from catalog.actor import Actor
from catalog.person import Role
from catalog.workflow import Side, Transition, Workflow

WRITER = Actor("writer", "U", frozenset({Role.USER}))
OTHER_WRITER = Actor("other", "U", frozenset({Role.USER}))
KEEPER = Actor("keeper", "P", frozenset({Role.PUBLISHER}))
STRANGER = Actor("stranger", "X", frozenset({Role.USER, Role.PUBLISHER}))
REVIEWER = Actor("reviewer", "A", frozenset({Role.CATALOGUE_AUTHORITY}))
PARTIES = {Side.USER: "U", Side.PROVIDER: "P"}
LOAN = Workflow(
    kind="loan",
    title="loan",
    opening="ask",
    opened_by=(Side.USER,),
    initial="asked",
    transitions=(
        Transition("add", ("asked",), None, (Side.USER,), "Says more."),
        Transition("support", ("asked",), "supported", (Side.USER,), "The user's office stands by it.", not_by=("ask",)),
        Transition("grant", ("supported",), "granted", (Side.PROVIDER, Side.AUTHORITY), "The provider gives it."),
        Transition("lapse", ("asked", "supported"), "lapsed", (Side.HUB,), "Nobody answered in time."),
    ),
)  # fmt: skip
