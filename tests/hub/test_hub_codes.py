"""``hub codes``, as one types it."""

import csv
import json
from datetime import date

import pytest
from python_calamine import CalamineWorkbook
from skipping import shared_data
from sqlalchemy import text
from typer.testing import CliRunner

from hub.cli import app
from hub.code_crosswalks import made_crosswalk, standing, translation
from hub.code_import import Labels, import_code_set
from hub.composition import open_hub
from infra.database import Role
from schemas.divisions import divisions
from schemas.errors import (
    CodeTablesTooLarge,
    HubError,
    MalformedEdition,
    NotWritten,
    UnknownCode,
    UnknownCodeSet,
    WrongCodeTable,
)

STATISTICS = (
    "code,name,parent\n500103,渝中区,\n500103001,七星岗街道办事处,500103\n500103002,解放碑街道,500103\n"
)
MINISTRY = "code,name,parent\n500103,渝中区,\n500103002,七星岗街道,500103\n500103009,大溪沟街道,500103\n"


@pytest.fixture
def hub_home(hub_settings, monkeypatch):
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    monkeypatch.setenv("COLUMNS", "200")
    return hub_settings


def run(*arguments):
    done = CliRunner().invoke(app, ["codes", *arguments])
    if isinstance(done.exception, HubError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def told(*arguments):
    return json.loads(run(*arguments, "--json"))


@pytest.fixture
def two_tables(hub_home, tmp_path):
    for name, content in (("nbs", STATISTICS), ("mca", MINISTRY)):
        path = tmp_path / f"{name}.csv"
        path.write_text(content, encoding="utf-8")
        run("import", str(path), "--name", name, "--as-of", "2023-12-31", "--title", f"表 {name}")
    return tmp_path


def test_every_code_set_shipped_is_listed_and_shown(hub_home):
    names = {one["name"] for one in told("list")}

    assert names >= {"division", "sex", "ethnic_group", "industry", "marital_status"}
    assert "国民经济行业分类" in run("list")
    assert [row["name"] for row in told("show", "sex")["codes"]][1:3] == ["男", "女"]
    assert told("at", "2", "--of", "sex")["meaning"]["name"] == "女"


def test_a_long_code_set_is_shown_page_by_page(hub_home):
    first = told("show", "industry", "--limit", "3")
    second = told("show", "industry", "--limit", "3", "--after", first["next"])

    assert [row["code"] for row in first["codes"]] < [row["code"] for row in second["codes"]]
    assert f"--after {first['next']}" in run("show", "industry", "--limit", "3")
    assert told("show", "sex")["next"] is None


def test_what_a_code_meant_or_became(hub_home):
    assert told("at", "500105", "--on", "2020-01-01")["meaning"]["name"] == "江北区"
    later = told("at", "500105", "--on", "2026-02-01")
    assert (later["state"], [row["name"] for row in later["became"]]) == ("succeeded", ["两江新区"])
    assert "两江新区" in run("at", "500105000000", "--on", "2026-02-01")
    with pytest.raises(UnknownCode, match="meant nothing on 2020-01-01"):
        run("at", "500157", "--on", "2020-01-01")
    with pytest.raises(UnknownCode, match="no such code"):
        run("at", "999999")


def test_history_and_events(hub_home):
    history = told("history", "500157")
    assert [row["name"] for row in history["meanings"]] == ["两江新区"]
    assert {event["change"] for event in history["events"]} <= {"split", "merge", "recode", "establish"}
    assert "两江新区" in run("history", "500157")
    page = told("events", "--since", "2026-01-01", "--limit", "2")
    assert len(page) == 2
    assert all(event["day"] >= "2026-01-01" for event in page)
    assert told("events", "--since", "2026-01-01", "--after", str(page[0]["number"]))[0] == page[1]
    assert f"--after {page[1]['number']}" in run("events", "--since", "2026-01-01", "--limit", "2")


def test_an_import_tells_what_is_of_note(two_tables, tmp_path):
    path = tmp_path / "again.csv"
    path.write_text(
        STATISTICS + "500104001,新山村街道,500104\n500104001,新山村街道,500104\n", encoding="utf-8"
    )
    report = told("import", str(path), "--name", "more", "--as-of", "2023-12-31")

    assert (report["stored"], report["entries"], report["doubled"]) == (True, 4, 1)
    assert report["parents_unnamed"] == ["500104"]
    assert "was there already" in run("import", str(path), "--name", "more", "--as-of", "2023-12-31")
    with pytest.raises(WrongCodeTable, match="cannot be read"):
        run("import", str(tmp_path / "none.csv"), "--name", "more")


def test_changes_are_checked_and_imported(hub_home, tmp_path):
    path = tmp_path / "changes.csv"
    header = "原区划代码,原名称,变更原因,现区划代码,现名称,批准文件\n"
    path.write_text(
        f"{header}510101200,南牛乡,撤乡设镇,510101106,南牛镇,测〔2021〕1号\n510101201,上方乡,撤乡设镇,,,测〔2021〕2号\n",
        encoding="utf-8",
    )
    checked = told("changes", str(path), "--check")
    assert (checked["rows"], checked["rows_in_events"], len(checked["refused"]), checked["stored"]) == (
        2,
        1,
        1,
        False,
    )
    assert "2 rows = 1 in 1 events + 1 that are none" in run("changes", str(path), "--check")
    assert told("changes", str(path), "--name", "notices")["stored"]
    found = told("at", "510101200", "--of", "notices", "--on", "2022-01-01")
    assert [row["name"] for row in found["became"]] == ["南牛镇"]
    assert told("events", "notices")[0]["approval"] == "测〔2021〕1号"


def test_a_crosswalk_lists_conflicts_first_and_is_kept(two_tables, hub_home):
    found = told("crosswalk", "nbs:", "mca:")

    assert found["counts"]["town"] == {"conflict": 1, "other_code": 1, "only_left": 1, "only_right": 1}
    assert found["matches"][0]["outcome"] == "conflict"
    assert found == told("crosswalk", "nbs:2023-12-31", "mca:2023-12-31@2023-12-31")
    assert "七星岗街道办事处" in run("crosswalk", "nbs:", "mca:")
    chosen = told("crosswalk", "nbs:", "mca:", "--outcome", "other_code", "--within", "500103")["matches"]
    assert [(row["left"], row["right"]) for row in chosen] == [("500103001", "500103002")]
    with open_hub(hub_home) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
        query = text("SELECT count(*) FROM ledger.entry WHERE action = 'codes.crosswalk'")
        assert connection.execute(query).scalar_one() == 1  # made once, with its ledger entry


def test_a_crosswalk_is_paged(two_tables):
    first = told("crosswalk", "nbs:", "mca:", "--limit", "2")

    assert [row["number"] for row in first["matches"]] == [1, 2]
    assert first["next"] == 2
    assert told("crosswalk", "nbs:", "mca:", "--after", "2")["matches"][0]["number"] == 3


def test_a_crosswalk_is_written_for_people(two_tables):
    book, plain = two_tables / "out.xlsx", two_tables / "out.csv"
    told("crosswalk", "nbs:", "mca:", "--out", str(book))
    assert "5 rows are in" in run("crosswalk", "nbs:", "mca:", "--out", str(plain))
    rows = CalamineWorkbook.from_path(str(book)).get_sheet_by_index(0).to_python()
    with plain.open(encoding="utf-8-sig", newline="") as file:
        assert [list(map(str, row)) for row in rows] == list(csv.reader(file))
    assert rows[0][0] == "结果"
    with pytest.raises(NotWritten, match="neither"):
        run("crosswalk", "nbs:", "mca:", "--out", "out.pdf")
    with pytest.raises(NotWritten, match="cannot be written"):
        run("crosswalk", "nbs:", "mca:", "--out", str(two_tables / "no" / "out.csv"))
    assert {path.name for path in two_tables.glob("*out*")} == {"out.xlsx", "out.csv"}


@pytest.mark.parametrize("written", ["division:shipped@soon", "a:b:c", "2023"])
def test_an_edition_that_is_not_one_is_refused(hub_home, written):
    with pytest.raises((MalformedEdition, UnknownCodeSet)):
        run("crosswalk", written, "sex:")


def test_a_set_or_outcome_that_is_not_there_is_refused(hub_home):
    with pytest.raises(UnknownCodeSet, match="no such edition"):
        run("show", "sex", "--edition", "2020")
    with pytest.raises(MalformedEdition, match="outcome"):
        run("crosswalk", "sex:", "sex:", "--outcome", "maybe")


def test_codes_are_found_by_name_in_every_edition(two_tables):
    found = told("search", "七星岗")

    assert {(row["set"], row["code"]) for row in found} >= {("nbs", "500103001"), ("mca", "500103002")}
    assert {row["set"] for row in told("search", "七星岗", "--of", "mca")} == {"mca"}
    assert len(told("search", "街道", "--limit", "5")) == 5
    assert "--limit" in run("search", "街道", "--limit", "5")


def test_codes_are_translated_and_never_guessed(two_tables, hub_home):
    with open_hub(hub_home) as hub:
        between = translation(
            hub.database, ("nbs:", "mca:", None), ["500103001", "500103002", "1"], actor="test"
        )
        within = translation(
            hub.database,
            ("division:@2020-01-01", "division:@2026-02-01", None),
            ["500105", "500112", "500103", "9"],
            actor="test",
        )
        with pytest.raises(MalformedEdition, match="later day"):
            translation(
                hub.database, ("division:@2026-01-01", "division:@2020-01-01", None), ["500103"], actor="test"
            )
    assert [(one["answer"], [to["code"] for to in one["codes"]]) for one in between["codes"]] == [
        ("code", ["500103002"]),
        ("no_successor", []),
        ("unknown", []),
    ]
    assert between["codes"][1]["conflict"] == "there the code means 七星岗街道"
    assert [(one["answer"], [to["name"] for to in one["codes"]]) for one in within["codes"]] == [
        ("code", ["两江新区"]),
        ("split", ["两江新区", "北碚区"]),
        ("code", ["渝中区"]),
        ("unknown", []),
    ]


def test_tables_too_large_are_not_matched_while_a_caller_waits(two_tables, hub_home):
    from catalog.code_sets import CodeSets

    with open_hub(hub_home) as hub:
        with hub.database.engine(Role.APPLICATION).connect() as connection:
            left, right = (standing(CodeSets(connection), one) for one in ("nbs:", "mca:"))
        with pytest.raises(CodeTablesTooLarge, match="more than 3"):
            made_crosswalk(hub.database, left, right, None, actor="test", at_most=3)
        assert made_crosswalk(hub.database, left, right, None, actor="test").new
        assert not made_crosswalk(hub.database, left, right, None, actor="test", at_most=3).new


def test_chongqing_of_2023_against_today(hub_home):
    files = [shared_data("divisions/cq_streets_2023.csv")]
    with open_hub(hub_home) as hub:
        import_code_set(hub, files, Labels("cq", as_of=date(2023, 12, 31)), actor="test")
    found = told("crosswalk", "cq:", "division:@2026-02-01")

    assert (
        found["counts"]["town"]["same_code"]
        == 1_031
        == len([r for r in divisions().all_on(date(2026, 2, 1)) if r.level == "town"])
    )
