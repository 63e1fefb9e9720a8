"""``docs/catalogue.md`` is what the tables of the code say."""

import documents
import yaml
from made_entries import made, written

from catalog.entry import parse_entry
from catalog.entry_elements import ELEMENTS, ITEM_ELEMENTS, Element, Form
from catalog.entry_workflow import ENTRY

PAGE = documents.page("catalogue.md")
HOLDS = {
    Form.TEXT: "text", Form.FLAG: "true or false", Form.NUMBER: "a whole number", Form.DATE: "CCYY-MM-DD",
    Form.CODES: "catalogue codes", Form.ITEMS: "the information items",
}  # fmt: skip


def row(element: Element) -> str:
    choices = ", ".join(f"{c.number} `{c.value}` {c.title}" for c in element.choices)
    needed = "yes" if element.required else ""
    return f"| `{element.name}` | {element.title} | {needed} | {choices or HOLDS[element.form]} |"


def test_the_elements_are_those_of_the_tables():
    for table in (ELEMENTS, ITEM_ELEMENTS):
        assert "\n".join(map(row, table.values())) in PAGE


def test_the_diagram_and_the_acts_are_those_of_the_workflow():
    (drawn,) = documents.blocks(PAGE, "mermaid")
    assert drawn.strip() == ENTRY.diagram()
    for line in ENTRY.transitions:
        sources, sides = ", ".join(line.sources), ", ".join(line.sides)
        row_of = f"| `{line.act}` | {sources} | {line.target or 'stays'} | {sides} | {line.article} | {line.says} |"
        assert row_of in PAGE


def test_the_entry_shown_is_right():
    (example,) = documents.blocks(PAGE, "yaml")
    assert parse_entry(example) == made()
    assert yaml.safe_load(example) == {name: value for name, value in written().items() if name != "open"}
