"""Code sets: what is shipped holds together, and words of registers are understood."""

import pytest
from skipping import shared_data

from schemas.code_sets import CodeSet, code_set, code_sets_shipped, parse_code_set
from schemas.errors import DefinitionError


def test_every_code_set_named_in_the_domain_is_shipped():
    assert set(code_sets_shipped()) == {
        "credit_kind", "credit_status", "currency", "division_level", "education", "employment_status", "ethnic_group",
        "industry", "insurance_status", "land_use", "legal_person_type", "life_status", "marital_status",
        "place_category", "registration_status", "sex",
    }  # fmt: skip
    assert all(name == shipped.name for name, shipped in code_sets_shipped().items())


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("sex", "0 1 2 9"),
        ("marital_status", "10 20 21 22 23 30 40 90"),
        ("ethnic_group", " ".join(f"{code:02d}" for code in range(1, 59))),
        ("education", "10 20 30 40 50 60 70 80 90"),
        ("life_status", "1 2 3"),
        ("registration_status", "1 2 3 4"),
        ("credit_status", "1 2 3"),
    ],
)
def test_codes_are_those_of_the_standard(name, codes):
    assert code_set(name).codes == tuple(codes.split())


@pytest.mark.parametrize("name", sorted(code_sets_shipped()))
def test_labels_lead_back_to_codes(name):
    shipped = code_set(name)
    assert shipped.title
    assert shipped.standard
    for code, label in shipped.entries.items():
        assert code in shipped
        assert shipped.label(code) == label
        found = shipped.code_of(label)
        assert found is not None
        assert shipped.label(found) == label
        assert shipped.code_of(code) == code


@pytest.mark.parametrize(
    ("name", "word", "code"),
    [
        ("sex", "男性", "1"),
        ("ethnic_group", "汉", "01"),
        ("ethnic_group", "高山族", "23"),  # last in many lists, so their positions are wrong from here on
        ("ethnic_group", "拉祜族", "24"),
        ("education", "大专", "30"),
        ("currency", "156", "CNY"),
        ("registration_status", "存续（在营、开业、在册）", "1"),
        ("division_level", "4", "county"),
        ("legal_person_type", "有限责任公司", "91"),
        ("land_use", "城镇住宅用地", "0701"),
        ("credit_kind", "XK", "01"),
        (
            "industry",
            "国际组织",
            "T9700",
        ),  # division, group and class share the name: the most detailed is meant
    ],
)
def test_words_of_registers_are_understood(name, word, code):
    assert code_set(name).code_of(word) == code


def test_what_is_not_understood_gives_none():
    assert code_set("sex").code_of("不明") is None
    assert code_set("sex").label("3") is None
    assert "3" not in code_set("sex")


def test_industry_is_complete():
    lengths = [len(code) for code in code_set("industry").codes]
    assert [lengths.count(length) for length in (1, 3, 4, 5)] == [20, 97, 473, 1381]


def test_legal_person_types_are_beginnings_of_credit_codes():
    for code in code_set("legal_person_type").codes:
        assert code[0] in "123456789ANY"
        assert code[1] in "123459"


def test_an_unknown_code_set_is_a_wrong_definition():
    with pytest.raises(DefinitionError, match="no code set 'colour'"):
        code_set("colour")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: a\ntitle: t\nstandard: s\nentries: {}", "no entries"),
        ("name: a\ntitle: t\nstandard: s\nentries: {1: one}", "not text"),
        ("name: a\ntitle: t\nstandard: s\nentries: {'1': one}\nsynonyms: {uno: '2'}", "no code of it"),
        (
            "name: a\ntitle: t\nstandard: s\nentries: {'1': one, '2': two}\nsynonyms: {two: '1'}",
            "already the label",
        ),
        ("name: a", "not a code set"),
        ("- a", "not a code set"),
        ("{", "not a code set"),
    ],
)
def test_a_wrong_code_set_is_refused_with_its_file(text, complaint):
    with pytest.raises(DefinitionError, match=complaint) as caught:
        parse_code_set(text, "a.yaml")
    assert caught.value.detail.startswith("a.yaml")


def test_a_code_set_cannot_be_changed():
    small = CodeSet("a", "t", "s", {"1": "one"}, {})
    with pytest.raises(AttributeError):
        small.name = "b"


def test_shipped_tables_agree_with_the_real_ones():
    from python_calamine import CalamineWorkbook

    codes = shared_data("codes")
    rows = (
        line.split("\t") for line in (codes / "gbt4754_2017.tsv").read_text(encoding="utf-8").splitlines()[1:]
    )
    assert code_set("industry").entries == dict(rows)
    groups = {
        row[0]
        for row in CalamineWorkbook.from_path(codes / "ethnic_56.xlsx").get_sheet_by_index(0).to_python()
    }
    assert {code_set("ethnic_group").label(f"{code:02d}") for code in range(1, 57)} == groups
