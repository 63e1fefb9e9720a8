"""``docs/sharing.md`` says what the tables say."""

import documents

from catalog.agreement_workflow import AGREEMENT_LIFE, LIFE_DUTIES
from catalog.application_workflow import APPLICATION, DUTIES
from catalog.completeness import ELEMENTS
from catalog.sharing_clock import REMINDED, RENEWED

PAGE = documents.page("sharing.md")


def test_the_diagrams_are_the_tables():
    assert [APPLICATION.diagram(), AGREEMENT_LIFE.diagram()] == [
        block.rstrip("\n") for block in documents.blocks(PAGE, "mermaid")
    ]


def test_every_element_and_every_duty_is_told():
    for one in ELEMENTS:
        assert f"| `{one.name}` | {one.title} | {one.article} | {one.asks} |\n" in PAGE
    for state, duty in (DUTIES | LIFE_DUTIES).items():
        days = duty.working_days or "what is left"
        assert f"| {state} | {duty.name} | {days} | {duty.article} |\n" in PAGE
    assert (REMINDED, RENEWED) == (2, 20), "the table of the clock says so"


def test_every_act_of_the_hub_itself_is_told():
    for act in ("grant", "lapse", "expire", "remind", "escalate"):
        assert f"| `{act}` |" in PAGE
