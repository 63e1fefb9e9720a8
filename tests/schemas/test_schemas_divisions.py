"""Divisions: a code means something on a day, and leads on to what it became."""

import csv
from datetime import date

import pyarrow as pa
import pytest
from skipping import shared_data

from schemas.code_sets import code_set
from schemas.divisions import Division, Divisions, Level, divisions
from schemas.errors import DefinitionError, UnknownDivision
from schemas.identifiers import is_valid

BEFORE, AFTER = date(2026, 1, 24), date(2026, 1, 25)


@pytest.mark.parametrize(
    ("code", "day", "name"),
    [
        ("500110", date(2011, 10, 21), "万盛区"),
        ("500110", date(2011, 10, 22), "綦江区"),
        ("500111", date(2010, 1, 1), "双桥区"),
        ("500111", date(2012, 1, 1), "大足区"),
        ("500105", BEFORE, "江北区"),
        ("500157", AFTER, "两江新区"),
        ("500000", AFTER, "重庆市"),
        ("500105001", BEFORE, "华新街街道"),
        ("500105001003", BEFORE, "华新街街道"),
        ("500105001000", BEFORE, "华新街街道"),
        ("500105000000", BEFORE, "江北区"),
        ("500105000", BEFORE, "江北区"),
    ],
)
def test_a_code_means_what_it_meant_that_day(code, day, name):
    assert divisions().on(code, day).name == name


@pytest.mark.parametrize(
    ("code", "day"),
    [
        ("500105", AFTER), ("500112", AFTER), ("500157", BEFORE), ("500222", date(2012, 1, 1)), ("500199", AFTER),
        ("500105999", BEFORE), ("500103", date(1990, 1, 1)), ("510211", AFTER),
    ],
)  # fmt: skip
def test_a_code_that_meant_nothing_that_day_is_unknown(code, day):
    with pytest.raises(UnknownDivision, match=code):
        divisions().on(code, day)
    with pytest.raises(UnknownDivision):
        divisions().towns_of(code, day)


def test_codes_of_other_provinces_say_so():
    with pytest.raises(UnknownDivision, match="Chongqing only"):
        divisions().on("510211", AFTER)


@pytest.mark.parametrize(
    ("code", "day", "became"),
    [
        ("500105", AFTER, "500157"),
        ("500112", AFTER, "500157"),
        ("500105", BEFORE, "500105"),
        ("500222", AFTER, "500110"),
        ("500382", AFTER, "500117"),
        ("500239", date(2001, 1, 1), "500114"),
        ("500101", AFTER, "500101"),
        ("500105001", AFTER, "500105001"),
    ],
)
def test_old_codes_lead_to_what_they_became(code, day, became):
    assert divisions().current(code, day).code == became


def test_a_code_does_not_lead_back_in_time_or_from_nowhere():
    for code, day in (("500157", BEFORE), ("500199", AFTER)):
        with pytest.raises(UnknownDivision):
            divisions().current(code, day)


def test_successors_are_those_of_the_meaning_asked_for():
    assert divisions().successors("500112") == ("500157", "500109")
    assert divisions().successors("500110", date(2000, 1, 1)) == ("500110",)
    assert divisions().successors("500110") == ()
    with pytest.raises(UnknownDivision):
        divisions().successors("500199")


def test_towns_change_county_in_2026_as_announced():
    def kinds(county):
        towns = divisions().towns_of(county, AFTER)
        return sum(town.name.endswith("街道") for town in towns), sum(
            town.name.endswith("镇") for town in towns
        )

    assert kinds("500157") == (31, 11)
    assert kinds("500109") == (6, 11)
    assert divisions().on("500112135", BEFORE).parent == "500112"
    assert divisions().on("500112135", AFTER).parent == "500109"  # 大湾镇


def test_counties_number_38_before_the_reform_and_37_after():
    for day, count in ((BEFORE, 38), (AFTER, 37), (date(2012, 1, 1), 38), (date(2000, 1, 1), 40)):
        assert sum(row.level is Level.COUNTY for row in divisions().all_on(day)) == count


def test_no_town_is_lost_by_the_reform():
    towns = [
        {row.code for row in divisions().all_on(day) if row.level is Level.TOWN} for day in (BEFORE, AFTER)
    ]
    assert towns[0] == towns[1]
    assert len(towns[0]) == 1031


def test_every_row_holds_together():
    for row in divisions().rows:
        assert is_valid("division_code", row.code)
        assert row.level.value in code_set("division_level")
        assert row.name
        if row.parent:
            assert divisions().on(row.parent, row.valid_from).code == row.parent


def test_columns_are_judged_on_a_day():
    values = [
        "500105",
        "500157",
        "500105001",
        "500105001003",
        "500105000000",
        "500000",
        "510211",
        None,
        "5001",
        "500199",
    ]
    before = [True, False, True, True, True, True, True, True, False, False]
    after = [False, True, True, True, False, True, True, True, False, False]
    assert divisions().valid_mask(pa.array(values), BEFORE).tolist() == before
    assert divisions().valid_mask(pa.chunked_array([values[:3], values[3:]]), AFTER).tolist() == after
    for value, verdict in zip(values, after, strict=True):
        if value and value.startswith("50"):
            assert verdict == _knows(value, AFTER)


def _knows(code, day):
    try:
        return bool(divisions().on(code, day))
    except UnknownDivision:
        return False


def row(code="1", begins=date(2000, 1, 1), ends=None, successors=()):
    return Division(code, "name", Level.COUNTY, "", begins, ends, successors)


def test_a_table_that_contradicts_itself_is_refused():
    with pytest.raises(DefinitionError, match="ends before it begins"):
        row(ends=date(2000, 1, 1))
    with pytest.raises(DefinitionError, match="two things at once"):
        Divisions([row(), row(begins=date(2001, 1, 1))])
    with pytest.raises(DefinitionError, match="no division"):
        Divisions([row(ends=date(2001, 1, 1), successors=("2",))])


def test_towns_are_those_of_the_statistics_bureau():
    with shared_data("divisions/cq_streets_2023.csv").open(encoding="utf-8", newline="") as file:
        real = {(town["code"], town["name"], town["areaCode"]) for town in csv.DictReader(file)}
    day = date(2023, 12, 31)
    shipped = {(d.code, d.name, d.parent) for d in divisions().all_on(day) if d.level is Level.TOWN}
    assert shipped == real
