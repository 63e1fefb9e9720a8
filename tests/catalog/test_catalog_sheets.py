"""Workbooks of catalogue entries: read by the names of columns, every fault told in its cell, nothing unpacked that is too large."""

import tracemalloc
import zipfile
from datetime import date
from pathlib import Path

import pytest
from made_entries import made, written
from openpyxl import Workbook, load_workbook

from catalog.entry import entry_faults, entry_from
from catalog.entry_elements import ITEM_ELEMENTS
from catalog.sheets.book import opened_book
from catalog.sheets.entry_form import ENTRY_FORM, FORMS, ITEM_FORM, read_entries, told_rows
from catalog.sheets.form import letters
from catalog.sheets.writing import FAULTS_SHEET, write_book, write_marked
from schemas.errors import NotWritten, WorkbookTooLarge, WrongWorkbook

NASTY = "=1+1 _x0041_ a\r\nb\nc 'q @x 𠀀 http://x.y"
HEADER = ["序号", *(e.title for e in ENTRY_FORM.columns.values())]
ITEM_HEADER = [
    "资源标识",
    "信息资源名称",
    "*信息项名称",
    "信息项标识",
    "类型（必填）",
    "数据长度",
    "是否主键",
    "是否必填",
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.xlsx"


def row(number=1, **changes):
    """A row of the sheet of entries, choices by the guide's numbers, as Excel keeps them."""
    told = {
        **written(**changes),
        "format": 3,
        "sharing": 2.0,
        "mode": "共享平台接口",
        "update_cycle": 4,
        "open": "否",
        **changes,
    }
    return [number, *(told.get(name) for name in ENTRY_FORM.columns)]


def item(id_="rent_subsidy", title="发放编号", name="grant_number", key="是"):
    return [id_, "公租房补贴发放", title, name, "C", 20, key, key]


def book(
    path, entries, items, header=HEADER, titles=(ENTRY_FORM.title, ITEM_FORM.title), top=(), change=None
):
    made_book = Workbook()
    for sheet, head, rows in zip(
        (made_book.active, made_book.create_sheet()), (header, ITEM_HEADER), (entries, items), strict=True
    ):
        for line in (*top, head, *rows):
            sheet.append(line)
    made_book.active.title, made_book.worksheets[1].title = titles
    if change:
        change(*made_book.worksheets)
    made_book.save(path)
    return path


def told(path, most=1_000):
    """Entries that are right, and every fault as sheet, cell and element."""
    with opened_book(path) as opened:
        found = read_entries(opened, most)
    right, faults = [], list(found.faults)
    for one in found.entries:
        if wrong := one.placed(entry_faults(one.raw)):
            faults += wrong
        else:
            right.append(entry_from(one.raw))
    return right, [(fault.sheet, fault.cell, fault.element) for fault in faults]


def test_what_is_written_is_read_again_as_it_was(path):
    document = made(id="plans", name="规划文本", format="electronic_document", items=None, related=("307001002/000017", "307001002/000018"),
                    sharing="not_shared", condition=None, mode=None, legal_basis=NASTY)  # fmt: skip
    published = made(
        code="307001002/000017",
        published_on="2026-03-02",
        version=3,
        summary=NASTY,
        open=True,
        open_condition="=A1",
    )
    assert write_book(path, FORMS, told_rows([published, document])) == 6
    assert told(path) == ([published, document], [])
    sheet = load_workbook(path)[ENTRY_FORM.title]
    assert (sheet["J2"].value, sheet.freeze_panes, len(sheet.data_validations.dataValidation)) == (
        "115001030092751236",
        "B2",
        5,
    )


def test_columns_are_found_by_name_below_titles_and_choices_by_number_or_word(path):
    turned = [HEADER[0], *reversed(HEADER[1:])]
    entries = [[row()[0], *reversed(row()[1:])]]
    book(
        path,
        entries,
        [item(), item(title="金额", name="amount", key="否")],
        turned,
        ("表1", "表2"),
        [["目录填报表"], []],
    )
    (entry,), faults = told(path)
    assert faults == []
    assert (entry.sharing, entry.format, entry.update_cycle, entry.category.code) == (
        "conditional",
        "database",
        "monthly",
        "307001002",
    )
    assert [i.title for i in entry.items] == ["发放编号", "金额"]


def test_every_fault_is_told_in_its_cell(path):
    entries = [
        row(), row(id="other", sharing="随便", name=None), row(),
        row(id="third", name="=A1", provider_code=115001030092751236, items=None),
    ]  # fmt: skip
    items = [
        item(),
        item("other"),
        item("other", "性别", None, "否"),
        item("nobody"),
        item(None),
        item("third", key="否"),
    ]
    right, faults = told(book(path, entries, items, [*HEADER, "领导意见", "资源名称"]))
    assert [e.id for e in right] == ["rent_subsidy"]
    first, second = ENTRY_FORM.title, ITEM_FORM.title
    assert set(faults) == {
        (first, "W1", "领导意见"), (first, "X1", "资源名称"), (first, "E3", "name"), (first, "M3", "sharing"), (first, "B4", "id"),
        (first, "E5", "name"), (first, "K5", "provider_code"), (first, "B5", "items"),
        (second, "D4", "name"), (second, "A5", "entry"), (second, "A6", "entry"),
    }  # fmt: skip
    with opened_book(path) as opened:
        found = read_entries(opened, 100)
    words = [str(fault) for one in found.entries for fault in one.placed(entry_faults(one.raw))]
    assert any(
        word.startswith(
            "信息项!D4: name of 性别 is not told, and none is made up. Elsewhere it is called sex."
        )
        for word in words
    )
    assert any("E5: name is a formula, which is not read. Write the value" in word for word in words)
    assert any(
        "K5: provider_code was written as a number, whose last digits are lost" in word for word in words
    )


def test_an_error_of_the_workbook_is_no_value(path):
    def _broken(entries, _items):
        entries["E2"].value, entries["E2"].data_type = "#REF!", "e"

    assert told(book(path, [row()], [item()], change=_broken))[1] == [(ENTRY_FORM.title, "E2", "name")]


def test_merged_cells_count_for_each_row_and_never_across_columns(path):
    def _merge(entries, items):
        items.merge_cells("A2:A3")
        entries.merge_cells("B1:B2")  # a header of two rows
        for place in range(3, len(HEADER) + 1):
            entries.merge_cells(start_row=1, end_row=2, start_column=place, end_column=place)

    rows = [[None] * len(HEADER), row()]
    (entry,), faults = told(book(path, rows, [item(), item(None, "金额", "amount", "否")], change=_merge))
    assert (faults, [i.name for i in entry.items]) == ([], ["grant_number", "amount"])

    book(path, [row()], [item()], change=lambda entries, _items: entries.merge_cells("E2:F2"))
    right, faults = told(path)
    assert (right, faults) == ([], [(ENTRY_FORM.title, "E2", "name"), (ENTRY_FORM.title, "F2", "name_en")])


def test_the_copy_shows_each_fault_where_it_is_and_can_be_taken_once_repaired(path, tmp_path):
    book(
        path,
        [row(name="=1+1", id="Wrong")],
        [item("Wrong", key="否")],
        top=[["目录填报表", None, date(2026, 3, 2), True, 1.5]],
    )
    with opened_book(path) as opened:
        found = read_entries(opened, 100)
        faults = [*found.faults, *(f for one in found.entries for f in one.placed(entry_faults(one.raw)))]
        write_marked(opened, found.sheets, faults, tmp_path / "marked.xlsx")
    copy = load_workbook(tmp_path / "marked.xlsx")
    sheet = copy[ENTRY_FORM.title]
    assert [sheet[cell].fill.fgColor.rgb for cell in ("E3", "B3", "D3")] == [
        "FFFFC7CE",
        "FFFFC7CE",
        "00000000",
    ]
    assert "is a formula" in sheet["E3"].comment.text
    assert (sheet["E3"].value, sheet["E3"].data_type) == ("=1+1", "s") or sheet["E3"].value == "=1+1"
    assert [cell.value for cell in sheet[1]][:5] == ["目录填报表", None, "2026-03-02", True, 1.5]
    listed = list(copy[FAULTS_SHEET].iter_rows(min_row=2, values_only=True))
    assert [(one[0], one[1]) for one in listed] == [(f.sheet, f.cell) for f in faults]

    sheet["E3"], sheet["B3"] = "公租房补贴发放", "rent_subsidy"
    copy[ITEM_FORM.title]["A3"], copy[ITEM_FORM.title]["G3"], copy[ITEM_FORM.title]["H3"] = (
        "rent_subsidy",
        "是",
        "是",
    )
    copy.save(path)
    right, faults = told(path)
    assert ([entry.id for entry in right], faults) == (["rent_subsidy"], [])


def test_a_sheet_that_is_missing_wrong_or_there_twice_is_said(path):
    with pytest.raises(
        WrongWorkbook,
        match=r"has no sheet 信息资源目录; it has 甲, 乙.*资源标识, 信息资源名称, 信息资源提供方",
    ):
        told(book(path, [], [item()], ["甲", "乙"], ("甲", "乙")))
    with pytest.raises(WrongWorkbook, match="has no sheet 信息项;"):
        told(book(path, [row()], [], titles=("甲", "乙"), change=lambda _e, items: items.delete_rows(1)))

    def _twice(entries, _items):
        entries.parent.copy_worksheet(entries)

    with pytest.raises(WrongWorkbook, match="several sheets like 信息资源目录: 表, 表 Copy"):
        told(book(path, [row()], [item()], titles=("表", "项"), change=_twice))
    assert len(told(book(path, [row()], [item()], change=_twice))[0]) == 1


def test_too_many_rows_are_told_before_all_are_read(path):
    rows = [[None] * 5 + [number] for number in range(100)]
    with pytest.raises(WorkbookTooLarge, match=r"sheet 信息资源目录, has more than 50 rows.*HUB_SHEET_ROWS"):
        told(book(path, rows, [item()]), most=50)
    empty = [[None]] * 100
    assert len(told(book(path, [row(), *empty], [item()]), most=5)[0]) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xd0\xcf\x11\xe0old", r"old workbook \(.xls\).*save it as .xlsx"), (b"name,code", "is no workbook"), (b"", "is no workbook"),
        (b"PK\x03\x04cut", "is broken"), (None, "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_workbook_is_said_to_be_none(path, content, says):
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongWorkbook, match=says):
        told(path)


def repacked(path: Path, parts: dict[str, bytes]):
    """The same workbook with other parts; None leaves one out."""
    with zipfile.ZipFile(path) as old:
        kept = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in {**kept, **parts}.items():
            if content is not None:
                new.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"


def sheet_of(*rows: str) -> bytes:
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return f"<worksheet {space}><sheetData>{''.join(rows)}</sheetData></worksheet>".encode()


def test_a_bomb_is_not_unpacked(path):
    book(path, [row()], [item()])
    tracemalloc.start()
    with pytest.raises(WorkbookTooLarge, match=r"MiB in .* parts when it is unpacked; nothing of it was"):
        told(repacked(path, {SHEET: b" " * (20 << 20)}))
    with pytest.raises(WorkbookTooLarge):
        told(repacked(path, {f"xl/media/{number}.bin": b"x" for number in range(1_001)}))
    assert tracemalloc.get_traced_memory()[1] < 100 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + sheet_of(), WrongWorkbook, "declares a document type"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'.encode("utf-16"), WrongWorkbook, "declares a document type"),
        (sheet_of('<row r="1"><c r="A1" t="s"><v>99</v></c></row>'), WrongWorkbook, "no workbook that can be read"),
        (b"<worksheet><sheetData><row", WrongWorkbook, "no workbook that can be read"),
        (None, WrongWorkbook, "has no sheet 信息资源目录; it has 信息项"),
        (sheet_of("<row>" + "".join(f"<c><v>{n}</v></c>" for n in range(400_000)) + "</row>"), WorkbookTooLarge, "a row of more than"),
    ],
)  # fmt: skip
def test_a_workbook_that_was_tampered_with_is_refused(path, content, error, says):
    book(path, [row()], [item()])
    with pytest.raises(error, match=says):
        told(repacked(path, {SHEET: content}))


def test_a_row_below_the_last_is_refused(path):
    book(path, [row()], [item()])
    with zipfile.ZipFile(path) as package:
        sheet = package.read(SHEET)
    far = b'<row r="2000000000"><c r="A2000000000"><v>1</v></c></row></sheetData>'
    with pytest.raises(WrongWorkbook, match="a row below the last"):
        told(repacked(path, {SHEET: sheet.replace(b"</sheetData>", far)}))


def test_macros_are_left_where_they_are(path):
    book(path, [row()], [item()])
    right, faults = told(repacked(path, {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"}))
    assert (len(right), faults) == (1, [])


def test_columns_are_lettered_as_people_see_them():
    assert [letters(n) for n in (1, 26, 27, 52, 703)] == ["A", "Z", "AA", "AZ", "AAA"]


def test_a_text_for_which_a_cell_has_no_room_is_not_cut(path):
    with pytest.raises(NotWritten, match="has no room"):
        write_book(
            path, FORMS, [("item", {name: "x" * 40_000 for name in ITEM_ELEMENTS if name == "description"})]
        )
    assert not path.exists()
