"""What makes an agreement narrower, term by term."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalog.agreement import Agreement
from catalog.agreement_file import terms_from
from catalog.narrowing import is_narrower

BASE = Agreement(
    "a", "desk", "legal_person", ("name", "staff_count"), frozenset({"p", "q"}), frozenset({"l"}),
    datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), masked=frozenset({"name"}), max_keys=10,
)  # fmt: skip
IN_DISTRICT, IN_CITY = ({"item": "division", "within": code} for code in ("500103", "500000"))
TWO, ONE = ({"item": "status", "in": values} for values in (["1", "2"], ["1"]))
SOME = {"form": "threshold", "item": "staff_count", "at_least": 50}
# of one term: what was agreed, what is wanted, whether that is narrower; None is a term that does not bind
TERMS = [
    ("rows", None, [IN_DISTRICT], True),
    ("rows", [IN_CITY], [IN_DISTRICT], True),
    ("rows", [IN_DISTRICT], [IN_CITY], False),
    ("rows", [TWO], [ONE], True),
    ("rows", [ONE], [TWO], False),
    ("rows", [ONE], [ONE, IN_DISTRICT], True),
    ("rows", [ONE, IN_DISTRICT], [ONE], False),
    ("rows", [ONE], [{"item": "kind", "in": ["1"]}], False),
    ("rows", None, [{"cases": "own"}], True),
    ("rows", [{"cases": "own"}], None, False),
    ("hours", None, ["working 08:30-17:30"], True),
    ("hours", ["working 08:30-17:30"], None, False),
    ("hours", ["mon 08:00-12:00", "tue 08:00-12:00"], ["mon 08:00-12:00"], True),
    ("hours", ["mon 08:00-12:00"], ["mon 08:00-12:30"], False),
    ("bulk", True, False, True),
    ("bulk", False, True, False),
    ("bulk", True, False, True),
    ("bulk", False, True, False),
    ("quota_per_day", None, 5, True),
    ("quota_per_day", 5, 5, True),
    ("quota_per_day", 5, 6, False),
    ("quota_per_day", 5, None, False),
    ("rate", None, {"per_second": 5}, True),
    ("rate", {"per_second": 5, "burst": 2}, {"per_second": 5, "burst": 1}, True),
    ("rate", {"per_second": 5}, {"per_second": 4, "burst": 2}, False),
    ("rate", {"per_second": 5}, None, False),
    ("authentication", None, "signed", True),
    ("authentication", "signed", None, False),
    ("authentication", "signed", "signed", True),
    ("answer", None, {"form": "yes_no"}, True),
    ("answer", None, SOME, True),
    ("answer", SOME, {"form": "yes_no"}, False),
    ("answer", {"form": "yes_no"}, None, False),
]


@pytest.mark.parametrize(("term", "agreed", "wanted", "narrower"), TERMS)
def test_a_term_narrows_or_does_not(term, agreed, wanted, narrower):
    old, new = (replace(BASE, **terms_from({term: told})) for told in (agreed, wanted))
    assert is_narrower(new, old) is narrower


@pytest.mark.parametrize(
    ("changes", "narrower"),
    [
        ({}, True),
        ({"items": ("name",)}, True),
        ({"items": ("staff_count",), "masked": frozenset()}, True),
        ({"masked": frozenset()}, False),
        ({"items": ("name", "status")}, False),
        ({"purposes": frozenset({"p"})}, True),
        ({"purposes": frozenset({"r"})}, False),
        ({"legal_bases": frozenset({"l", "m"})}, False),
        ({"valid_to": datetime(2027, 1, 2, tzinfo=UTC)}, False),
        ({"max_keys": 9}, True),
        ({"max_keys": 11}, False),
    ],
)
def test_what_is_covered_narrows_or_does_not(changes, narrower):
    assert is_narrower(replace(BASE, **changes), BASE) is narrower
