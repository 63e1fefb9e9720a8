"""References of rows: other rows have other ones."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.references import row_references

PART = st.text(alphabet='a:\\"', min_size=1, max_size=4)


def references(*columns: list[str | None]) -> list[str]:
    table = pa.table({str(place): pa.array(values, pa.string()) for place, values in enumerate(columns)})
    fallback = pa.array([f"file:{number}" for number in range(1, len(table) + 1)])
    return row_references(table, table.column_names, fallback).to_pylist()


def test_what_stands_in_for_a_reference_is_made_only_where_it_is_needed():
    def fallback() -> pa.Array:
        return pa.array(["file:1", "file:2"])

    table = pa.table({"id": ["7", ""]})
    assert row_references(table, ("id",), fallback).to_pylist() == ["7", "file:2"]
    assert row_references(table, (), fallback).to_pylist() == ["file:1", "file:2"]
    assert row_references(table.slice(0, 1), ("id",), lambda: 1 / 0).to_pylist() == ["7"]


@settings(deadline=None)
@given(rows=st.lists(st.tuples(PART, PART, PART), min_size=1, max_size=8, unique=True))
def test_rows_of_other_ids_have_other_references(rows):
    assert len(set(references(*map(list, zip(*rows, strict=True))))) == len(rows)


def test_one_column_stands_as_it_is_and_a_row_without_an_id_has_its_place():
    assert references(["a:b", None, "c\\"]) == ["a:b", "file:2", "c\\"]
    assert references(["a", None, None], ["1", "2", None]) == ["a:1", ":2", "file:3"]
