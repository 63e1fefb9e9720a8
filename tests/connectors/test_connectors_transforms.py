"""A mapping told in words: which columns, in which steps, how much of them is left."""

import pytest

from connectors.definition import read_source
from connectors.transforms import Kind, transformations
from schemas.resource import resource_named

SOURCE = """
code: p
resource: credit_record
department: d
title: t
ordinal: 7
connector: file
options: {path: a.csv}
mapping:
  record_number: {columns: [{constant: CF}, num, authority], join: ":"}
  kind: {constant: "02"}
  subject_code: {column: who}
  subject_name: {column: name}
  category: {column: class}
  status: {column: state, codes: {"0": "1", "1": "2"}}
  amount: {column: fine, scale: 10000}
  decided_on: {column: day, date: "%d.%m.%Y"}
authority: {default: 40, amount: 10}
"""


@pytest.fixture(scope="module")
def found():
    return transformations(read_source(SOURCE, "p.yaml", {}), resource_named("credit_record"))


@pytest.mark.parametrize(
    ("item", "columns", "kind", "last"),
    [
        ("record_number", ("num", "authority"), Kind.TRANSFORMATION, "joined by ':' with 'CF'"),
        ("kind", (), Kind.CONSTANT, "always '02'"),
        ("subject_code", ("who",), Kind.TRANSFORMATION, "upper case, citizen numbers of 15 digits lengthened to 18"),
        ("subject_name", ("name",), Kind.IDENTITY, "text cleaned: trimmed, half-width, empty words to null"),
        ("status", ("state",), Kind.TRANSFORMATION, "2 of the department's values to codes"),
        ("amount", ("fine",), Kind.TRANSFORMATION, "read as a number, times 10000"),
        ("decided_on", ("day",), Kind.TRANSFORMATION, "read as a date (%d.%m.%Y)"),
    ],
)  # fmt: skip
def test_each_way_of_mapping(found, item, columns, kind, last):
    assert (found[item].columns, found[item].kind, found[item].steps[-1]) == (columns, kind, last)


def test_the_rank_is_the_sources_own_and_unmapped_items_are_absent(found):
    assert (found["amount"].rank, found["status"].rank) == (10, 40)
    assert "basis" not in found
