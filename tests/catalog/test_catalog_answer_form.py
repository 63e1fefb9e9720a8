"""Answers that disclose no value."""

import pytest

from catalog.answer_form import Answer, Form, answer_from
from schemas.errors import ConfigurationError, UnknownItem
from schemas.resource import resource_named

VERDICTS = [
    # the form agreed,                                                     the key's records,            the answer
    ({"form": "yes_no"}, [], False),
    ({"form": "yes_no"}, [{}], True),
    ({"form": "threshold", "item": "staff_count", "at_least": 10}, [{"staff_count": 10}], True),
    ({"form": "threshold", "item": "staff_count", "at_least": 10}, [{"staff_count": 9}], False),
    ({"form": "threshold", "item": "staff_count", "at_most": 10}, [{"staff_count": 11}], False),
    ({"form": "threshold", "item": "staff_count", "at_most": 10}, [{"staff_count": None}], None),
    ({"form": "threshold", "item": "staff_count", "at_most": 10}, [], None),
    ({"form": "threshold", "item": "staff_count", "at_most": 10}, [{"staff_count": 11}, {"staff_count": 1}], True),
    ({"form": "threshold", "item": "registered_capital", "at_least": "0.5"}, [{"registered_capital": "10"}], True),
    ({"form": "threshold", "item": "registered_capital", "at_least": "0.5"}, [{"registered_capital": "0.49"}], False),
    ({"form": "threshold", "item": "established_on", "at_most": "2008-06-01"}, [{"established_on": "2008-06-01"}], True),
    ({"form": "threshold", "item": "established_on", "at_most": "2008-06-01"}, [{"established_on": "2008-06-02"}], False),
    ({"form": "threshold", "item": "established_on", "at_most": "2008-06-01"}, [{"established_on": "20080601"}], None),
]  # fmt: skip


@pytest.mark.parametrize(("agreed", "records", "told"), VERDICTS)
def test_a_verdict_shows_no_value(agreed, records, told):
    assert answer_from(agreed).told(records) is told


def test_what_is_written_is_read_again():
    for told in [{"form": "yes_no"}, {"form": "threshold", "item": "staff_count", "at_least": "10"}]:
        assert answer_from(told).as_dict() == told
    assert Answer().discloses_values
    assert not Answer(Form.YES_NO).discloses_values


@pytest.mark.parametrize(
    "told",
    [
        "yes_no", {}, {"form": "perhaps"}, {"form": "yes_no", "item": "name"}, {"form": "yes_no", "else": 1},
        {"form": "threshold"}, {"form": "threshold", "item": "a"}, {"form": "threshold", "at_least": 1},
        {"form": "threshold", "item": "a", "at_least": 1, "at_most": 2}, {"form": "threshold", "item": "a", "at_least": "much"},
        {"form": "threshold", "item": "a", "at_least": "NaN"}, {"form": "threshold", "item": "a", "at_least": "2026-13-01"},
        {"form": "records", "at_most": 1},
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(told):
    with pytest.raises(ConfigurationError):
        answer_from(told)


def test_the_limit_fits_its_item():
    firms = resource_named("legal_person")
    answer_from({"form": "threshold", "item": "staff_count", "at_least": 1}).check_against(firms)
    answer_from({"form": "threshold", "item": "established_on", "at_least": "2026-01-01"}).check_against(
        firms
    )
    for item, limit in [("staff_count", "2026-01-01"), ("established_on", 5), ("name", 5)]:
        with pytest.raises(ConfigurationError, match="cannot be compared"):
            answer_from({"form": "threshold", "item": item, "at_least": limit}).check_against(firms)
    with pytest.raises(UnknownItem):
        answer_from({"form": "threshold", "item": "colour", "at_least": 1}).check_against(firms)
