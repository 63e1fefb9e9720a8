"""The rows an agreement covers, as data."""

import pytest

from catalog.conditions import OneOf, Rows, Within, rows_from
from schemas.errors import ConfigurationError, UnknownItem
from schemas.resource import resource_named

WITHIN = [
    # agreed,        the record's division, inside
    ("500103", "500103", True),
    ("500103", "500103001002", True),
    ("500103", "500104", False),
    ("500000", "500103", True),
    ("500000", "510103", False),
    ("500000000000", "500103", True),
    ("500100", "500103", True),
    ("500100", "500231", False),
    ("500103001", "500103001002", True),
    ("500103001000", "500103001002", True),
    ("500103001002", "500103001003", False),
    ("500103001002", "500103", False),
    ("500103", "500000", False),
    ("500110", "500110", True),
    ("500103", None, False),
]


@pytest.mark.parametrize(("agreed", "division", "inside"), WITHIN)
def test_a_division_holds_what_lies_in_it(agreed, division, inside):
    assert Rows((Within("division", agreed),)).hold({"division": division}) is inside


def test_every_condition_must_hold_and_what_is_unknown_is_outside():
    rows = rows_from([{"item": "division", "within": "500103"}, {"item": "status", "in": ["1", "2"]}])
    assert rows == Rows((Within("division", "500103"), OneOf("status", ("1", "2"))))
    assert rows.items == ("division", "status")
    assert rows.hold({"division": "500103", "status": "2"})
    assert not rows.hold({"division": "500103", "status": "3"})
    assert not rows.hold({"division": "500103", "status": None})
    assert not rows.hold({"division": "500103"})
    assert Rows().hold({})


def test_own_cases_begin_with_the_callers_credit_code():
    own, case = rows_from([{"cases": "own"}]), "12441500196720244T3442199806003202206230068"
    assert own.own_cases
    assert own.allow_case(case, "12441500196720244T")
    assert not own.allow_case(case, "11500000009275123M")
    assert not own.allow_case("", "12441500196720244T")
    assert Rows().allow_case("", "")


@pytest.mark.parametrize(
    "told",
    [
        "division",
        {"item": "division", "within": "500103"},
        [{"item": "division", "within": "5001"}],
        [{"item": "division", "within": 500103}],
        [{"item": "division", "within": "500103", "or": 1}],
        [{"item": "status", "in": []}],
        [{"item": "status", "in": [None]}],
        [{"item": "status", "in": "1"}],
        [{"item": "status", "equals": "1"}],
        [{"cases": "all"}],
        ["1=1"],
        [{"item": "status", "in": ["1"]}] * 21,
    ],
)
def test_what_is_no_condition_is_refused(told):
    with pytest.raises(ConfigurationError):
        rows_from(told)


def test_what_is_written_is_read_again():
    told = [{"item": "division", "within": "500103"}, {"item": "status", "in": ["1", "2"]}, {"cases": "own"}]
    assert rows_from(told).as_list() == told


def test_conditions_fit_the_items_they_are_about():
    resource = resource_named("legal_person")
    rows_from([{"item": "division", "within": "500103"}, {"item": "status", "in": ["1"]}]).check_against(
        resource
    )
    with pytest.raises(ConfigurationError, match="status of legal_person holds no division code"):
        rows_from([{"item": "status", "within": "500103"}]).check_against(resource)
    with pytest.raises(ConfigurationError, match="geometry"):
        rows_from([{"item": "geometry", "in": ["x"]}]).check_against(resource_named("division_area"))
    with pytest.raises(ConfigurationError, match=r"is compared with what it never is.*in quotes"):
        rows_from([{"item": "status", "in": [1, 2]}]).check_against(resource)
    rows_from([{"item": "staff_count", "in": [1, 2]}]).check_against(resource)
    with pytest.raises(UnknownItem):
        rows_from([{"item": "colour", "in": ["1"]}]).check_against(resource)
