"""Entries in and out as workbooks, and found by words, by the commands that ``docs/catalogue.md`` shows."""

import json

import documents
import pytest
from openpyxl import load_workbook
from sqlalchemy import text
from typer.testing import CliRunner

from hub.cli import app
from hub.upgrade import upgrade_database
from infra.database import Role, open_database
from infra.settings import load_settings
from schemas.errors import WorkbookTooLarge, WrongCells

pytestmark = pytest.mark.server
PAGE = documents.page("catalogue.md")
LI = ("--as", "li.housing")


def run(*arguments):
    shown = CliRunner().invoke(app, ["catalogue", *arguments])
    if shown.exception and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    return shown


def told(*arguments):
    return json.loads(run(*arguments, "--json").output)


@pytest.fixture
def place(hub_settings, monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["db", "upgrade"]).exit_code == 0
    (example,) = documents.blocks(PAGE, "yaml")
    (tmp_path / "rent_subsidy.yaml").write_text(example, encoding="utf-8")
    documents.run(documents.blocks(PAGE, "sh")[0])  # the first block publishes rent_subsidy
    return tmp_path


def test_the_sections_do_what_they_say_and_what_is_wrong_is_marked(place):
    sheets, searching = documents.blocks(PAGE, "sh")[2:4]
    said = documents.run(sheets)
    assert "1 entries are in catalogue.xlsx" in said[0]
    assert said[1].startswith("0 drafted, 0 changed, 0 edited, 1 unchanged.")

    book = load_workbook("catalogue.xlsx")
    entries, items = book["信息资源目录"], book["信息项"]
    columns = {cell.value: cell.column for cell in entries[1]}
    for row, (id_, name, summary) in enumerate(
        [("second", "公租房房源", "房源"), ("third", "公租房申请", "=1+1")], 3
    ):
        for cell in entries[2]:
            entries.cell(row, cell.column, cell.value)
        for title, value in (
            ("资源标识", id_),
            ("信息资源名称", name),
            ("信息资源摘要", summary),
            ("信息资源代码", None),
        ):
            entries.cell(row, columns[title], value).value = value
        items.append([id_, *(cell.value for cell in items[2][1:])])
    entries.cell(2, columns["信息资源摘要"], "公租房租金补贴按月发放")
    book.save("wrong.xlsx")
    with pytest.raises(WrongCells, match="1 fault: 信息资源目录!") as found:
        run("import", "wrong.xlsx", *LI)
    assert "wrong-marked.xlsx" in found.value.hint
    marked = load_workbook("wrong-marked.xlsx")
    assert "is a formula" in marked["信息资源目录"].cell(4, columns["信息资源摘要"]).comment.text
    assert [one["id"] for one in told("list")] == ["rent_subsidy"]

    taken = told("import", "wrong.xlsx", "--partial", *LI)
    assert taken["entries"] == {"rent_subsidy": "changed", "second": "drafted"}
    assert [fault["element"] for fault in taken["faults"]] == ["summary"]
    marked["信息资源目录"].cell(4, columns["信息资源摘要"], "申请记录")
    marked["信息资源目录"].cell(2, columns["信息资源摘要"], "按月")
    marked.save("repaired.xlsx")
    assert told("import", "repaired.xlsx", *LI)["entries"] == {
        "rent_subsidy": "edited",
        "second": "unchanged",
        "third": "drafted",
    }
    refused = told("import", "repaired.xlsx", "--partial", "--as", "zhao.authority")
    assert refused["entries"] == {"second": "unchanged", "third": "unchanged", "rent_subsidy": "unchanged"}

    documents.run(searching)
    page = told("search", "公租房", "补贴", "--sharing", "conditional")
    assert [(hit["entry"], hit["marks"]) for hit in page["hits"]] == [("rent_subsidy", {"name": [[0, 5]]})]
    assert "公租房补贴发放" in run("search", "subsidies").output
    assert "Nothing was found" in run("search", "zzz").output
    assert "these have some" in run("search", "公租房", "zzz").output
    assert told("reindex") == {"entries": 1}
    with open_database(load_settings()) as database:
        with database.engine(Role.OWNER).begin() as connection:
            connection.execute(text("DELETE FROM catalog.entry_search"))
        assert "Nothing was found" in run("search", "subsidies").output
        upgrade_database(database)
    assert "公租房补贴发放" in run("search", "subsidies").output, "an upgrade indexes what is not found"


def test_others_rows_and_too_many_are_refused(place, monkeypatch):
    run("export", "catalogue.xlsx")
    changed = load_workbook("catalogue.xlsx")
    changed["信息资源目录"]["D2"] = "改名"
    changed.save("changed.xlsx")
    with pytest.raises(
        WrongCells,
        match=r"信息资源目录!A2: id cannot be taken: zhao.authority may not .*It is for a publisher of",
    ):
        run("import", "changed.xlsx", "--as", "zhao.authority")
    assert told("show", "rent_subsidy")["newest"] == 1
    monkeypatch.setenv("HUB_SHEET_ROWS", "1")
    with pytest.raises(WorkbookTooLarge, match="sheet 信息项, has more than 1 rows"):
        run("import", "changed.xlsx", *LI)
    assert told("export", "none.xlsx", "--provider", "nobody") == {"entries": 0, "file": "none.xlsx"}


def test_what_is_withdrawn_is_not_found(place):
    run("withdraw", "rent_subsidy", "--as", "zhao.authority", "--reason", "不再采集")
    assert told("search", "公租房")["hits"] == []
