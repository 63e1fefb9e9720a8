"""Four yearly exports of labour permits, whose columns, dates and codes drift, as one source: what is told, and what is done.

An employer has no credit code here, so none is made up: the case number is the key, of a resource that is this test's own.
"""

import csv
import gzip
import json
import shutil
from dataclasses import replace

import pytest
import yaml
from skipping import SHARED, shared_data
from sqlalchemy import text
from typer.testing import CliRunner

from base_libraries.storage import create_tables
from connectors.definition import read_source
from hub.cli import app
from hub.drift import accept
from hub.ingest import ingest_source
from hub.quarantine import replay
from infra.database import Role
from schemas.errors import SchemaDrift
from schemas.resource import parse_resource, resources_shipped

EXPORTS = SHARED / "credit"
ROWS = {"FY2000": 4914, "FY2005": 7236, "FY2008": 11214, "FY2011": 4409}
CASES = 27_759  # 14 cases are there twice, within their year
RESOURCE = """
code: labour_permit
catalogue_code: 307001002/000019
title: 用工许可
title_en: Labour permit
provider: 人力资源和社会保障局
sharing: unconditional
update_cycle: yearly
items:
  - {name: case_number, title: 案件编号, type: C, length: 20, key: true, required: true, sensitivity: open}
  - {name: decision, title: 决定, type: C, length: 1, sensitivity: open}
  - {name: decided_on, title: 决定日期, type: D, sensitivity: open}
  - {name: employer, title: 用人单位, type: C, length: 100, sensitivity: open}
  - {name: occupation_code, title: 职业代码, type: C, length: 11, sensitivity: open}
  - {name: workers, title: 人数, type: I, sensitivity: open}
  - {name: wage, title: 工资, type: B, sensitivity: open}
"""
SOURCE = {
    "code": "permits",
    "resource": "labour_permit",
    "department": "人力资源和社会保障局",
    "title": "用工许可",
    "ordinal": 77,
    "connector": "file",
    "row_id": "Case_Num",
    "mapping": {
        "case_number": {"column": "Case_Num"},
        "decision": {
            "column": "Last_Sig_Event",
            "codes": {
                "Certified, Temporary": "1",
                "CERTIFIED": "1",
                "PARTIAL CERTIFIED": "2",
                "Denied, Temporary": "3",
                "DENIED": "3",
                "Withdrawn": "4",
                "Received Regional Office": "0",
                "Remand Issued to Employer": "0",
                "Remand Issued to State": "0",
                "REMAND TO SWA": "0",
                "NOF Issued": "0",
                "Returned By Emp after Remand": "0",
            },
        },
        "decided_on": {"column": "Last_Event_Date", "date": ["auto", "%m/%d/%y %H:%M:%S"]},
        "employer": {"column": "Emp_Name"},
        "occupation_code": {"column": "Occ_Code"},
        "workers": {"column": "Num_Aliens"},
        "wage": {"column": "Salary"},
    },
}
ALIASES = {
    "Case_Num": ["CASE_NO"],
    "Last_Sig_Event": ["CASE_STATUS"],
    "Last_Event_Date": ["DECISION_DATE"],
    "Emp_Name": ["EMPLOYER_NAME"],
    "Occ_Code": ["OCC_Code", "DOT_OCCUPATIONAL_CODE"],
    "Num_Aliens": ["NBR_WORKERS_REQUESTED"],
    "Salary": ["BASIC_RATE_OF_PAY"],
}


@pytest.fixture
def delivered(tmp_path):
    """A folder, and a function that delivers a year into it."""
    shared_data("credit")
    folder = tmp_path / "permits"
    folder.mkdir()

    def deliver(year: str) -> None:
        name = f"us_dol_H-2B_{year}.csv.gz"
        shutil.copy(EXPORTS / name, folder / name)

    deliver.folder = folder
    return deliver


@pytest.fixture
def permits(own_settings, delivered, monkeypatch, tmp_path):
    """Return a function that opens a hub whose one source is the exports, with a policy of drift."""
    from hub.composition import open_hub
    from infra.database import open_database

    resource = parse_resource(RESOURCE)
    monkeypatch.setitem(resources_shipped(), resource.code, resource)
    with open_database(own_settings) as database, database.engine(Role.OWNER).begin() as connection:
        create_tables(connection, resource)
    with open_hub(own_settings) as opened:

        def make(policy: str, aliases=ALIASES):
            options = {"path": str(delivered.folder / "*.csv.gz"), "aliases": aliases}
            told = yaml.safe_dump(SOURCE | {"drift": policy, "options": options}, allow_unicode=True)
            (tmp_path / "sources").mkdir(exist_ok=True)
            (tmp_path / "sources" / "permits.yaml").write_text(told, encoding="utf-8")
            return replace(opened, sources={"permits": read_source(told, "permits.yaml", {})})

        yield make


@pytest.fixture
def reported(own_settings, tmp_path, monkeypatch):
    """Return a function that says what ``hub source drift`` reports, the oldest first."""
    named = {
        "home": own_settings.home,
        "database_url": own_settings.database_url,
        "sources": tmp_path / "sources",
    }
    for name, value in named.items():
        monkeypatch.setenv(f"HUB_{name.upper()}", str(value))

    def report():
        done = CliRunner().invoke(app, ["source", "drift", "permits", "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return list(reversed(json.loads(done.stdout)))

    return report


def _renamed(seen) -> dict[str, str | None]:
    """The columns that feed an item and are missing, each with what it may be called now."""
    return {
        change["column"]: change["perhaps"]
        for change in seen["changes"]
        if change["kind"] == "missing" and change["items"]
    }


def _columns(seen, kind) -> set[str]:
    return {change["column"] for change in seen["changes"] if change["kind"] == kind}


def _header(year: str) -> set[str]:
    with gzip.open(EXPORTS / f"us_dol_H-2B_{year}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return set(next(csv.reader(file)))


def _ask(hub, statement: str):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_evolve_reads_four_years_and_reports_each_years_drift(permits, delivered, reported):
    hub = permits("evolve")
    for year, rows in ROWS.items():
        delivered(year)
        report = ingest_source(hub, "permits")
        assert report.pulled == rows
        assert report.quarantined == 0, report.reasons
    assert ingest_source(hub, "permits").pulled == 0

    assert _ask(
        hub, "SELECT count(*), count(decided_on), count(decision) FROM library.golden_labour_permit"
    ) == [(CASES, CASES, CASES)]
    found = _ask(
        hub,
        "SELECT case_number, decision, decided_on::text, employer, occupation_code, workers, wage FROM "
        "library.golden_labour_permit WHERE case_number IN ('09455254', '06357620', 'A-07351-32183', 'C-11042-53982') "
        "ORDER BY decided_on",
    )
    assert found == [
        (
            "09455254",
            "3",
            "1999-10-01",
            "CALIFORNIA PUBLIC INTEREST RESEARCH GROUP",
            "189.117-030",
            1,
            17000.0,
        ),
        ("06357620", "1", "2004-10-01", "PALOMO'S CONSTRUCTION, INC.", "955.687-014", 6, 7.52),
        ("A-07351-32183", "1", "2007-12-31", "LA MURALLA CHINA RESTAURANT", "313.131-014", 1, 7.74),
        (
            "C-11042-53982",
            "1",
            "2011-03-08",
            "LAMBROS GOLDSMITH, INC. DBA LAMBROS GOLDSMITH",
            "279.357-058",
            8,
            9.38,
        ),
    ]

    first, of_2005, of_2008, of_2011 = reported()
    assert (first["outcome"], first["changes"]) == ("first", [])
    assert {seen["outcome"] for seen in (of_2005, of_2008, of_2011)} == {"taken"}
    years = list(ROWS)
    for before, after, seen in zip(years, years[1:], (of_2005, of_2008, of_2011), strict=False):
        assert _columns(seen, "new") == _header(after) - _header(before)
        assert _columns(seen, "missing") == _header(before) - _header(after)
        assert _columns(seen, "retyped") == set()
        assert seen["batch"] is not None
    assert _renamed(of_2005) == {"Occ_Code": "OCC_Code"}
    assert _renamed(of_2008)["Emp_Name"] == "EMPLOYER_NAME"
    assert set(_renamed(of_2008)) == set(ALIASES) - {"Occ_Code"}
    assert _renamed(of_2011) == {}


def test_freeze_refuses_each_drift_until_a_person_accepts_it(permits, delivered, reported):
    hub = permits("freeze")
    delivered("FY2000")
    assert ingest_source(hub, "permits").pulled == ROWS["FY2000"]

    for year, named in (
        ("FY2005", "'Occ_Code' is missing, perhaps renamed to 'OCC_Code'"),
        ("FY2008", "'Case_Num' is missing"),
    ):
        delivered(year)
        before = _ask(hub, "SELECT count(*) FROM library.golden_labour_permit")
        with pytest.raises(SchemaDrift, match=named):
            ingest_source(hub, "permits")
        assert _ask(hub, "SELECT count(*) FROM library.golden_labour_permit") == before
        assert reported()[-1]["outcome"] == "refused"
        assert accept(hub, "permits", "operator:test")
        assert ingest_source(hub, "permits").pulled == ROWS[year]
    delivered("FY2011")  # only columns that the hub does not read come and go
    assert ingest_source(hub, "permits").pulled == ROWS["FY2011"]

    assert [seen["outcome"] for seen in reported()] == ["first", "accepted", "accepted", "taken"]
    assert _ask(hub, "SELECT count(*) FROM library.golden_labour_permit") == [(CASES,)]


def test_quarantine_keeps_a_drifting_year_until_it_is_accepted(permits, delivered, reported):
    hub = permits("quarantine")
    for year in ("FY2000", "FY2005"):
        delivered(year)
        report = ingest_source(hub, "permits")
    assert (report.pulled, report.quarantined, report.contributed) == (ROWS["FY2005"], ROWS["FY2005"], 0)
    assert set(report.reasons) == {"occupation_code: drift"}
    assert [seen["outcome"] for seen in reported()] == ["first", "quarantined"]

    assert accept(hub, "permits", "operator:test")
    taken = replay(hub, hub.source("permits"))
    assert taken.report.quarantined == 0
    assert _ask(hub, "SELECT count(*) FROM library.quarantine WHERE state = 'open'") == [(0,)]
    (count,) = _ask(hub, "SELECT count(*) FROM library.golden_labour_permit")
    assert count == (4906 + 7230,)
    assert reported()[-1]["outcome"] == "accepted"


def test_without_the_other_names_a_year_without_its_key_is_refused(permits, delivered):
    from schemas.errors import MissingColumn

    hub = permits("evolve", aliases={})
    delivered("FY2008")
    with pytest.raises(MissingColumn, match="has no column 'Case_Num'"):
        ingest_source(hub, "permits")
