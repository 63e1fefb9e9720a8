"""Notices of changes through the file connector: nothing of a workbook is dropped in silence."""

from collections import Counter
from pathlib import Path

import pytest
import xlsxwriter
from skipping import shared_data

from catalog.code_sets import CodeSets
from hub.code_import import Labels
from hub.composition import open_hub
from hub.division_changes import import_changes, judge_changes
from infra.database import Role
from schemas.division_events import Change
from schemas.errors import AlreadyRegistered, MissingColumn, WrongCodeTable

HEADER = ["序号", "省份", "原区划代码", "原名称", "变更原因", "现区划代码", "现名称", "批准文件"]


def workbook(folder: Path, **sheets) -> Path:
    """Write a workbook as the ministry does: title rows, merged cells, what repeats written once, notes below."""
    path = folder / "changes.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name, (titles, rows, merged) in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.write(0, 0, f"{name}年县以下行政区划代码变更情况")
            sheet.write_row(titles, 0, HEADER)
            sheet.write(titles, 8, " ")  # a stray ninth column
            for number, row in enumerate(rows, titles + 1):
                sheet.write_row(number, 0, row)
            for first, last, column, value in merged:
                sheet.merge_range(titles + first, column, titles + last, column, value)
            sheet.write(titles + len(rows) + 2, 0, "注：1.本表由统计人员编制。")
    return path


@pytest.fixture
def small(tmp_path):
    first = [
        [1, "测省", 510101200, "南牛乡", "撤乡设镇", 510101106, "南牛镇", "测〔2021〕1号"],
        [2, "", 510101201, "上方乡", "", 510101104, "上方镇", "测〔2021〕2号"],
        [3, "", 510101001, "甲街道", "合并街道", None, None, None],
        [4, "", 510101002, "乙街道", "", None, None, None],
        [5, "", "", "", "新设街道", 510101010, "文远街道", "测〔2021〕4号"],
        [6, "", 510101100, "遂城镇", "撤镇设街道、镇", 510101011, "", "测〔2021〕5号"],
    ]
    merged = [(3, 4, 5, 510101009), (3, 4, 6, "丙街道"), (3, 4, 7, "测〔2021〕3号")]
    second = [[1, "", 510101010, "文远街道", "名称变更", 510101010, "文华街道", "测〔2022〕1号"]]
    return workbook(tmp_path, **{"2022": (3, second, []), "2021": (5, first, merged)})


def test_a_workbook_of_this_form_is_read_whole(small):
    report = judge_changes(small)

    assert report.rows == 7 == report.rows_told + len(report.refused)
    assert [(told.event.change, told.event.before, told.event.after) for told in report.events] == [
        (Change.RECODE, ("510101200",), ("510101106",)),
        (Change.RECODE, ("510101201",), ("510101104",)),
        (Change.MERGE, ("510101001", "510101002"), ("510101009",)),
        (Change.ESTABLISH, (), ("510101010",)),
        (Change.RENAME, ("510101010",), ("510101010",)),
    ]
    assert [(row.place, row.why) for row in report.refused] == [
        ("2021 row 6", "after the change it has a code without a name")
    ]
    assert report.events[2].event.approval == "测〔2021〕3号"


def test_the_same_as_csv_is_read_too(tmp_path):
    path = tmp_path / "changes_2021.csv"
    rows = [HEADER, ["1", "测省", "510101200", "南牛乡", "撤乡设镇", "510101106", "南牛镇", "测〔2021〕1号"]]
    path.write_text("\n".join(",".join(row) for row in rows), encoding="gb18030")

    assert [told.event.change for told in judge_changes(path).events] == [Change.RECODE]


def test_events_are_stored_with_their_documents_and_answer_for_a_day(hub_settings, small):
    with open_hub(hub_settings) as hub:
        first = import_changes(hub, small, Labels("changes"), actor="test")
        again = import_changes(hub, small, Labels("changes"), actor="test")
        with hub.database.engine(Role.APPLICATION).connect() as connection:
            code_sets = CodeSets(connection)
            edition = code_sets.edition("changes")
            events = [event for _, event in code_sets.events(edition, code="510101010")]
            meanings = code_sets.family(edition, "510101010").meanings("510101010")

    assert (first.stored, again.stored) == (True, False)
    assert (edition.edition, edition.precision) == ("2022-12-31", "year")
    assert [(event.change, event.approval) for event in events] == [
        (Change.ESTABLISH, "测〔2021〕4号"),
        (Change.RENAME, "测〔2022〕1号"),
    ]
    assert [row.name for row in meanings] == ["文远街道", "文华街道"]


def test_an_edition_of_changes_never_changes(hub_settings, tmp_path):
    row = [1, "", "", "", "新设街道", 510101012, "新街道", "测〔2022〕9号"]
    with open_hub(hub_settings) as hub:
        import_changes(hub, workbook(tmp_path, **{"2022": (3, [row], [])}), Labels("changes"), actor="test")
        row[6] = "另街道"
        with pytest.raises(AlreadyRegistered, match="other content"):
            import_changes(
                hub, workbook(tmp_path, **{"2022": (3, [row], [])}), Labels("changes"), actor="test"
            )


def test_a_file_without_the_columns_or_without_a_change_is_refused(hub_settings, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(MissingColumn):
        judge_changes(wrong)
    with pytest.raises(WrongCodeTable, match="no such file"):
        judge_changes(tmp_path / "none.xlsx")
    empty = workbook(tmp_path, **{"2021": (3, [[1, "测省", "", "", "新设街道", "", "", ""]], [])})
    with open_hub(hub_settings) as hub, pytest.raises(WrongCodeTable, match="no change"):
        import_changes(hub, empty, Labels("changes"), actor="test")


@pytest.fixture(scope="module")
def real():
    return judge_changes(shared_data("messy/mca_sub_county_changes_2020_2023.xlsx"))


def test_every_row_of_the_ministrys_workbook_is_an_event_or_told_why_not(real):
    assert real.rows == 1_871 == real.rows_told + len(real.refused)
    assert Counter(told.event.change.value for told in real.events) == {
        "recode": 598, "establish": 433, "abolish": 333, "merge": 171, "split": 30, "rename": 25, "move": 8,
    }  # fmt: skip
    assert [row.place for row in real.refused] == [
        f"2020 row {number}" for number in (515, 516, 517, 518, 650, 652)
    ]
    assert all(told.event.approval for told in real.events)


def test_known_changes_are_among_them(real):
    told = {(t.event.change.value, t.event.before, t.event.after, t.event.approval) for t in real.events}

    assert told >= {
        ("rename", ("360404004",), ("360404004",), "赣民函〔2023〕28号"),
        ("split", ("440823100",), ("440823001", "440823118"), "粤民函〔2021〕429号"),
        ("merge", ("130306102", "130306201"), ("130306102",), "冀民函〔2020〕166号"),
        ("move", ("620122105",), ("620105101",), "甘政发〔2022〕14号"),
        ("abolish", ("110106203",), (), "京民划函〔2020〕189号"),
    }


def test_places_are_named_so_that_one_finds_them(real):
    (split,) = [told for told in real.events if told.event.before == ("440823100",)]

    assert split.places == ("2021 row 556", "2021 row 557")
