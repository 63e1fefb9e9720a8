"""How tables stand in files of text and in workbooks: preamble, footers, merged cells, many sheets, OpenDocument."""

import zipfile
from datetime import datetime
from xml.sax.saxutils import escape

import pytest
import xlsxwriter

from connectors.pull import pull
from schemas.errors import DefinitionError, MissingColumn, WrongFormat

MAPPING = {"citizen_number": "编号", "name": "姓名", "registered_address": "街道"}
BODY = [
    ("R1", "张三", "龙山街道"),
    ("R2", "李四", ""),
    ("R3", "王五", " "),
    ("R4", "赵六", "人和街道"),
    ("R5", "钱七", ""),
]
FILLED = ["龙山街道", "龙山街道", "龙山街道", "人和街道", "人和街道"]


def rows(source, size=100) -> list[dict]:
    return [row for batch in pull(source, None, size) for row in batch.table.to_pylist()]


def told(found: list[dict]) -> list[tuple[str, str, str]]:
    return [(row["编号"], row["姓名"], row["街道"]) for row in found]


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def text(define, tmp_path):
    def make(content: str, encoding="utf-8", mapping=MAPPING, **options):
        (tmp_path / "名单.txt").write_bytes(content.encode(encoding))
        return define("file", {"path": str(tmp_path / "名单.txt"), "format": "csv"} | options, mapping)

    return make


def delimited(delimiter=",", above="", below="") -> str:
    lines = [delimiter.join(row) for row in [("编号", "姓名", "街道"), *BODY]]
    return above + "".join(f"{line}\r\n" for line in lines) + below


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_empty_cells_take_the_value_above_them(text, encoding, delimiter):
    source = text(delimited(delimiter, "居民名单\r\n单位：民政局\r\n\r\n"), encoding, fill_down=["街道"])
    for size in (100, 2):  # the value goes on over the borders of batches
        assert [row["街道"] for row in rows(source, size)] == FILLED


def test_an_empty_cell_stays_empty_unless_told_otherwise(text):
    assert [row["街道"] for row in rows(text(delimited()))] == ["龙山街道", "", " ", "人和街道", ""]
    with pytest.raises(DefinitionError, match=r"options\.fill_down names '区县'"):
        text(delimited(), fill_down=["区县"])


def test_filling_down_goes_on_where_an_interrupted_pull_stopped(text):
    source = text(delimited(), fill_down=["街道"])
    whole = list(pull(source, None, 2))
    rest = list(pull(source, whole[0].watermark, 2))
    assert [batch.digest for batch in rest] == [batch.digest for batch in whole[1:]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-be"])
@pytest.mark.parametrize(
    ("below", "options"),
    [
        ("合计,5\r\n", {"until": "^合计"}),
        ("\r\n注：本表每月更新\r\n市民政局\r\n", {"until": "^(合计|注)"}),
        ("合计,5\r\n制表：民政局\r\n", {"footer_rows": 2}),
        ("合计,5\r\n制表：民政局\r\n\r\n\r\n", {"footer_rows": 2}),
        ('"注：含\r\n""历年""",5,\r\n', {"footer_rows": 1}),
        ("合计,5\r\n", {"until": "^合计", "footer_rows": 0}),
    ],
)
def test_what_stands_below_the_data_is_no_row(text, encoding, below, options):
    found = rows(text(delimited(below=below), encoding, **options))
    assert [row["编号"] for row in found] == ["R1", "R2", "R3", "R4", "R5"]


def test_a_footer_that_is_not_told_of_is_refused_with_its_place(text):
    with pytest.raises(WrongFormat, match=r"line 7 has 2 fields.*options\.until"):
        rows(text(delimited(below="合计,5\r\n")))
    with pytest.raises(DefinitionError, match=r"options\.until: is no regular expression"):
        text(delimited(), until="(")


def test_a_column_that_had_another_name_is_found(text):
    old = delimited().replace("街道", "所属街道", 1)
    assert told(rows(text(old, aliases={"街道": ["所属街道", "镇街"]}))) == BODY
    with pytest.raises(MissingColumn, match="街道"):
        rows(text(old))
    with pytest.raises(DefinitionError, match=r"options\.aliases names '区县'"):
        text(old, aliases={"区县": ["县"]})


BLANK = [("", " ", "\u3000"), ("", "", "")]


@pytest.mark.parametrize("size", [100, 2])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_blank_rows_of_text_are_no_rows(text, encoding, size):
    lines = [("编号", "姓名", "街道", "备注")]
    lines += [(*row, "") for row in (*BODY[:3], *BLANK, *BODY[3:])]
    lines += [("", "", "", "迁出"), ("", "", "", "")]
    content = "".join(",".join(line) + "\n" for line in lines)
    found = rows(text(content, encoding), size)
    assert told(found) == [*BODY, ("", "", "")], "a row that has a value anywhere is a row"
    assert [row["_row"] for row in found] == [f"名单.txt:{n}" for n in range(1, 7)]
    filled = rows(text(content, encoding, fill_down=["街道"]), size)
    assert [row["街道"] for row in filled] == [*FILLED, FILLED[-1]]


def test_blank_rows_do_not_count_where_an_interrupted_pull_goes_on(text):
    lines = [("编号", "姓名", "街道"), *BLANK, *BODY[:3], *BLANK, *BODY[3:], *BLANK]
    source = text("".join(",".join(line) + "\n" for line in lines))
    whole = list(pull(source, None, 2))
    assert [batch.number_of_rows for batch in whole] == [2, 2, 1]
    for done, batch in enumerate(whole):
        rest = [later.digest for later in pull(source, batch.watermark, 2)]
        assert rest == [later.digest for later in whole[done + 1 :]]


# ── workbooks ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def workbook(define, tmp_path):
    def make(name="台账.xlsx", mapping=MAPPING, **options):
        return tmp_path / name, define("file", {"path": str(tmp_path / name)} | options, mapping)

    return make


def test_a_merged_cell_counts_for_each_of_its_rows(workbook):
    path, source = workbook()
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.merge_range("A1:C1", "居民台账")
        sheet.write_row(1, 0, ("街道", "编号", "姓名"))
        for place, row in enumerate(BODY, 2):
            sheet.write_row(place, 1, row[:2])
        sheet.merge_range("A3:A5", "龙山街道")
        sheet.merge_range("A6:A7", "人和街道")
    assert [row["街道"] for row in rows(source)] == FILLED
    assert [row["街道"] for row in rows(source, 2)] == FILLED


@pytest.mark.parametrize("size", [100, 2])
def test_blank_rows_of_a_sheet_are_no_rows(workbook, size):
    path, source = workbook()
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([("编号", "姓名", "街道", "备注"), *BODY[:3], *BLANK, *BODY[3:]]):
            sheet.write_row(place, 0, row)
        sheet.write(20, 3, "迁出")
    assert told(rows(source, size)) == [*BODY, ("", "", "")], "a row that has a value anywhere is a row"


def test_many_sheets_are_read_and_each_row_tells_its_sheet(workbook):
    path, source = workbook(mapping=MAPPING | {"native_place": "_sheet"}, sheet="*街道")
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("说明").write(0, 0, "填表说明")
        for name in ("龙山街道", "人和街道"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ("编号", "姓名", "街道"))
            sheet.write_row(1, 0, ("R" + name, "张三", name))
        book.add_worksheet("空街道").write(0, 0, "无")
    assert [(row["编号"], row["_sheet"]) for row in rows(source)] == [
        ("R龙山街道", "龙山街道"),
        ("R人和街道", "人和街道"),
    ]
    (_, one) = workbook(sheet=["人和街道", 2])
    assert [row["街道"] for row in rows(one)] == ["人和街道", "龙山街道"]


def test_a_sheet_of_a_pattern_that_lacks_a_column_is_not_passed_over(workbook):
    path, source = workbook(sheet="*")
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("一").write_row(0, 0, ("编号", "姓名", "街道"))
        book.add_worksheet("二").write_row(0, 0, ("编号", "姓名", "镇街"))
    with pytest.raises(MissingColumn, match="sheet '二' has no column '街道'"):
        rows(source)


def test_totals_and_notes_below_a_sheet_are_no_rows(workbook):
    path, source = workbook(until="^合计", fill_down=["街道"])
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([("编号", "姓名", "街道"), *BODY, ("合计", 5), ("注：无",)]):
            sheet.write_row(place, 0, row)
    assert [row["街道"] for row in rows(source)] == FILLED
    (_, counted) = workbook(footer_rows=2)
    assert len(rows(counted)) == 5


def test_a_workbook_that_unfolds_beyond_measure_is_refused(workbook):
    path, source = workbook(largest_mib=1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(5 << 20))
    assert path.stat().st_size < 10_000
    with pytest.raises(WrongFormat, match=r"台账\.xlsx unpacks to 5 MiB, more than 1"):
        rows(source)


# ── OpenDocument ─────────────────────────────────────────────────────────────────────────────────────

ODS = "application/vnd.oasis.opendocument.spreadsheet"
NAMESPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in [("office", "office"), ("table", "table"), ("text", "text")]
)


def cell(value) -> str:
    if isinstance(value, datetime):
        return f'<table:table-cell office:value-type="date" office:date-value="{value.date()}"/>'
    if isinstance(value, float):
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
    if not value:
        return "<table:table-cell/>"
    return f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'


def write_ods(path, sheets):
    tables = "".join(
        f'<table:table table:name="{name}">'
        + "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in table)
        + "</table:table>"
        for name, table in sheets.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", ODS)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS}"/>'
            '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>',
        )
        archive.writestr(
            "content.xml",
            f'<office:document-content {NAMESPACES} office:version="1.2"><office:body><office:spreadsheet>{tables}'
            "</office:spreadsheet></office:body></office:document-content>",
        )


def test_an_open_document_is_read_as_a_workbook(workbook):
    path, source = workbook("台账.ods", MAPPING | {"date_of_birth": "出生"}, fill_down=["街道"])
    born = datetime(1980, 2, 29)  # noqa: DTZ001 (cells know no zones)
    table = [
        ("名单",),
        ("编号", "姓 名", "街道", "出生"),
        *[(*row, born) for row in BODY],
        (7.0, "孙八", "", ""),
    ]
    write_ods(path, {"说明": [("填表说明",)], "名单": table})
    found = rows(source)
    assert [row["街道"] for row in found] == [*FILLED, "人和街道"]
    assert [row["姓名"] for row in found] == ["张三", "李四", "王五", "赵六", "钱七", "孙八"]
    assert [row["出生"] for row in found] == ["1980-02-29"] * 5 + [""]
    assert found[5]["编号"] == "7"
