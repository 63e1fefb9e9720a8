"""The terms beyond items and purposes: each decides, and explains with what is left, from the same code."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from test_catalog_agreement import AGREEMENT, ASKED, NOW

from catalog.agreement import Agreement, agreement_allowing
from catalog.agreement_file import agreement_as_dict, agreement_from, read_agreement
from catalog.allowance import Rate, Spent, rate_from
from catalog.answer_form import answer_from
from catalog.authentication import Authentication
from catalog.conditions import rows_from
from catalog.explanation import explain
from catalog.hours import window_from
from catalog.terms import ORDINARY, Circumstances
from schemas.errors import (
    BulkNotAgreed,
    CaseNotOwn,
    ConfigurationError,
    DefinitionError,
    FormNotAgreed,
    ItemNotAgreed,
    OutOfHours,
    QuotaSpent,
    SignatureRequired,
    TooFast,
)

TODAY = date(2026, 6, 1)  # where the hub is, at NOW: 08:00
OWN = "11500000009275123M3442199806003202206230068"
SECOND = timedelta(seconds=1)
CLOSED = {"hours": (window_from("every 09:00-17:00"),)}
OPEN = {"hours": (window_from("every 09:00-17:00"), window_from("every 07:00-08:30"))}
CASES = {"rows": rows_from([{"cases": "own"}])}
YES_NO = {"answer": answer_from({"form": "yes_no"})}
SIGNED = {"authentication": Authentication.SIGNED}
BULK = {"bulk": True}
QUOTA = {"quota_per_day": 10}
RATE = {"rate": Rate(2, burst=3)}


def spent(used=0, full_at=None, day=TODAY):
    return Circumstances(ORDINARY.calendar, {"a-1": Spent(day, used, full_at)})


DECISIONS = [
    # what is asked,                                the agreement, what is spent,                       refused as
    (ASKED, CLOSED, ORDINARY, OutOfHours),
    (ASKED, OPEN, ORDINARY, None),
    (ASKED, CASES, ORDINARY, CaseNotOwn),
    (replace(ASKED, case_code=OWN), CASES, ORDINARY, None),
    (replace(ASKED, case_code=OWN, organisation=""), CASES, ORDINARY, CaseNotOwn),
    (ASKED, YES_NO, ORDINARY, FormNotAgreed),
    (replace(ASKED, items=()), YES_NO, ORDINARY, None),
    (replace(ASKED, items=(), provenance=True), YES_NO, ORDINARY, FormNotAgreed),
    (ASKED, SIGNED, ORDINARY, SignatureRequired),
    (replace(ASKED, signed=True), SIGNED, ORDINARY, None),
    (replace(ASKED, signed=True), QUOTA, ORDINARY, None),
    (replace(ASKED, filtered=("name",)), {}, ORDINARY, BulkNotAgreed),
    (replace(ASKED, filtered=()), {}, ORDINARY, BulkNotAgreed),
    (replace(ASKED, filtered=("name",)), BULK, ORDINARY, None),
    (replace(ASKED, filtered=(), items=()), BULK | YES_NO, ORDINARY, BulkNotAgreed),
    (replace(ASKED, filtered=("education",)), BULK, ORDINARY, ItemNotAgreed),
    (replace(ASKED, filtered=("name",)), BULK | {"masked": frozenset({"name"})}, ORDINARY, ItemNotAgreed),
    (ASKED, QUOTA, ORDINARY, None),
    (ASKED, QUOTA, spent(9), None),
    (ASKED, QUOTA, spent(10), QuotaSpent),
    (replace(ASKED, number_of_keys=2), QUOTA, spent(9), QuotaSpent),
    (ASKED, QUOTA, spent(10, day=TODAY - timedelta(days=1)), None),
    (ASKED, QUOTA, spent(10, day=TODAY + timedelta(days=1)), QuotaSpent),
    (ASKED, RATE, spent(), None),
    (ASKED, RATE, spent(full_at=NOW + 1.0 * SECOND), None),
    (ASKED, RATE, spent(full_at=NOW + 1.01 * SECOND), TooFast),
]


@pytest.mark.parametrize(("asked", "changed", "around", "refused"), DECISIONS)
def test_what_is_decided_is_what_is_explained(asked, changed, around, refused):
    agreement = replace(AGREEMENT, **changed)
    assert agreement.allows(asked, NOW, around) is (refused is None)
    told = explain([agreement], asked, NOW, around).as_dict()
    assert told["allowed"] is (refused is None)
    if refused:
        with pytest.raises(refused) as caught:
            agreement_allowing([agreement], asked, NOW, around)
        assert type(caught.value) is refused
        assert told["refusal"]["code"] == refused.code
        assert {"agreement": "a-1", "term": told["refusal"]["term"]}.items() <= caught.value.context.items()


def test_it_is_told_what_was_agreed_and_what_is_left():
    conditions = [{"item": "registered_division", "within": "500103"}]
    agreement = replace(AGREEMENT, rows=rows_from(conditions), **OPEN, **QUOTA, **RATE)
    told = explain([agreement], ASKED, NOW, spent(4, NOW + SECOND)).as_dict()
    terms = {one["term"]: one for one in told["agreements"][0]["terms"]}
    assert terms["rows"]["agreed"] == conditions
    assert terms["hours"]["agreed"] == ["every 09:00-17:00", "every 07:00-08:30"]
    assert (terms["quota"]["agreed"], terms["quota"]["remaining"]) == (10, 6)
    assert (terms["rate"]["agreed"], terms["rate"]["remaining"]) == ({"per_second": 2, "burst": 3}, 1)
    assert "agreed" not in terms["answer"]


def test_a_refusal_says_when_to_call_again():
    quota = replace(AGREEMENT, **QUOTA).refusal(ASKED, NOW, spent(10))
    assert quota.context["retry_after"] == 16 * 3600
    rate = replace(AGREEMENT, **RATE).refusal(ASKED, NOW, spent(full_at=NOW + 3.2 * SECOND))
    assert rate.context["retry_after"] == 3


def test_another_agreement_carries_the_call_when_one_is_spent():
    spare = replace(AGREEMENT, id="a-2")
    assert agreement_allowing([replace(AGREEMENT, **QUOTA), spare], ASKED, NOW, spent(10)) is spare


def test_a_rate_lets_its_burst_pass_and_then_one_an_interval():
    rate, at, full_at, passed = Rate(5, burst=10), NOW, None, []
    for step in range(400):  # a call each 10 ms, for four seconds
        at = NOW + step * timedelta(milliseconds=10)
        if not rate.wait(full_at, at):
            full_at = rate.after(full_at, at)
            passed.append(at)
    assert [one - NOW for one in passed[:10]] == [step * timedelta(milliseconds=10) for step in range(10)]
    assert len(passed) == 10 + 5 * 4 - 1  # those of the second at its very end are to come
    for first in passed:
        assert sum(first <= one < first + SECOND for one in passed) <= 10 + 5
    assert rate.left(full_at, at + 10 * SECOND) == 10
    assert rate.left(None, at) == 10


@pytest.mark.parametrize("told", [5, {}, {"per_second": 0}, {"per_second": "5"}, {"per_second": 1, "burst": 0},
                                  {"per_second": 1, "burst": 1.5}, {"per_second": 1, "more": 1}, {"per_second": True},
                                  {"per_second": float("nan")}, {"per_second": 10_001}])  # fmt: skip
def test_what_is_no_rate_is_refused(told):
    with pytest.raises(ConfigurationError):
        rate_from(told)


@pytest.mark.parametrize(
    "wrong",
    [{"quota_per_day": 0}, {"answer": answer_from({"form": "threshold", "item": "age", "at_least": 18})}],
)
def test_an_agreement_that_exists_has_sound_terms(wrong):
    with pytest.raises(ConfigurationError):
        replace(AGREEMENT, **wrong)


WRITTEN = """
id: city-1
system: permits
resource: natural_person
items: [date_of_birth, registered_division]
purposes: [企业开办]
legal_bases: [行政许可法第三十四条]
valid_from: 2026-01-01T00:00:00+08:00
valid_to: 2027-01-01T00:00:00+08:00
max_keys: 50
rows:
  - {item: registered_division, within: "500103"}
  - {item: life_status, in: ["1"]}
  - {cases: own}
hours: [working 08:30-17:30, "sat,sun 09:00-12:00"]
quota_per_day: 97
rate: {per_second: 5, burst: 10}
answer: {form: threshold, item: date_of_birth, at_most: 2008-06-01}
"""


def test_an_agreement_in_a_file_is_read_and_told_whole():
    agreement = read_agreement(WRITTEN, "city-1.yaml")
    assert isinstance(agreement, Agreement)
    assert agreement.valid_from == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert (agreement.quota_per_day, agreement.rate, agreement.max_keys) == (97, Rate(5, 10), 50)
    told = agreement_as_dict(agreement)
    assert told["answer"] == {"form": "threshold", "item": "date_of_birth", "at_most": "2008-06-01"}
    assert agreement_from(told) == agreement


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("quota_per_day: 97", "quota_per_day: many"),
        ("valid_to: 2027-01-01T00:00:00+08:00", "valid_to: 2027-01-01"),
        ("valid_to: 2027-01-01T00:00:00+08:00", "valid_to: soon"),
        ("max_keys: 50", "max_keys: true"),
        ("max_keys: 50", "colour: red"),
        ("system: permits", ""),
        ("system: permits", "system: [permits]"),
        ("purposes: [企业开办]", "purposes: 企业开办"),
        ("hours: [working 08:30-17:30, \"sat,sun 09:00-12:00\"]", "hours: working 08:30-17:30"),
        ("id: city-1", "id: ["),
    ],
)  # fmt: skip
def test_a_file_that_is_no_agreement_is_named(wrong, said):
    assert wrong in WRITTEN
    with pytest.raises(DefinitionError, match=r"city-1\.yaml"):
        read_agreement(WRITTEN.replace(wrong, said), "city-1.yaml")
    with pytest.raises(DefinitionError, match=r"city-1\.yaml"):
        read_agreement("[1, 2]", "city-1.yaml")
