"""The truth of a city holds together: identifiers, families, places, companies, credit, land."""

from datetime import date

import numpy as np
import pyarrow.compute as pc
import pytest
import shapely

from hub.city import spatial
from hub.city.addresses import towns
from hub.city.build import make_truth
from hub.city.draw import DAY_ZERO, DAYS_A_YEAR, numpy_days
from hub.city.households import CHILD_1, HEAD, NOBODY, make_households
from schemas.divisions import divisions
from schemas.identifiers import birth_dates, sexes, valid_mask

PERSONS = 3000


@pytest.fixture(scope="module")
def city():
    return make_truth(PERSONS, seed=7)


def column(table, name):
    return table[name].to_numpy(zero_copy_only=False)


@pytest.mark.parametrize(
    ("table", "item", "kind"),
    [
        ("persons", "citizen_number", "citizen_number"),
        ("persons", "mobile_phone", "mobile_phone"),
        ("persons", "registered_division", "division_code"),
        ("companies", "credit_code", "credit_code"),
        ("companies", "organisation_code", "organisation_code"),
        ("companies", "representative_number", "citizen_number"),
        ("permits", "subject_code", "subject_code"),
        ("penalties", "subject_code", "subject_code"),
        ("penalties", "authority_code", "credit_code"),
        ("parcels", "holder_code", "subject_code"),
    ],
)
def test_identifiers_are_valid(city, table, item, kind):
    assert valid_mask(kind, getattr(city, table)[item]).all()


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("persons", "citizen_number"),
        ("companies", "credit_code"),
        ("permits", "record_number"),
        ("penalties", "record_number"),
        ("parcels", "parcel_number"),
        ("places", "place_code"),
    ],
)
def test_keys_are_unique(city, table, key):
    values = getattr(city, table)[key]
    assert values.null_count == 0
    assert len(values.unique()) == len(values)


def test_counts(city):
    assert (city.persons.num_rows, city.companies.num_rows) == (PERSONS, PERSONS // 10)
    assert city.division_areas.num_rows == 38
    assert city.places.num_rows > 1000
    assert city.parcels.num_rows > PERSONS * 0.095


def test_the_number_tells_birth_and_sex(city):
    assert pc.all(
        pc.equal(birth_dates(city.persons["citizen_number"]), city.persons["date_of_birth"].combine_chunks())
    ).as_py()
    assert pc.all(
        pc.equal(sexes(city.persons["citizen_number"]), city.persons["sex"].combine_chunks())
    ).as_py()


def test_spouses_belong_together(city):
    spouse = column(city.person_notes, "spouse")
    rows = np.flatnonzero(spouse != NOBODY)
    assert len(rows) > PERSONS * 0.4
    assert (spouse[spouse[rows]] == rows).all()
    assert (column(city.persons, "sex")[rows] != column(city.persons, "sex")[spouse[rows]]).all()
    assert (
        column(city.persons, "registered_address")[rows]
        == column(city.persons, "registered_address")[spouse[rows]]
    ).all()
    assert set(column(city.persons, "marital_status")[rows]) <= {"20", "30"}


def test_families_have_generations():
    homes = make_households(np.random.default_rng(3), 5000)
    for parent in (homes.father, homes.mother):
        child = np.flatnonzero(parent != NOBODY)
        gap = (homes.born[child] - homes.born[parent[child]]).astype(int) / DAYS_A_YEAR
        assert len(child) > 500
        assert gap.min() > 13
        assert 24 < np.median(gap) < 32
    assert (np.bincount(homes.household[homes.role == HEAD]) == 1).all()
    assert len(homes.household) == 5000


def test_surnames_are_inherited(city):
    names, role = column(city.persons, "name"), column(city.person_notes, "role")
    children = [row for row in range(2, PERSONS) if role[row] == CHILD_1 and role[row - 2] == HEAD]
    same = [names[row][0] in (names[row - 1][0], names[row - 2][0]) for row in children]
    assert len(same) > 100
    assert np.mean(same) > 0.99


def test_ages_are_those_of_a_city(city):
    alive = column(city.persons, "life_status") == "1"
    age = (DAY_ZERO - numpy_days(city.persons["date_of_birth"])).astype(int)[alive] / DAYS_A_YEAR
    assert 0.10 < (age < 15).mean() < 0.22
    assert 0.08 < (age >= 65).mean() < 0.22
    assert age.min() >= 0
    assert age.max() < 105


def test_addresses_are_in_real_towns(city):
    known = {town.code: town for town in divisions().all_on(date(2026, 1, 5))}
    for row in city.persons.slice(0, 200).to_pylist():
        town = known[row["registered_division"]]
        county = known[town.parent]
        assert row["registered_address"].startswith(f"重庆市{county.name}{town.name}")
        assert row["household_number"].startswith(town.code)


def test_representatives_are_living_adults_of_the_city(city):
    people = {row["citizen_number"]: row for row in city.persons.to_pylist()}
    for company in city.companies.to_pylist():
        person = people[company["representative_number"]]
        assert person["name"] == company["representative_name"]
        assert person["life_status"] == "1"
        assert (date(2026, 1, 5) - person["date_of_birth"]).days > 20 * 365
        assert company["credit_code"][8:17] == company["organisation_code"]
        assert company["credit_code"][2:8] == company["division"][:6]


def test_penalties_are_shown_three_years_or_three_months(city):
    shown = (numpy_days(city.penalties["published_until"]) - numpy_days(city.penalties["decided_on"])).astype(
        int
    )
    assert set(np.where(shown < 100, "minor", np.where(abs(shown - 1095) < 5, "usual", "other"))) == {
        "minor",
        "usual",
    }
    assert set(column(city.penalties, "status")) <= {"1", "2", "3"}


def test_subjects_of_credit_are_of_the_city(city):
    known = set(column(city.persons, "citizen_number")) | set(column(city.companies, "credit_code"))
    for table in (city.permits, city.penalties):
        assert set(column(table, "subject_code")) <= known
    assert set(column(city.parcels, "holder_code")) <= known


def test_land_lies_in_the_right_district(city):
    polygons = dict(zip(towns().county_code, spatial.district_geometries(), strict=True))
    for table in (city.places, city.parcels):
        shapes = shapely.from_wkb(column(table, "geometry"))
        district = np.array([polygons[code[:6]] for code in column(table, "division")])
        assert shapely.contains(district, shapes).all()


def test_parcels_of_a_town_do_not_overlap(city):
    shapes = shapely.from_wkb(column(city.parcels, "geometry"))
    tree = shapely.STRtree(shapes)
    left, right = tree.query(shapes, predicate="overlaps")
    assert len(left) == 0
    assert len(right) == 0


def test_the_seed_decides(city):
    assert make_truth(300, seed=5).persons.equals(make_truth(300, seed=5).persons)
    assert not make_truth(300, seed=5).persons.equals(make_truth(300, seed=6).persons)
