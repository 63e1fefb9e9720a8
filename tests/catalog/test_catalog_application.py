"""What an application states, and that everything it lacks is told at once."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from made_sharing import DESK, MONDAY, OPEN, POLICE, WANTED

from audit import entry
from catalog.agreement import Agreement, AgreementStatus
from catalog.application import LONGEST_STATED, Application, Mode, application_told
from catalog.completeness import ELEMENTS, Standing, check_complete, faults_of
from catalog.offer import Offer
from catalog.organisation import Organisation
from catalog.system import System
from schemas.errors import ConfigurationError, IncompleteApplication, NotShared
from schemas.resource import Sharing, resource_named

ZONE = ZoneInfo("Asia/Shanghai")
KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "1"}
APPLICANT = Organisation(DESK, "渝中区行政审批局", "500103")
OFFER = Offer(
    resource_named("natural_person"), Organisation(POLICE, "公安局", "500000"), frozenset({"education"})
)
STANDING = Standing(OFFER, APPLICANT, frozenset({"01"}), System("desk", DESK, "desk", (KEY,)), MONDAY)
LOCAL = {"rows": [{"item": "registered_division", "within": "500103"}]}
AGREED = Agreement(
    "AP2026-000001", "desk", "natural_person", ("name",), frozenset({"许可审查"}), frozenset({"行政许可法"}), MONDAY,
    datetime(2027, 1, 1, tzinfo=UTC),
)  # fmt: skip


def faults(application, standing=STANDING):
    return [(one.element, one.problem) for one in faults_of(application, standing)]


def test_what_is_complete_has_no_fault():
    assert faults(WANTED) == []
    check_complete("AP1", WANTED, STANDING)


def test_what_the_negative_list_keeps_back_is_named_with_its_law():
    kept = replace(STANDING, offer=replace(OFFER, withheld={"education": "n-000001: 教育法"}))
    (told,) = faults(replace(WANTED, items=(*WANTED.items, "education")), kept)
    assert told[1].endswith("name education, which is not shared (n-000001: 教育法)")


def test_everything_that_is_missing_is_told_at_once():
    with pytest.raises(IncompleteApplication) as caught:
        check_complete("AP1", Application("natural_person"), STANDING)
    told = [one.element for one in caught.value.faults]
    assert told == [
        "system", "version", "items", "purposes", "legal_bases", "scenario", "scope", "condition_met", "mode", "valid_to",
        "calls_per_day", "office",
    ]  # fmt: skip
    assert all(f"{element} " in caught.value.detail for element in told)
    assert "has 12 faults: system is missing" in caught.value.detail
    assert "依申请，限行政审批核验使用" in caught.value.detail, "the condition of the entry is told"


@pytest.mark.parametrize(
    ("changed", "element", "says"),
    [
        ({"items": (*WANTED.items, "blood_type")}, "items", "blood_type, which the resource does not have"),
        ({"items": (*WANTED.items, "education")}, "items", "education, which is not shared"),
        ({"needed_for": {"name": "核对"}}, "needed_for", r"what the purpose needs mobile_phone \(移动电话\) for"),
        ({"needed_for": {**WANTED.needed_for, "education": "x"}}, "needed_for", "education, which is not applied for"),
        ({"masked": frozenset({"education"})}, "masked", "education, which is not applied for"),
        ({"version": 9}, "version", "is 9, and published is 1"),
        ({"valid_to": MONDAY}, "valid_to", "over already"),
        ({"calls_per_day": 0}, "calls_per_day", "less than one"),
        ({"keys_per_call": 1001}, "keys_per_call", "not 1 to 1000"),
        ({"office": "99"}, "office", "99, which the applicant does not have"),
        ({"returns": True, "condition_met": "", "terms": LOCAL}, "returns", None),
        ({"returns": True}, "returns", "local data: confine the rows in terms to within 500103"),
        ({"terms": {"rows": [{"item": "colour", "in": ["red"]}]}}, "terms", "do not fit the resource: .*colour"),
        ({"terms": {"rows": [{"item": "sex", "within": "500103"}]}}, "terms", "do not fit the resource"),
        ({"terms": {"answer": {"form": "threshold", "item": "date_of_birth", "at_most": "2008-01-01"}}}, "terms", "by an item that is not applied for"),
        ({"terms": {"quota_per_day": 0}}, "terms", "quota_per_day of 0, and not 1 to 1000000000000"),
        ({"terms": {"rows": [{"item": "sex", "in": [1, 2]}]}}, "terms", "a code is text, in quotes"),
        ({"changes": "AP1"}, "changes", "AP1, which is no agreement of this system on this resource"),
    ],
)  # fmt: skip
def test_each_fault_names_its_element(changed, element, says):
    found = faults(replace(WANTED, **changed))
    if says is None:
        assert found == [], "a lower level that is given back its data meets no condition"
        return
    ((named, said),) = found
    assert named == element
    assert re.search(says, said)


def test_blank_texts_are_not_stated():
    told = application_told({"resource": "natural_person", "purposes": ["", "  "], "scenario": "\n"}, ZONE)
    missing = [element for element, _ in faults(told)]
    assert {"purposes", "scenario"} <= set(missing)


@pytest.mark.parametrize("stated", ["许可\x07审查", "长" * (LONGEST_STATED + 1)])
def test_a_purpose_can_be_stated_with_a_call(stated):
    assert LONGEST_STATED == entry.LONGEST_TEXT
    (told,) = faults(replace(WANTED, purposes=frozenset({stated, "许可审查"})))
    assert told[0] == "purposes"
    assert "no call can state" in told[1]


def test_the_system_is_the_applicants_own_and_registered():
    assert faults(WANTED, replace(STANDING, system=None)) == [
        ("system", "names desk, which is not registered")
    ]
    other = System("desk", POLICE, "desk", (KEY,))
    assert faults(WANTED, replace(STANDING, system=other)) == [
        ("system", "names desk, which is another organisation's")
    ]


@pytest.mark.parametrize("division", ["500000", "110101"])
def test_data_returns_to_a_lower_level_only(division):
    beside = replace(STANDING, applicant=replace(APPLICANT, division=division))
    local = {"rows": [{"item": "registered_division", "within": division}]}
    ((element, says),) = faults(replace(WANTED, returns=True, terms=local), beside)
    assert (element, f"{division} does not lie below 500000" in says) == ("returns", True)


def test_an_agreement_that_is_changed_is_in_force():
    changing = replace(WANTED, changes=AGREED.id)
    assert faults(changing, replace(STANDING, agreement=AGREED)) == []
    ended = replace(AGREED, status=AgreementStatus.ENDED)
    assert faults(changing, replace(STANDING, agreement=ended)) == [
        ("changes", "names AP2026-000001, which is not in force")
    ]


def test_what_is_not_shared_names_its_legal_basis():
    secret = replace(OFFER.resource, sharing=Sharing.NOT_SHARED, condition="保守国家秘密法第二十一条")
    with pytest.raises(NotShared, match="保守国家秘密法第二十一条"):
        Offer(secret, OFFER.provider).check_shared()
    OFFER.check_shared()


def test_an_application_is_read_from_plain_values_and_told_in_them():
    for application in (WANTED, OPEN, Application("place")):
        assert application_told(application.told(), ZONE) == application
    read = application_told({"resource": "place", "valid_to": date(2026, 6, 30), "mode": "file"}, ZONE)
    assert read.valid_to == datetime(2026, 6, 30, 16, tzinfo=UTC), "the day itself is the last one"
    assert read.mode is Mode.FILE
    assert application_told({"resource": "place", "valid_to": "2026-06-30"}, ZONE).valid_to == read.valid_to


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({}, "names the resource"),
        ({"resource": "place", "colour": "red"}, "no element colour.*Its elements are: resource, system"),
        ({"resource": "place", "items": "name"}, "items cannot be read.*a list of texts"),
        ({"resource": "place", "items": ["name", "name"]}, "an item twice"),
        ({"resource": "place", "calls_per_day": "many"}, "calls_per_day cannot be read.*a whole number"),
        ({"resource": "place", "mode": "pigeon"}, "mode cannot be read.*interface, batch, file"),
        ({"resource": "place", "valid_to": "0001-01-01T00:00:00+14:00"}, "valid_to cannot be read"),
        ({"resource": "place", "valid_to": "soon"}, "valid_to cannot be read"),
        ({"resource": "place", "returns": 1}, "returns cannot be read.*true or false"),
        ({"resource": "place", "needed_for": ["name"]}, "needed_for cannot be read"),
        ({"resource": "place", "terms": {"speed": 1}}, "terms cannot be read.*answer, authentication, bulk"),
        ({"resource": "place", "terms": {"rows": "all"}}, "rows of an agreement are a list"),
        ({"resource": "place", "scenario": "x" * 4001}, "scenario cannot be read"),
        ("place", "a table of its elements"),
    ],
)
def test_what_cannot_be_read_is_named(told, says):
    with pytest.raises(ConfigurationError, match=says):
        application_told(told, ZONE)


def test_every_element_has_its_article_and_its_name():
    assert all(one.article and one.title and one.asks for one in ELEMENTS)
    assert len({one.name for one in ELEMENTS}) == len(ELEMENTS)
