"""Each expectation against a small column, by the gate's short way and by Great Expectations' ordinary way."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from quality.stated_rules import rules_for
from quality.suites import Judge, suite_for
from schemas.errors import RuleNotEvaluated
from schemas.fixed_width import today
from schemas.resource import resource_named, resources_shipped

GOOD_NUMBER, GOOD_OTHER = "11010519491231002X", "440524188001010014"
BORN = dt.date(1949, 12, 31)
TOMORROW = today() + dt.timedelta(days=2)  # tomorrow still, where midnight passes while tests run
PERSON, COMPANY = resource_named("natural_person"), resource_named("legal_person")


def _table(resource, **columns):
    rows = len(next(iter(columns.values())))
    return pa.table(
        {
            item.name: pa.array(columns.get(item.name, [None] * rows), item.arrow_type)
            for item in resource.items
        }
    )


def _failing(resource, item, name, table, stated=()):
    judge = Judge("test", resource, rules_for(resource, stated, "test"))
    rows = judge.failing_rows(table)
    return next(list(rows[rule]) for rule in rows if (rule.item, rule.name) == (item, name))


@pytest.mark.parametrize(
    ("item", "name", "values", "failing"),
    [
        ("name", "not_null", ["甲", None, "乙"], [1]),
        ("name", "length", ["甲" * 50, None, "甲" * 51], [2]),
        ("sex", "code", ["1", None, "男", "2"], [2]),
        ("citizen_number", "identifier", [GOOD_NUMBER, None, "110105194912310021", "x"], [2, 3]),
        ("mobile_phone", "identifier", ["13800000000", "12800000000", None], [1]),
    ],
)
def test_derived_rules_find_the_rows_that_break_them(item, name, values, failing):
    assert _failing(PERSON, item, name, _table(PERSON, **{item: values})) == failing


DAYS = [dt.date(1899, 12, 31), dt.date(1900, 1, 1), None, today(), TOMORROW]


@pytest.mark.parametrize(
    ("stated", "columns", "failing"),
    [
        ({"rule": "between", "min": "1900-01-01", "max": "today"}, {"date_of_birth": DAYS}, [0, 4]),
        ({"rule": "between", "min": "1900-01-01"}, {"date_of_birth": DAYS}, [0]),
        ({"rule": "not_in_future"}, {"date_of_birth": DAYS}, [4]),
        ({"rule": "in_set", "values": ["1", "2"]}, {"sex": ["1", None, "9"]}, [2]),
        ({"rule": "matches", "pattern": "[A-Z]+|甲"}, {"household_number": ["AB", None, "甲", "AB1"]}, [3]),
        (
            {"rule": "consistent", "with": "citizen_number"},
            {
                "date_of_birth": [BORN, BORN, dt.date(1950, 1, 1), None, BORN, BORN],
                "citizen_number": [
                    GOOD_NUMBER,
                    None,
                    GOOD_NUMBER,
                    GOOD_NUMBER,
                    "110105194912310021",
                    GOOD_OTHER,
                ],
            },
            [2, 5],
        ),
        (
            {"rule": "consistent", "with": "citizen_number"},
            {"sex": ["2", "1", None], "citizen_number": [GOOD_NUMBER] * 3},
            [1],
        ),
        (
            {"rule": "consistent", "with": "registered_address"},
            {"document_authority": ["甲", "甲", None], "registered_address": ["甲", "乙", "乙"]},
            [1],
        ),
        (
            {"rule": "not_before", "than": "document_valid_from"},
            {"document_valid_to": [BORN, BORN, None], "document_valid_from": [BORN, TOMORROW, BORN]},
            [1],
        ),
    ],
)
def test_own_rules_find_the_rows_that_break_them(stated, columns, failing):
    item = next(iter(columns))
    table = _table(PERSON, **columns)
    assert _failing(PERSON, item, stated["rule"], table, [stated | {"item": item}]) == failing


@pytest.mark.parametrize(
    ("item", "values", "bounds", "failing"),
    [
        (
            "registered_capital",
            [Decimal("0.5"), None, Decimal(-1), Decimal(7)],
            {"min": 0, "max": 5.5},
            [2, 3],
        ),
        ("staff_count", [0, None, -1, 9], {"min": 0, "max": 8}, [2, 3]),
    ],
)
def test_numbers_are_compared_in_their_own_type(item, values, bounds, failing):
    stated = [{"rule": "between", "item": item, **bounds}]
    assert _failing(COMPANY, item, "between", _table(COMPANY, **{item: values}), stated) == failing


def test_a_chunked_and_sliced_table_is_judged_by_row_number():
    part = _table(PERSON, sex=["1", "x"])
    table = pa.concat_tables([part.slice(1), part, part]).slice(1)
    assert _failing(PERSON, "sex", "code", table) == [1, 3]


def test_every_shipped_resource_gives_a_suite_whose_metadata_carry_the_rule():
    for resource in resources_shipped().values():
        for expectation in suite_for(resource):
            assert set(expectation.meta) == {"title", "item", "rule", "dimension", "severity"}
            assert resource.item(expectation.meta["item"]).title in expectation.meta["title"]
            critical = expectation.severity.value == "critical"
            assert critical == (expectation.meta["severity"] == "error")


def test_the_ordinary_way_of_great_expectations_finds_the_same_rows():
    import great_expectations as gx
    import pandas as pd

    stated = [
        {"rule": "consistent", "item": "sex", "with": "citizen_number"},
        {"rule": "not_before", "item": "document_valid_to", "than": "document_valid_from"},
        {"rule": "not_in_future", "item": "date_of_birth"},
    ]
    table = _table(
        PERSON,
        citizen_number=[GOOD_NUMBER, "bad", None],
        name=["甲", None, "乙" * 51],
        sex=["1", "x", None],
        mobile_phone=["1", None, "13800000000"],
        date_of_birth=[BORN, TOMORROW, None],
        document_valid_from=[BORN, TOMORROW, BORN],
        document_valid_to=[TOMORROW, BORN, None],
    )
    judge = Judge("test", PERSON, rules_for(PERSON, stated, "test"))
    quick = {(rule.item, rule.name): list(rows) for rule, rows in judge.failing_rows(table).items()}

    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("batch")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(
        {"dataframe": table.to_pandas(types_mapper=pd.ArrowDtype)}
    )
    suite = gx.ExpectationSuite(name="person", expectations=suite_for(PERSON, stated, "test"))
    results = batch.validate(suite, result_format="COMPLETE").results
    ordinary = {
        (result.expectation_config.meta["item"], result.expectation_config.meta["rule"]): result.result
        for result in results
    }
    assert quick
    assert sum(map(len, quick.values())) == 9
    for place, rows in quick.items():
        assert ordinary[place]["unexpected_index_list"] == rows


def test_a_rule_that_cannot_be_run_is_told_without_a_value():
    place = PERSON.position("name")
    table = _table(PERSON, sex=["1"]).set_column(place, "name", pa.array([[20240229]], pa.list_(pa.int64())))
    with pytest.raises(RuleNotEvaluated) as caught:
        _failing(PERSON, "name", "length", table)
    assert "Source test: a quality rule over name of natural_person" in caught.value.detail
    assert "20240229" not in str(caught.value)
