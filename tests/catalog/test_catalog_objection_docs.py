"""``docs/objections.md`` draws and tells the table that decides."""

import documents

from catalog.objection import ObjectionKind
from catalog.objection_workflow import DUTIES, OBJECTION
from catalog.workflow import Transition

PAGE = documents.page("objections.md")


def row(line: Transition) -> str:
    states = ", ".join(state.replace("_", " ") for state in line.sources)
    target = line.target.replace("_", " ") if line.target else "stays"
    sides = ", ".join(line.sides)
    return f"| `{line.act}` | {states} | {target} | {sides} | {line.article} | {line.says} |"


def test_the_diagram_is_the_table_s():
    (drawn,) = documents.blocks(PAGE, "mermaid")
    assert drawn == OBJECTION.diagram() + "\n"


def test_every_act_is_told_as_the_table_has_it():
    assert "\n".join(map(row, OBJECTION.transitions)) in PAGE


def test_kinds_and_duties_are_told():
    assert f"Kinds: {', '.join(f'`{kind}`' for kind in ObjectionKind)}." in PAGE
    for duty, days in DUTIES.values():
        assert f"`{duty}` within {days} working days" in PAGE
