"""Looking at files of which nothing is known: header, delimiter, sheets and record paths are found, and read again."""

import gzip
import json
import zipfile
from datetime import date

import pyarrow as pa
import pytest
import xlsxwriter
from pyarrow import parquet

from connectors.file.look import look
from schemas.errors import DefinitionError, SourceUnreachable, UnknownEncoding, WrongFormat

ROWS = [("500000000000000001", "张三", "2020-01-02"), ("500000000000000002", "李四", "2020-01-03")]
NAMES = ("身份证号", "姓名", "登记日期")


def delimited(delimiter: str, title: str = "", footer: str = "") -> str:
    return title + "".join(delimiter.join(row) + "\n" for row in (NAMES, *ROWS)) + footer


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_csv_is_made_out_below_its_titles(tmp_path, delimiter, encoding):
    path = tmp_path / "登记.csv"
    path.write_text(delimited(delimiter, "重庆市登记名单\n制表日期：2026年1月\n\n"), encoding=encoding)
    (found,) = look(str(path))
    assert found.title == "登记.csv"
    assert found.options == {"path": str(path), "format": "csv"}
    assert dict(found.shape) == dict.fromkeys(NAMES, "text")
    assert [tuple(row.values()) for row in found.sample.to_pylist()] == ROWS


def test_what_stands_below_the_data_is_proposed_as_no_data(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(delimited(",", footer="合计,2\n"), encoding="utf-8")
    (found,) = look(str(path))
    assert found.sample.num_rows == 2
    assert "合计" in found.options["until"]
    path.write_text(delimited(",", footer="本表每月更新\n市民政局\n"), encoding="utf-8")
    assert look(str(path))[0].options["footer_rows"] == 2


def test_every_sheet_with_a_table_is_found(tmp_path):
    path = tmp_path / "台账.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("空")
        for name, names in (("一", NAMES), ("二", ("编号", "名称", "面积"))):
            sheet = book.add_worksheet(name)
            sheet.write(0, 0, "台账")
            sheet.write_row(2, 0, names)
            sheet.write_row(3, 0, ["a", "b", 3])
    first, second = look(str(path))
    assert [first.title, second.title] == ["台账.xlsx: 一", "台账.xlsx: 二"]
    assert second.options == {"path": str(path), "format": "excel", "sheet": "二"}
    assert second.sample.to_pylist() == [{"编号": "a", "名称": "b", "面积": "3"}]


PERSONS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]


@pytest.mark.parametrize(
    ("text", "record_path"),
    [
        (json.dumps(PERSONS), ""),
        ("\n".join(json.dumps(row | {"tags": [{"a": 1}]}) for row in PERSONS), ""),
        (json.dumps({"code": 0, "data": {"total": 2, "list": PERSONS}, "msg": "a [{"}), "data.list"),
    ],
)
def test_the_record_path_of_json_is_found(tmp_path, text, record_path):
    path = tmp_path / "persons.json"
    path.write_text(text, encoding="utf-8")
    (found,) = look(str(path))
    assert found.options.get("record_path", "") == record_path
    assert [row["姓名"] for row in found.sample.to_pylist()] == ["张三", "李四"]


def test_the_record_path_of_xml_is_found(tmp_path):
    path = tmp_path / "persons.xml"
    rows = "".join(f'<p:person id="{n}"><p:name>{row[1]}</p:name></p:person>' for n, row in enumerate(ROWS))
    path.write_text(f'<r xmlns:p="urn:p"><head>2</head><p:list>{rows}</p:list></r>', encoding="utf-8")
    (found,) = look(str(path))
    assert found.options["record_path"] == "r.list.person"
    assert found.sample.to_pylist() == [{"@id": "0", "name": "张三"}, {"@id": "1", "name": "李四"}]


def test_parquet_tells_its_types(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"编号": [1, 2], "日期": [date(2020, 1, 2), None]}), path)
    (found,) = look(str(path))
    assert dict(found.shape) == {"编号": "int64", "日期": "date32[day]"}
    assert found.sample.column("编号").to_pylist() == [1, 2]


def test_archives_patterns_and_folders_are_looked_into(tmp_path):
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(delimited(",").encode()))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("甲.csv", delimited(","))
        archive.writestr("乙.csv", delimited(","))
    assert [found.title for found in look(str(tmp_path / "*.gz"))] == ["b.csv.gz"]
    found = look(str(tmp_path))
    assert [one.title for one in found] == ["b.csv.gz", "c.zip!乙.csv", "c.zip!甲.csv"]
    assert found[1].options["members"] == "乙.csv"
    assert found[0].options["path"] == str(tmp_path / "b.csv.gz")
    assert look(str(tmp_path), rows=1)[0].sample.num_rows == 1


def test_what_cannot_be_made_out_is_refused(tmp_path):
    with pytest.raises(SourceUnreachable):
        look(str(tmp_path / "nothing.csv"))
    with pytest.raises(DefinitionError, match=r"options\.colour"):
        look(str(tmp_path / "nothing.csv"), {"colour": 1})
    (tmp_path / "a.csv").write_text("\n\n", encoding="utf-8")
    with pytest.raises(WrongFormat, match="no table"):
        look(str(tmp_path / "a.csv"))
    (tmp_path / "b.csv").write_bytes(b"\xff\xfa\xf0,\xff\n")
    with pytest.raises(UnknownEncoding):
        look(str(tmp_path / "b.csv"))
    (tmp_path / "c.gpkg").write_bytes(b"SQLite format 3\0" + bytes(100))
    with pytest.raises(WrongFormat, match="GeoPackage"):
        look(str(tmp_path / "c.gpkg"))
