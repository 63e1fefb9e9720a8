"""A batch's digest is its name: it depends on the rows alone."""

import pyarrow as pa
import pytest

from connectors.batch import content_digest, rechunk, with_last

TABLE = pa.table(
    {"a": ["x", None, "", "yz"] * 5, "n": [1, None, 3, 4] * 5, "g": pa.array([b"\0", None, b"", b"1"] * 5)}
)


def test_the_digest_does_not_depend_on_how_the_rows_were_cut():
    alone = pa.table(
        {name: pa.array(TABLE.column(name).to_pylist()[3:9], TABLE.schema.field(name).type) for name in "ang"}
    )
    pieces = pa.concat_tables([TABLE.slice(3, 1), TABLE.slice(4, 5)])
    assert content_digest(alone) == content_digest(TABLE.slice(3, 6)) == content_digest(pieces)


def test_what_lies_under_a_null_does_not_count():
    whole = pa.array(["abc", "defg", "h"])
    covered = pa.Array.from_buffers(pa.string(), 3, [pa.py_buffer(bytes([0b101])), *whole.buffers()[1:]])
    assert content_digest(pa.table({"a": covered})) == content_digest(pa.table({"a": ["abc", None, "h"]}))


@pytest.mark.parametrize(
    "other",
    [
        {"a": ["x", "y"]},
        {"a": ["x", ""]},
        {"a": [None, "x"]},
        {"b": ["x", None]},
        {"a": ["x", None, None]},
        {"a": ["x"]},
        {"a": ["x", None], "b": ["x", None]},
    ],
)
def test_other_content_has_another_digest(other):
    assert content_digest(pa.table(other)) != content_digest(pa.table({"a": ["x", None]}))


@pytest.mark.parametrize("length", [1, 127, 128, 40_000])
def test_values_of_any_length_count_wherever_they_are_cut(length):
    values = ["x" * length, None, "y", "z" * (length - 1)] * 3
    whole, pieces = pa.table({"a": values}), pa.table({"a": pa.chunked_array([values[:5], [], values[5:]])})
    assert content_digest(whole) == content_digest(pieces)
    moved = ["x" * length, None, "yz", "z" * (length - 1)] * 3
    assert content_digest(whole) != content_digest(pa.table({"a": moved}))


def test_the_digest_is_the_same_on_every_machine():
    assert content_digest(TABLE) == "0b994706dcf4733abdcbc81478db974645053b731418b12c15199779bb1a9ed1"


def test_an_empty_table_has_a_digest():
    assert content_digest(TABLE.slice(0, 0)) != content_digest(TABLE)
    assert content_digest(pa.schema([("a", pa.string())]).empty_table())


@pytest.mark.parametrize(("rows", "sizes"), [(7, [7, 7, 6]), (20, [20]), (3, [3] * 6 + [2]), (100, [20])])
def test_tables_are_regrouped_without_loss(rows, sizes):
    pieces = [TABLE.slice(0, 1), TABLE.slice(1, 0), TABLE.slice(1, 12), TABLE.slice(13)]
    regrouped = list(rechunk(pieces, rows))
    assert [table.num_rows for table in regrouped] == sizes
    assert pa.concat_tables(regrouped).to_pylist() == TABLE.to_pylist()
    assert [last for _, last in with_last(regrouped)] == [False] * (len(sizes) - 1) + [True]
    assert list(rechunk([], rows)) == []
