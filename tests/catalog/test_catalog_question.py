"""Questions: the language they are written in, three answers, and what is no question."""

from dataclasses import replace
from datetime import date

import pytest
import yaml
from test_catalog_agreement import AGREEMENT

from catalog.agreement_file import agreement_as_dict, agreement_from
from catalog.answer_form import Answer, Form, answer_from
from catalog.narrowing import is_narrower
from catalog.question import Of, question_from, questions_shipped, read_question
from catalog.question_tests import TESTS, Facts, shifted
from schemas.errors import ConfigurationError, DefinitionError, UnknownItem
from schemas.resource import resource_named

TODAY = date(2026, 2, 28)
BASE = {"name": "made", "version": 1, "title": "问", "resource": "natural_person", "legal_basis": "法"}


def asked(asks, resource="natural_person", **more):
    question = question_from(BASE | {"resource": resource, "asks": asks} | more)
    question.check_against(resource_named(resource))
    return question


SAID = [
    # what is asked,                                                          of,                                 yes, no, not known
    ("{item: date_of_birth, reached: {years: 18}}", {"date_of_birth": "2008-02-28"}, True),
    (
        "{item: date_of_birth, reached: {years: 18}}",
        {"date_of_birth": "2008-02-29"},
        True,
    ),  # the month has no such day: its last
    ("{item: date_of_birth, reached: {years: 18}}", {"date_of_birth": "2008-03-01"}, False),
    ("{item: date_of_birth, reached: {years: 18}}", {"date_of_birth": None}, None),
    ("{item: life_status_date, within: {months: 12}}", {"life_status_date": "2025-02-28"}, True),
    ("{item: life_status_date, within: {months: 12}}", {"life_status_date": "2025-02-27"}, False),
    ("{item: life_status_date, within: {days: 30}}", {"life_status_date": "2026-03-01"}, False),
    ("{item: date_of_birth, at_least: '1990-01-01'}", {"date_of_birth": "1990-01-01"}, True),
    ("{item: date_of_birth, at_most: 1990-01-01}", {"date_of_birth": "1990-01-02"}, False),
    ("{item: sex, in: ['1']}", {"sex": "2"}, False),
    ("{item: sex, in: ['1', '2']}", {"sex": "2"}, True),
    ("{item: registered_division, in_division: '500103'}", {"registered_division": "500103001002"}, True),
    ("{item: registered_division, in_division: '500103'}", {"registered_division": "500104001002"}, False),
    ("{item: registered_division, in_division: '500103'}", {}, None),
    ("{item: life_status_date, exists: false}", {}, True),
    ("{item: life_status_date, exists: true}", {}, False),
    ("{not: {item: sex, in: ['1']}}", {"sex": "1"}, False),
    ("{not: {item: sex, in: ['1']}}", {}, None),
    (
        "{all: [{item: sex, in: ['1']}, {item: life_status, in: ['1']}]}",
        {"sex": "2"},
        False,
    ),  # whatever the other is
    ("{all: [{item: sex, in: ['1']}, {item: life_status, in: ['1']}]}", {"sex": "1"}, None),
    ("{any: [{item: sex, in: ['1']}, {item: life_status, in: ['1']}]}", {"sex": "1"}, True),
    ("{any: [{item: sex, in: ['1']}, {item: life_status, in: ['1']}]}", {"sex": "2"}, None),
]


@pytest.mark.parametrize(("asks", "record", "told"), SAID)
def test_a_record_is_told_yes_no_or_not_known(asks, record, told):
    assert asked(yaml.safe_load(asks)).answer([Facts(record)], TODAY) is told


def test_numbers_are_compared_by_value():
    firm = asked({"item": "registered_capital", "at_least": "100.50"}, "legal_person")
    assert [
        firm.answer([Facts({"registered_capital": value})], TODAY) for value in ("100.5", "1000", "99", None)
    ] == [True, True, False, None]
    staff = asked({"item": "staff_count", "at_most": 50}, "legal_person")
    assert [staff.answer([Facts({"staff_count": value})], TODAY) for value in (50, 51)] == [True, False]


def test_of_which_records_it_is_asked():
    penalty = {"item": "kind", "in": ["02"]}
    any_, none = (asked(penalty, "credit_record", by="subject_code", of=of) for of in ("any", "none"))
    for kinds, told in (
        ([], False),
        (["01"], False),
        (["01", "02"], True),
        (["01", None], None),
        (["02", None], True),
    ):
        records = [Facts({"kind": kind}) for kind in kinds]
        assert any_.answer(records, TODAY) is told
        assert none.answer(records, TODAY) is (None if told is None else not told)
    assert asked({"item": "sex", "in": ["1"]}).answer([], TODAY) is None
    assert (any_.of, none.by) == (Of.ANY, "subject_code")


@pytest.mark.parametrize(
    ("versions", "told"),
    [
        ([(date(2025, 2, 28), "1")], True),
        ([(date(2025, 3, 1), "1")], None),  # since when before that nobody knows
        ([(date(2025, 6, 1), "1"), (date(2024, 1, 1), "1")], True),
        ([(date(2025, 6, 1), "1"), (date(2024, 1, 1), "2")], False),
        ([(date(2024, 6, 1), "1"), (date(2024, 1, 1), "2")], True),  # what was before counts no more
        ([(date(2025, 6, 1), "2"), (date(2024, 1, 1), "1")], False),
        ([(date(2025, 6, 1), "1"), (date(2024, 1, 1), None)], None),
        ([], None),
    ],
)
def test_what_has_been_so_all_the_time_is_told_by_its_versions(versions, told):
    question = asked({"item": "insurance_status", "held": {"in": ["1"], "for": {"months": 12}}})
    assert question.looks_back
    facts = Facts({}, [(since, {"insurance_status": value}) for since, value in versions])
    assert question.answer([facts], TODAY) is told


def test_days_are_counted_as_the_civil_code_has_it():
    assert shifted(date(2024, 1, 31), {"months": 1}) == date(2024, 2, 29)
    assert shifted(date(2025, 12, 31), {"months": 2, "days": 1}) == date(2026, 3, 1)
    assert shifted(date(2026, 3, 31), {"months": 1}, -1) == date(2026, 2, 28)
    assert shifted(date(2026, 1, 1), {"years": 9000}) == date.max
    assert shifted(date(2026, 1, 1), {"years": 9000}, -1) == date.min


@pytest.mark.parametrize(
    "asks",
    [
        None, [], {}, {"item": "sex"}, {"item": "sex", "in": ["1"], "not": {}}, {"all": []}, {"any": "x"}, {"not": []}, {"else": 1},
        {"item": "sex", "like": "1"}, {"item": "sex", "in": "1"}, {"item": "sex", "in": []}, {"item": "sex", "in": [1.5]},
        {"item": "date_of_birth", "reached": 18}, {"item": "date_of_birth", "reached": {"weeks": 1}},
        {"item": "date_of_birth", "reached": {"years": -1}}, {"item": "date_of_birth", "reached": {"years": True}},
        {"item": "date_of_birth", "at_least": "soon"}, {"item": "sex", "exists": "no"}, {"item": "sex", "in_division": "5001"},
        {"item": "sex", "held": {"in": ["1"]}}, {"item": "sex", "held": 1},
        {"all": [{"item": "sex", "in": ["1"]}] * 41},
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(asks):
    with pytest.raises(ConfigurationError):
        question_from(BASE | {"asks": asks})


def test_an_expression_is_not_nested_without_end():
    asks = {"item": "sex", "in": ["1"]}
    for _ in range(7):
        asks = {"not": asks}
    question_from(BASE | {"asks": asks})
    with pytest.raises(ConfigurationError, match="deeper"):
        question_from(BASE | {"asks": {"not": asks}})


@pytest.mark.parametrize(
    ("resource", "asks"),
    [
        ("natural_person", {"item": "sex", "reached": {"years": 1}}),
        ("natural_person", {"item": "sex", "in": ["7"]}),
        ("natural_person", {"item": "sex", "in": [1]}),
        ("natural_person", {"item": "sex", "at_least": 1}),
        ("natural_person", {"item": "name", "in_division": "500103"}),
        ("natural_person", {"item": "insurance_status", "held": {"in": ["9"], "for": {"days": 1}}}),
        ("legal_person", {"item": "staff_count", "in": ["1"]}),
        ("legal_person", {"item": "staff_count", "at_least": "2026-01-01"}),
        ("parcel", {"item": "geometry", "in": ["x"]}),
    ],
)
def test_a_question_is_held_against_the_items_of_its_resource(resource, asks):
    with pytest.raises(ConfigurationError):
        asked(asks, resource)


@pytest.mark.parametrize("changed", [{"name": "Adult"}, {"version": 0}, {"version": "1"}, {"title": ""}, {"title": 1}, {"more": 1},
                                     {"of": "some"}, {"by": "subject_code"}, {"legal_basis": None}])  # fmt: skip
def test_what_is_no_question_is_refused(changed):
    with pytest.raises(ConfigurationError):
        question_from(BASE | {"asks": {"item": "sex", "in": ["1"]}} | changed)


def test_a_file_that_is_none_names_itself():
    for written in ("[", "- 1", "name: x", "{" * 5000):
        with pytest.raises(DefinitionError, match=r"made\.yaml"):
            read_question(written, "made.yaml")
    with pytest.raises(UnknownItem):
        asked({"item": "age", "at_least": 18})
    with pytest.raises(ConfigurationError):
        asked({"item": "sex", "in": ["1"]}, by="name", of="any")


def test_what_is_shipped_fits_its_resources():
    for named, question in questions_shipped().items():
        question.check_against(resource_named(question.resource))
        assert named == f"{question.name}@{question.version}"
        assert question.title_en
    assert {
        one.test for question in questions_shipped().values() for one in question.asks.tests()
    } <= TESTS.keys()


def on(*named):
    return replace(AGREEMENT, items=(), masked=frozenset(), answer=Answer(Form.QUESTION, questions=named))


def test_fewer_questions_are_narrower_and_another_version_is_not():
    assert is_narrower(on("adult@1"), on("adult@1", "aged_60@1"))
    for wider, agreed in (("adult@2",), ("adult@1",)), (("adult@1", "aged_60@1"), ("adult@1",)):
        assert not is_narrower(on(*wider), on(*agreed))
    assert not is_narrower(on("adult@1"), AGREEMENT)  # it may turn on items that were not agreed
    assert not is_narrower(AGREEMENT, on("adult@1"))


@pytest.mark.parametrize("told", [{"form": "question"}, {"form": "question", "questions": []}, {"form": "question", "questions": "adult@1"},
                                  {"form": "question", "questions": ["adult"]}, {"form": "question", "questions": [1]},
                                  {"form": "question", "questions": ["adult@0"]}, {"form": "verify", "questions": ["adult@1"]},
                                  {"form": "question", "questions": ["adult@1"], "item": "sex"}])  # fmt: skip
def test_questions_are_agreed_with_their_versions_or_not_at_all(told):
    with pytest.raises(ConfigurationError):
        answer_from(told)


def test_only_an_agreement_on_questions_may_lack_items():
    assert (
        agreement_from(
            agreement_as_dict(
                replace(
                    AGREEMENT,
                    items=(),
                    masked=frozenset(),
                    answer=Answer(Form.QUESTION, questions=("adult@1",)),
                )
            )
        ).items
        == ()
    )
    with pytest.raises(ConfigurationError, match="no items"):
        replace(AGREEMENT, items=(), masked=frozenset(), answer=Answer(Form.VERIFY))
