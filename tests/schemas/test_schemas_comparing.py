"""Claims compared with what is known: one table of writings, and what is no claim at all."""

from datetime import date

import pyarrow as pa
import pytest

from connectors.dates import to_dates
from schemas.comparing import RULES, claim_of, outcomes, rule_of, tidy_identifier
from schemas.errors import MalformedClaim
from schemas.identifiers import citizen_number_from_15
from schemas.resource import RESOURCES, resource_named

PERSON, FIRM, CREDIT = (resource_named(code) for code in ("natural_person", "legal_person", "credit_record"))
SINCE = date(2020, 1, 1)
OLD = "130503670401001"
CODE = "91350100M000100Y43"

AGREEING = [
    # the item,                             what is known,              what is claimed
    (PERSON, "name", "阿依古丽·买买提", "阿依古丽买买提"),
    (PERSON, "name", "阿依古丽·买买提", "阿依古丽 • 买买提"),
    (PERSON, "name", "张三", "张　三"),
    (PERSON, "name", "Anna Müller", "ANNA MÜLLER"),
    (PERSON, "name", "金龙", "⾦⻰"),  # radicals that look like the characters
    (PERSON, "citizen_number", citizen_number_from_15(OLD), OLD),
    (PERSON, "citizen_number", "11010519491231002X", " 11010519491231002x"),
    (PERSON, "citizen_number", "11010519491231002X", "11010519491231002×"),
    (PERSON, "date_of_birth", "1990-01-05", "1990年1月5日"),
    (PERSON, "date_of_birth", "1990-01-05", "19900105"),
    (PERSON, "date_of_birth", "1990-01-05", "１９９０/1/5"),
    (PERSON, "sex", "1", "男"),
    (PERSON, "marital_status", "20", "已婚"),
    (PERSON, "ethnic_group", "01", "汉族"),
    (PERSON, "mobile_phone", "13800000001", "+86 138-0000-0001"),
    (PERSON, "registered_division", "500103", "500103000000"),
    (PERSON, "registered_division", "500110", "500110"),
    (FIRM, "name", "重庆测试（渝中）有限公司", "重庆测试(渝中) 有限公司"),
    (FIRM, "credit_code", CODE, "m000100y-4"),  # the organisation code inside it
    (FIRM, "organisation_code", CODE[8:17], CODE),
    (FIRM, "registered_capital", "1200.5", "1,200.50"),
    (FIRM, "staff_count", 12, "12"),
    (FIRM, "staff_count", 12, 12.0),
    (FIRM, "status", "1", "存续"),
    (FIRM, "registration_number", "500103000001234", "５００１０３０００００１２３４"),
    (CREDIT, "subject_code", CODE, CODE.lower()),
]  # fmt: skip
DIFFERING = [
    (PERSON, "name", "张三", "张三丰"),
    (PERSON, "sex", "1", "女"),
    (PERSON, "date_of_birth", "1990-01-05", "1990-05-01"),
    (PERSON, "citizen_number", "11010519491231002X", "110105194912310021"),
    (PERSON, "citizen_number", "11010519491231002X", "194912310"),  # a part of a citizen number is none
    (PERSON, "registered_division", "500103", "500104"),
    (PERSON, "registered_division", "500103001002", "500103001003"),
    (FIRM, "registered_capital", "1200.5", 1200.51),
    (CREDIT, "subject_code", "11010519491231002X", "194912310"),
]
MALFORMED = [
    (PERSON, "date_of_birth", "1990-13-01"),
    (PERSON, "date_of_birth", "not long ago"),
    (PERSON, "sex", "雄"),
    (PERSON, "registered_division", "渝中区"),
    (PERSON, "name", " · "),
    (PERSON, "name", None),
    (PERSON, "name", ["张三"]),
    (PERSON, "name", "张" * 4001),
    (FIRM, "staff_count", "many"),
    (FIRM, "staff_count", "NaN"),
    (FIRM, "registered_capital", "98,7"),
    (resource_named("parcel"), "geometry", "POINT (1 1)"),
]


@pytest.mark.parametrize(("resource", "item", "known", "claimed"), AGREEING)
def test_what_is_written_otherwise_agrees(resource, item, known, claimed):
    assert claim_of(resource.item(item), claimed, "subject 1").agrees(known, SINCE) is True


@pytest.mark.parametrize(("resource", "item", "known", "claimed"), DIFFERING)
def test_what_says_something_else_does_not(resource, item, known, claimed):
    assert claim_of(resource.item(item), claimed, "subject 1").agrees(known, SINCE) is False


@pytest.mark.parametrize(("resource", "item", "value"), MALFORMED)
def test_what_cannot_be_compared_is_told_by_its_place_and_never_quoted(resource, item, value):
    with pytest.raises(MalformedClaim) as caught:
        claim_of(resource.item(item), value, "subject 7")
    told = f"{caught.value.detail} {caught.value.hint}"
    assert item in told
    assert not isinstance(value, str) or len(value) < 3 or value not in told


@pytest.mark.parametrize(
    ("known", "since", "claimed", "told"),
    [
        ("500112", date(2020, 1, 1), "500157", None),  # 渝北 went to several: nobody can tell
        ("500110", date(2010, 1, 1), "500110", True),
        ("500224", date(2016, 1, 1), "500151", True),  # 铜梁县 became 铜梁区
        ("500151", date(2020, 1, 1), "500224", True),  # what is claimed is the older code
        ("500151", date(2020, 1, 1), "500103", False),
    ],
)
def test_a_division_is_the_one_that_alone_followed_it(known, since, claimed, told):
    claim = claim_of(PERSON.item("registered_division"), claimed, "subject 1")
    assert claim.agrees(known, since) is told


def test_what_is_not_known_agrees_with_nothing():
    assert claim_of(PERSON.item("sex"), "1", "subject 1").agrees(None, SINCE) is None


def test_one_record_that_agrees_is_enough():
    claims = {
        name: claim_of(CREDIT.item(name), "1", "subject 1")
        for name in ("amount", "document_number", "category")
    }
    records = [({"amount": "1", "document_number": "2", "category": None}, SINCE), ({"amount": "3"}, SINCE)]
    assert outcomes(claims, records) == {"amount": True, "document_number": False, "category": None}
    assert outcomes(claims, []) == dict.fromkeys(claims)


def test_keys_are_tidied_where_they_are_identifiers():
    assert tidy_identifier(PERSON.key, OLD) == citizen_number_from_15(OLD)
    assert tidy_identifier(PERSON.key, " 11010519491231002x ") == "11010519491231002X"
    assert tidy_identifier(CREDIT.key, "02:渝 A-1") == "02:渝 A-1"


def test_every_item_has_a_rule_but_geometries():
    for resource in RESOURCES.values():
        for item in resource.items:
            assert (rule_of(item) is None) is item.geometry
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_days_are_read_as_standardising_reads_them():
    written = [
        "2020-01-02",
        "2020/1/2",
        "2020.1.2",
        "20200102",
        "2020年1月2日",
        "2020-02-30",
        "2020年13月1日",
    ]
    read = to_dates(pa.array(written)).to_pylist()
    rule = rule_of(PERSON.item("date_of_birth"))
    assert [rule.read(PERSON.item("date_of_birth"), one) for one in written] == read
