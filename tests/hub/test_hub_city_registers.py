"""A city on disk: departments' systems as they are, the same bytes each time, and days that pass."""

import hashlib
import json
import sqlite3
from datetime import date
from pathlib import Path

import psycopg
import pyarrow.compute as pc
import pyogrio
import pytest
from python_calamine import CalamineWorkbook

from connectors.definition import load_sources
from hub.city.build import BUILDING, build_city
from hub.city.describe import COLUMNS
from hub.city.flaws import default_rates
from hub.city.live import live
from hub.city.registers import running
from hub.city.truth import load_city, load_standing, load_truth
from infra.embedded import EmbeddedPostgres
from schemas.errors import ConfigurationError

pytestmark = pytest.mark.server
PERSONS = 600
SOURCES = Path(__file__).parents[2] / "connectors" / "sources"


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """A city whose household register runs on a server that vanishes with the module; tests that change it come last."""
    folder = tmp_path_factory.mktemp("city")
    (folder / BUILDING).touch()  # the folder of a build that was interrupted
    with EmbeddedPostgres(folder / "public_security", temporary=True, memory=128):
        build_city(folder, 200, seed=1)
        build_city(folder, PERSONS, seed=7)
        yield folder


def digests(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and "public_security" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def household(folder, query):
    with running(folder) as variables, psycopg.connect(variables["city_public_security"]) as connection:
        return connection.execute(query).fetchall()


EVERYBODY = "SELECT * FROM hjjl ORDER BY rybh"


def test_the_same_seed_gives_the_same_bytes_and_rows(city):
    first, rows, steps = digests(city), household(city, EVERYBODY), []
    summary = build_city(city, PERSONS, seed=7, progress=lambda what, share: steps.append((what, share)))
    assert digests(city) == first
    assert household(city, EVERYBODY) == rows
    assert steps[-1] == ("done", 1.0)
    assert summary.records["natural_person"] == PERSONS
    assert summary.rows["public_security"] == len(rows)


def test_the_household_register_may_only_be_read(city):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        household(city, "DELETE FROM hjjl")


def test_the_source_definitions_name_the_columns_there_are(city):
    with running(city) as variables:
        sources = load_sources(SOURCES, variables)
    assert set(sources) >= set(COLUMNS)
    for code, columns in COLUMNS.items():
        mapped = {item: entry.column for item, entry in sources[code].mapping.items() if entry.column}
        assert {item: raw for item, raw in mapped.items() if item != "geometry"} == dict(columns)
        assert set(sources[code].columns) <= raw_columns(city, code)


def raw_columns(folder, code):
    if code == "public_security":
        return {
            row[0]
            for row in household(
                folder, "SELECT column_name FROM information_schema.columns WHERE table_name = 'hjjl'"
            )
        }
    if code == "market_regulation":
        with sqlite3.connect(folder / "market_regulation" / "登记.sqlite") as connection:
            return {row[1] for row in connection.execute('PRAGMA table_info("企业登记")')}
    if code == "credit_penalty":
        return set(
            json.loads((folder / "credit" / "处罚_20260104.json").read_text(encoding="utf-8"))["data"][0]
        )
    if code.startswith("natural_resources"):
        layer = {"district": "districts", "town": "towns", "parcel": "parcels"}[code.rsplit("_", 1)[1]]
        return {
            *pyogrio.read_info(folder / "natural_resources" / "自然资源.gpkg", layer=layer)["fields"],
            "geometry",
        }
    if code.startswith("civil_affairs"):
        return set(workbook(folder / "civil_affairs" / f"{TITLES[code]}_20260104.xlsx")[2])
    path, encoding = {
        "social_security": ("social_security/参保_20260104.csv", "gb18030"),
        "credit_permit": ("credit/许可_20260104.csv", "utf-8-sig"),
    }[code]
    return set((folder / path).read_bytes().decode(encoding).splitlines()[0].replace('"', "").split(","))


TITLES = {"civil_affairs_marriage": "婚姻登记", "civil_affairs_death": "死亡登记"}


def workbook(path):
    return CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()


def test_workbooks_have_titles_above_the_header(city):
    rows = workbook(city / "civil_affairs" / "死亡登记_20260104.xlsx")
    assert rows[0][0] == "重庆市民政局死亡登记情况表"
    assert rows[2][0] == "登记编号"
    marriages = workbook(city / "civil_affairs" / "婚姻登记_20260104.xlsx")
    assert isinstance(marriages[3][marriages[2].index("婚姻登记日期")], date)
    assert len(rows) - 3 == load_standing(city).rows["civil_affairs_death"]


def test_the_geopackage_is_in_cgcs2000(city):
    path = city / "natural_resources" / "自然资源.gpkg"
    assert [layer for layer, _ in pyogrio.list_layers(path)] == ["districts", "towns", "parcels"]
    info = pyogrio.read_info(path, layer="parcels")
    assert info["crs"] == "EPSG:4490"
    assert info["features"] == load_standing(city).rows["natural_resources_parcel"]


def test_the_truth_names_flawed_rows_that_are_there(city):
    truth = load_truth(city)
    assert set(truth.tables) == {
        "natural_person",
        "legal_person",
        "division_area",
        "place",
        "parcel",
        "credit_record",
    }
    known = {str(row[0]) for row in household(city, "SELECT rybh FROM hjjl")}
    flawed = truth.flawed_rows("public_security")
    assert flawed
    assert flawed <= known
    assert truth.flawed_rows("public_security", "fifteen_digits") < flawed
    assert set(truth.flaws["source"].to_pylist()) <= {source for source, _, _ in default_rates().of}


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("keep me", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not empty"):
        build_city(tmp_path, PERSONS, seed=7)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_what_cannot_be_built_or_lived_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="not 5"):
        build_city(tmp_path, 5, seed=7)
    with pytest.raises(ConfigurationError, match="no city"):
        load_truth(tmp_path)
    with pytest.raises(ConfigurationError, match="one day or more"):
        live(tmp_path, 0)
    (tmp_path / "city.json").write_text('{"version": 0}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="another version"):
        load_standing(tmp_path)


def test_days_pass_and_an_interrupted_day_is_done_again_with_the_same_result(city):
    before, standing = load_city(city), load_standing(city)
    summary = live(city, 1)
    once = digests(city), household(city, EVERYBODY)
    after = load_city(city)
    assert (summary.day, load_standing(city).day) == (1, 1)
    assert min(summary.events.values()) >= 1
    assert after.persons.num_rows == PERSONS + summary.events["births"]
    assert after.companies.num_rows == before.companies.num_rows + summary.events["companies_founded"]
    assert dead(after) == dead(before) + summary.events["deaths"]
    changed = household(city, "SELECT count(*) FROM hjjl WHERE gxsj >= '2026-01-05'")[0][0]
    assert changed == summary.rows["public_security"]
    assert (city / "civil_affairs" / "死亡登记_20260105.xlsx").exists()
    before.save(city)  # as if the day had been cut off before its truth was saved
    standing.save(city)
    live(city, 1)
    again = digests(city), household(city, EVERYBODY)
    market = {"market_regulation/登记.sqlite"}  # the same rows, but SQLite counts its writes
    assert {item for item in again[0].items() if item[0] not in market} == {
        item for item in once[0].items() if item[0] not in market
    }
    assert again[1] == once[1]


def test_files_of_a_day_hold_only_what_changed(city):
    live(city, 1)
    files = sorted((city / "social_security").iterdir())
    assert files[0].name == "参保_20260104.csv"
    assert len(files) >= 2
    assert all(file.stat().st_size < files[0].stat().st_size / 10 for file in files[1:])


def dead(city):
    return pc.sum(pc.equal(city.persons["life_status"], "2")).as_py()
