from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog.agreement import Agreement, AgreementStatus, agreement_allowing
from catalog.asking import Way
from catalog.explanation import explain
from catalog.terms import TERMS
from schemas.errors import AccessDenied, ConfigurationError, ItemNotAgreed, PurposeNotAgreed, TooManyKeys

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AGREEMENT = Agreement(
    id="a-1",
    system="permits",
    resource="natural_person",
    items=("name", "sex", "mobile_phone"),
    masked=frozenset({"mobile_phone"}),
    purposes=frozenset({"企业开办"}),
    legal_bases=frozenset({"行政许可法第三十四条"}),
    valid_from=NOW - timedelta(days=1),
    valid_to=NOW + timedelta(days=1),
    max_keys=100,
)


@dataclass(frozen=True)
class Asked:
    items: Sequence[str] = ("name",)
    by: str | None = None
    purpose: str = "企业开办"
    legal_basis: str = "行政许可法第三十四条"
    case_code: str = "CASE-1"
    organisation: str = "11500000009275123M"
    provenance: bool = False
    signed: bool = False
    number_of_keys: int = 1
    filtered: tuple[str, ...] | None = None
    way: Way = Way.READ
    question: str = ""


ASKED = Asked()
IN_FORCE = {}

DECISIONS = [
    # what is asked,                           the agreement,                             at,                          refused as
    (ASKED, IN_FORCE, NOW, None),
    (Asked(items=()), IN_FORCE, NOW, None),
    (Asked(items=("name", "sex", "mobile_phone")), IN_FORCE, NOW, None),
    (Asked(by="mobile_phone"), IN_FORCE, NOW, None),
    (Asked(number_of_keys=100), IN_FORCE, NOW, None),
    (ASKED, IN_FORCE, NOW - timedelta(days=1), None),
    (ASKED, IN_FORCE, NOW + timedelta(days=1), AccessDenied),
    (ASKED, IN_FORCE, NOW - timedelta(days=2), AccessDenied),
    (ASKED, {"status": AgreementStatus.SUSPENDED}, NOW, AccessDenied),
    (ASKED, {"status": AgreementStatus.ENDED}, NOW, AccessDenied),
    (Asked(items=("name", "education")), IN_FORCE, NOW, ItemNotAgreed),
    (Asked(by="citizen_number"), IN_FORCE, NOW, ItemNotAgreed),
    (Asked(purpose="好奇"), IN_FORCE, NOW, PurposeNotAgreed),
    (Asked(legal_basis="无"), IN_FORCE, NOW, PurposeNotAgreed),
    (Asked(number_of_keys=101), IN_FORCE, NOW, TooManyKeys),
]


@pytest.mark.parametrize(("asked", "changed", "at", "refused"), DECISIONS)
def test_decision(asked, changed, at, refused):
    agreement = replace(AGREEMENT, **changed)
    assert agreement.allows(asked, at) is (refused is None)
    if refused:
        with pytest.raises(refused) as caught:
            agreement.check_allows(asked, at)
        assert type(caught.value) is refused
    else:
        agreement.check_allows(asked, at)


@pytest.mark.parametrize(("asked", "changed", "at", "refused"), DECISIONS)
def test_what_is_explained_is_what_is_decided(asked, changed, at, refused):
    agreement = replace(AGREEMENT, **changed)
    told = explain([agreement], asked, at).as_dict()
    ((_, terms),) = explain([agreement], asked, at).judged
    refusing = [one.term.name for one in terms if one.refusal]
    assert [one.term for one in terms] == list(TERMS)
    assert told["allowed"] is (refused is None) is (not refusing)
    assert told["agreement"] == (None if refused else "a-1")
    if refused:
        assert (told["refusal"]["code"], told["refusal"]["term"]) == (refused.code, refusing[0])
        assert [one["term"] for one in told["agreements"][0]["terms"]] == [term.name for term in TERMS]


def test_who_has_no_agreement_is_told_so():
    told = explain([], ASKED, NOW).as_dict()
    assert (told["allowed"], told["agreements"], told["refusal"]["code"]) == (False, [], "access_denied")


def test_the_page_has_the_terms_as_they_are_asked():
    page = (Path(__file__).parents[2] / "docs" / "agreements.md").read_text(encoding="utf-8")
    rows = [f"| `{term.name}` | {term.article} | {term.asks} |" for term in TERMS]
    assert "\n".join(["| --- | --- | --- |", *rows, ""]) in page


def test_the_first_agreement_that_allows_is_taken():
    other = replace(AGREEMENT, id="a-2", items=("education",), masked=frozenset())
    assert agreement_allowing([AGREEMENT, other], Asked(items=("education",)), NOW) is other


def test_the_nearest_refusal_is_told():
    over = replace(AGREEMENT, id="a-0", status=AgreementStatus.ENDED)
    with pytest.raises(ItemNotAgreed, match="education"):
        agreement_allowing([over, AGREEMENT], Asked(items=("education",)), NOW)


def test_no_agreement_is_a_denial():
    with pytest.raises(AccessDenied, match="no agreement"):
        agreement_allowing([], ASKED, NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"items": ()},
        {"items": ("name", "name")},
        {"purposes": frozenset()},
        {"legal_bases": frozenset()},
        {"masked": frozenset({"education"})},
        {"valid_to": NOW - timedelta(days=2)},
        {"valid_to": datetime(2027, 1, 1)},  # noqa: DTZ001 - the point of the case
        {"max_keys": 1001},
        {"max_keys": 0},
        {"id": ""},
    ],
)
def test_an_agreement_that_exists_is_valid(wrong):
    with pytest.raises(ConfigurationError):
        replace(AGREEMENT, **wrong)
