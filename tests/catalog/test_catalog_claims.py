"""How many claims may fail: the limit as it is written, judged by what failed before, and who may verify what."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from test_catalog_agreement import AGREEMENT, ASKED, NOW

from catalog.agreement_file import agreement_as_dict, agreement_from
from catalog.answer_form import answer_from
from catalog.asking import Way
from catalog.claims import USUAL_CLAIMS, ClaimLimit, Tally, Tried, Try, claims_from
from catalog.narrowing import is_narrower
from schemas.errors import ClaimsSpent, ConfigurationError, FormNotAgreed, ItemNotAgreed

DAY = date(2026, 6, 1)
VERIFYING = replace(ASKED, way=Way.VERIFY)
LIMIT = ClaimLimit(failing_per_item=2, failing_at_once=10, failing_share=0.5)


def tried(*failed, claims=None, limit=LIMIT, number_failed=None):
    """A call with a claim on the name of each of so many subjects."""
    tries = tuple(Try(bytes([place]) * 16, place, {"name": not one}) for place, one in enumerate(failed, 1))
    return Tried("desk", "natural_person", "a-1", limit, DAY, 60, tries, claims or len(tries),
                 sum(failed) if number_failed is None else number_failed)  # fmt: skip


@pytest.mark.parametrize(
    ("form", "asked", "refused"),
    [
        ({"form": "records"}, VERIFYING, None),
        ({"form": "records"}, ASKED, None),
        ({"form": "verify"}, VERIFYING, None),
        ({"form": "verify"}, ASKED, FormNotAgreed),
        ({"form": "verify"}, replace(ASKED, items=()), FormNotAgreed),
        ({"form": "verify"}, replace(ASKED, items=(), provenance=True), FormNotAgreed),
        ({"form": "yes_no"}, VERIFYING, FormNotAgreed),
        ({"form": "threshold", "item": "name", "at_least": 1}, VERIFYING, FormNotAgreed),
        ({"form": "verify"}, replace(VERIFYING, items=("mobile_phone",)), ItemNotAgreed),
    ],
)
def test_who_may_read_may_verify_and_who_may_verify_reads_nothing(form, asked, refused):
    agreement = replace(AGREEMENT, answer=answer_from(form))
    found = agreement.refusal(asked, NOW)
    assert (found and type(found)) is refused


def test_what_is_agreed_masked_is_not_verified():
    masked = replace(AGREEMENT, masked=frozenset({"name"}))
    assert masked.allows(ASKED, NOW)
    assert masked.refusal(VERIFYING, NOW).context["term"] == "items"


def test_so_many_claims_on_a_subjects_item_may_fail():
    tally = Tally({}, {})
    for _ in range(2):
        assert tally.refusal(tried(True, False)) is None
        tally.take(tried(True, False))
    refused = tally.refusal(tried(True, False))
    assert isinstance(refused, ClaimsSpent)
    assert (refused.context["term"], refused.context["agreement"], refused.context["retry_after"]) == (
        "claims",
        "a-1",
        60,
    )
    assert "place 1," in refused.detail
    assert (
        type(tally.refusal(tried(False))) is ClaimsSpent
    )  # a right guess that comes too late is not told from a wrong one
    assert tally.refusal(replace(tried(True), resource="legal_person")) is None
    assert tally.new_failed == Counter({("desk", "natural_person", "name", bytes([1]) * 16, DAY): 2})


def test_so_large_a_share_of_all_claims_may_fail():
    tally = Tally({}, {("desk", DAY): (20, 19)})
    assert tally.refusal(tried(False)) is None  # 19 < 10 + half of 20
    tally.take(tried(claims=2, number_failed=2))
    assert type(tally.refusal(tried(False))) is ClaimsSpent  # whatever it claims
    assert Tally({}, {("desk", DAY): (22, 20)}).refusal(tried(False)) is None
    assert Tally({}, {("desk", date(2026, 5, 31)): (99, 99)}).refusal(tried(False)) is None


def test_a_limit_is_read_as_it_is_written():
    agreement = replace(AGREEMENT, claims=LIMIT)
    told = agreement_as_dict(agreement)
    assert told["claims"] == {"failing_per_item": 2, "failing_at_once": 10, "failing_share": 0.5}
    assert agreement_from(told).claims == LIMIT
    assert "claims" not in agreement_as_dict(AGREEMENT)
    assert claims_from({"failing_per_item": 1}) == replace(USUAL_CLAIMS, failing_per_item=1)
    assert is_narrower(replace(AGREEMENT, claims=LIMIT), AGREEMENT)
    assert not is_narrower(AGREEMENT, agreement)


@pytest.mark.parametrize("told", [5, {"more": 1}, {"failing_per_item": 0}, {"failing_per_item": True}, {"failing_per_item": 1.5},
                                  {"failing_share": 2}, {"failing_share": "1"}, {"failing_at_once": 0}])  # fmt: skip
def test_what_is_no_limit_is_refused(told):
    with pytest.raises(ConfigurationError):
        claims_from(told)
