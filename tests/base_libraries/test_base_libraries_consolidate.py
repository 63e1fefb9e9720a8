"""Which word wins: one small table a rule."""

from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from base_libraries.consolidate import alone, run
from base_libraries.survivorship import Rule, Survivorship, decode
from schemas.errors import DefinitionError, UnknownItem
from schemas.resource import parse_resource

RESOURCE = parse_resource("""
code: thing
catalogue_code: 307001002/000017
title: 事物
title_en: Thing
provider: 某局
sharing: unconditional
update_cycle: daily
items:
  - {name: code, title: 代码, type: C, length: 9, key: true, required: true}
  - {name: colour, title: 颜色, type: C}
  - {name: size, title: 大小, type: I}
""")

REGISTER, SURVEY, HEARSAY = 1, 2, 3
POLICY = Survivorship(
    RESOURCE,
    {
        "code": {REGISTER: 10, SURVEY: 20, HEARSAY: 20},
        "colour": {REGISTER: 10, SURVEY: 20, HEARSAY: 20},
        "size": {SURVEY: 10},
    },
)


def contributions(*rows: tuple[int, int, str, str | None, int | None]) -> pa.Table:
    """Rows of (source, batch, day, colour, size), all about one subject."""
    return pa.table(
        {
            "_subject": pa.array([b"s" * 16] * len(rows), pa.binary()),
            "_source": pa.array([row[0] for row in rows], pa.int16()),
            "_batch": pa.array([row[1] for row in rows], pa.int32()),
            "_observed_at": pa.array(
                [datetime.fromisoformat(row[2]).replace(tzinfo=UTC) for row in rows],
                pa.timestamp("us", tz="UTC"),
            ),
            "code": pa.array(["A"] * len(rows)),
            "colour": pa.array([row[3] for row in rows], pa.string()),
            "size": pa.array([row[4] for row in rows], pa.int64()),
        }
    )


@pytest.mark.parametrize(
    ("rows", "colour", "batch", "rule"),
    [
        pytest.param([(SURVEY, 7, "2026-01-01", "red", None)], "red", 7, Rule.ONLY, id="one-source-speaks"),
        pytest.param(
            [(REGISTER, 1, "2020-01-01", "red", None), (SURVEY, 2, "2026-01-01", "blue", None)],
            "red", 1, Rule.AUTHORITY, id="authority-beats-recency",
        ),
        pytest.param(
            [(REGISTER, 1, "2026-01-01", None, None), (SURVEY, 2, "2020-01-01", "blue", None)],
            "blue", 2, Rule.ONLY, id="silence-is-no-word",
        ),
        pytest.param(
            [(SURVEY, 2, "2026-01-01", "blue", None), (HEARSAY, 3, "2026-01-02", "green", None)],
            "green", 3, Rule.RECENCY, id="among-equals-the-later",
        ),
        pytest.param(
            [(HEARSAY, 3, "2026-01-01", "green", None), (SURVEY, 2, "2026-01-01", "blue", None)],
            "blue", 2, Rule.TIE_BREAK, id="among-equally-late-the-lower-ordinal",
        ),
        pytest.param(
            [(HEARSAY, 3, "2026-01-03", "green", None), (SURVEY, 2, "2026-01-01", "blue", None),
             (REGISTER, 1, "2019-01-01", "red", None)],
            "red", 1, Rule.AUTHORITY, id="three-sources",
        ),
    ],
)  # fmt: skip
def test_survivorship(rows, colour, batch, rule):
    (golden,) = run(duckdb.connect(), POLICY, contributions(*rows)).to_pylist()

    assert golden["colour"] == colour
    assert decode(golden["_provenance"][RESOURCE.position("colour")]) == (batch, rule)


def test_each_item_is_decided_alone():
    rows = contributions((REGISTER, 1, "2020-01-01", "red", None), (SURVEY, 2, "2019-01-01", "blue", 4))

    (golden,) = run(duckdb.connect(), POLICY, rows).to_pylist()

    assert (golden["colour"], golden["size"]) == ("red", 4)
    assert [decode(code) for code in golden["_provenance"]] == [
        (1, Rule.AUTHORITY),
        (1, Rule.AUTHORITY),
        (2, Rule.ONLY),
    ]
    assert golden["_valid_from"] == datetime(2020, 1, 1, tzinfo=UTC)


def test_an_item_nobody_speaks_of_has_no_provenance():
    (golden,) = run(
        duckdb.connect(), POLICY, contributions((REGISTER, 1, "2020-01-01", None, None))
    ).to_pylist()

    assert golden["colour"] is None
    assert [decode(code) for code in golden["_provenance"]][1:] == [None, None]


def test_a_source_that_is_no_longer_registered_has_no_say():
    """Without a rank its word would win or lose by chance."""
    rows = contributions((9, 4, "2026-02-01", "black", 7), (SURVEY, 2, "2026-01-01", "blue", None))

    (golden,) = run(duckdb.connect(), POLICY, rows).to_pylist()

    assert (golden["colour"], golden["size"]) == ("blue", None)
    assert [decode(code) for code in golden["_provenance"]] == [(2, Rule.ONLY), (2, Rule.ONLY), None]


def test_the_order_of_rows_does_not_matter():
    rows = contributions(
        (HEARSAY, 3, "2026-01-01", "green", None),
        (SURVEY, 2, "2026-01-01", "blue", 1),
        (REGISTER, 1, "2026-01-01", None, None),
    )
    engine = duckdb.connect()

    assert run(engine, POLICY, rows).equals(run(engine, POLICY, rows.take([2, 0, 1])))


def test_a_rank_for_an_unknown_item_is_refused():
    with pytest.raises(UnknownItem, match="no item 'weight'"):
        Survivorship(RESOURCE, {"weight": {REGISTER: 10}})


def test_an_ordinal_that_does_not_fit_the_sort_key_is_refused():
    with pytest.raises(DefinitionError, match="ordinal must be 1–999"):
        Survivorship(RESOURCE, {"colour": {1000: 10}})


@pytest.mark.parametrize("source", [REGISTER, SURVEY, HEARSAY])
def test_a_lone_word_needs_no_weighing(source):
    """What ``alone`` says of subjects with one contribution is what the whole rule says of them."""
    rows = contributions(
        (source, 7, "2026-01-01", "red", 3 if source == SURVEY else None),
        (source, 7, "2026-01-02", None, None),
        (source, 7, "2026-01-03", "blue", None),
    )
    subjects = pa.array([bytes([number]) * 16 for number in range(3)], pa.binary())
    rows = rows.set_column(0, "_subject", subjects)
    weighed = run(duckdb.connect(), POLICY, rows)
    lone = alone(POLICY, rows)
    assert lone.select(weighed.column_names).to_pylist() == weighed.to_pylist()
