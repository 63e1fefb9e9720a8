"""Each shipped question, asked of every person and enterprise of a city, against what its generator knows."""

from datetime import date, timedelta

import pytest

from catalog.question import questions_shipped
from catalog.question_tests import Facts
from hub.city.build import make_truth
from schemas.identifiers import birth_date

TODAY = date(2026, 6, 1)


@pytest.fixture(scope="module")
def city():
    return make_truth(2000, seed=7)


def ready(table):
    """Rows as a reader gives them: days as texts."""
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
        for row in table.to_pylist()
    ]


def answers(named, records):
    question = questions_shipped()[named]
    return [question.answer([Facts(record)], TODAY) for record in records]


def age(citizen_number):
    born = birth_date(citizen_number)
    return TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))


def test_of_persons(city):
    people = ready(city.persons)
    alive = [one["life_status"] == "1" for one in people]
    ages = [age(one["citizen_number"]) for one in people]
    assert answers("adult@1", people) == [years >= 18 for years in ages]
    assert answers("aged_60@1", people) == [
        years >= 60 and lives for years, lives in zip(ages, alive, strict=True)
    ]
    here = [one["registered_division"].startswith("50") for one in people]
    assert answers("registered_in_city@1", people) == [
        inside and lives for inside, lives in zip(here, alive, strict=True)
    ]
    for named in ("adult@1", "aged_60@1", "registered_in_city@1"):
        assert {True, False} <= {*answers(named, people)} or named == "registered_in_city@1"


def test_of_who_is_insured_and_since_when(city):
    question, seen = questions_shipped()["insured_12_months@1"], set()
    for place, person in enumerate(ready(city.persons)):
        long = place % 2 == 0
        since = TODAY - timedelta(days=400 if long else 100)
        known = question.answer([Facts(person, [(since, person)])], TODAY)
        status = person["insurance_status"]
        assert known is (None if status is None else False if status != "1" else True if long else None)
        seen.add(known)
    assert seen == {True, False, None}


def test_of_enterprises(city):
    firms = ready(city.companies)
    runs = [one["operating_to"] is None or one["operating_to"] >= TODAY.isoformat() for one in firms]
    told = answers("in_operation@1", firms)
    assert told == [one["status"] == "1" and running for one, running in zip(firms, runs, strict=True)]
    assert {True, False} <= {*told}
    year_ago = date(TODAY.year - 1, TODAY.month, TODAY.day).isoformat()
    assert answers("established_12_months@1", firms) == [one["established_on"] <= year_ago for one in firms]


def test_of_who_has_no_penalty_in_force(city):
    question = questions_shipped()["no_valid_penalty@1"]
    records = [*ready(city.permits), *ready(city.penalties)]
    by_subject = {}
    for record in records:
        by_subject.setdefault(record["subject_code"], []).append(record)
    subjects = {one["credit_code"] for one in city.companies.to_pylist()} | {
        one["citizen_number"] for one in city.persons.to_pylist()
    }
    punished = {
        one["subject_code"] for one in ready(city.penalties)
        if one["status"] == "1" and (one["published_until"] is None or one["published_until"] >= TODAY.isoformat())
    }  # fmt: skip
    told = {
        subject: question.answer([Facts(one) for one in by_subject.get(subject, [])], TODAY)
        for subject in subjects
    }
    assert told == {subject: subject not in punished for subject in subjects}
    assert punished & subjects
