"""Workbooks, JSON and layers, and how a pull of files goes on after an interruption."""

import json
import os
from datetime import UTC, datetime

import pytest
import xlsxwriter

from connectors.pull import pull
from schemas.errors import DefinitionError, MissingColumn, SourceUnreachable, TruncatedFile, WrongFormat

PERSONS = [{"身份证号": f"5{n:017d}", "姓名": f"人{n}"} for n in range(10)]


def rows(source) -> list[dict]:
    return [row for batch in pull(source) for row in batch.table.to_pylist()]


# ── Excel ────────────────────────────────────────────────────────────────────────────────────────────

MARRIAGES = {"citizen_number": "身份证号", "name": "姓名", "life_status_date": "登记日期"}


@pytest.fixture
def workbook(define, tmp_path):
    def make(names=("身份证号", "姓 名", "登记\n日期"), **options):
        path = tmp_path / "婚姻登记.xlsx"
        with xlsxwriter.Workbook(str(path)) as book:
            book.add_worksheet("说明").write(0, 0, "填表说明")
            sheet = book.add_worksheet("登记")
            day = book.add_format({"num_format": "yyyy-mm-dd"})
            sheet.merge_range("A1:C1", "婚姻登记台账")
            sheet.write_row(1, 0, ["单位：民政局", "", "2026年"])
            sheet.write_row(2, 0, names)
            sheet.write_row(3, 0, ["500000000000000001", "张三"])
            sheet.write_datetime(3, 2, datetime(2020, 1, 2), day)  # noqa: DTZ001 (Excel knows no zones)
            sheet.write_row(5, 0, [12, "李四", "2020年1月3日"])
        return path, define("file", {"path": str(path), "format": "excel"} | options, MARRIAGES)

    return make


def test_the_header_is_found_below_titles_on_whatever_sheet(workbook):
    _, source = workbook()
    assert rows(source) == [
        {
            "身份证号": "500000000000000001",
            "姓名": "张三",
            "登记日期": "2020-01-02",
            "_row": "婚姻登记.xlsx:1",
        },
        {"身份证号": "12", "姓名": "李四", "登记日期": "2020年1月3日", "_row": "婚姻登记.xlsx:2"},
    ]
    assert len(rows(workbook(sheet="登记")[1])) == 2
    assert len(rows(workbook(sheet=2, header=3)[1])) == 2


def test_a_workbook_without_the_column_or_sheet(workbook):
    with pytest.raises(MissingColumn, match=r"register.*'登记日期'"):
        rows(workbook(names=("身份证号", "姓名", "日期"))[1])
    with pytest.raises(WrongFormat, match="no sheet '离婚'"):
        rows(workbook(sheet="离婚")[1])
    with pytest.raises(DefinitionError, match=r"options\.sheet"):
        rows(workbook(sheet={"name": 1})[1])


def test_a_broken_workbook(workbook):
    path, source = workbook()
    whole = path.read_bytes()
    for content, error in [
        (whole[: len(whole) // 2], TruncatedFile),
        (b"", TruncatedFile),
        ("身份证号,姓名\n".encode(), WrongFormat),
        (whole[:200] + b"\0" * 400 + whole[600:], WrongFormat),
    ]:
        path.write_bytes(content)
        with pytest.raises(error, match=r"register, file 婚姻登记\.xlsx"):
            rows(source)


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def records(define, tmp_path):
    def make(text: str, **options):
        (tmp_path / "persons.json").write_text(text, encoding=options.pop("written", "utf-8"))
        return define("file", {"path": str(tmp_path / "persons.json"), "format": "json"} | options)

    return make


@pytest.mark.parametrize("written", ["utf-8", "gb18030"])
def test_json_in_its_three_forms(records, written):
    array = json.dumps(PERSONS, ensure_ascii=False, indent=1)
    lines = "\n".join(json.dumps(person, ensure_ascii=False) for person in PERSONS)
    nested = json.dumps({"code": 0, "data": {"total": 10, "rows": PERSONS}, "msg": "好"}, ensure_ascii=False)
    for text, options in [(array, {}), (lines, {}), (nested, {"record_path": "data.rows"})]:
        found = rows(records(text, written=written, **options))
        assert [{"身份证号": row["身份证号"], "姓名": row["姓名"]} for row in found] == PERSONS


def test_json_values_stay_as_written(records):
    found = rows(
        records('[{"身份证号": 500000000000000001, "姓名": 1.50}, {"姓名": true}, {"姓名": {"姓": "张"}}]')
    )
    assert [row["姓名"] for row in found] == ["1.50", "true", '{"姓": "张"}']
    assert [row["身份证号"] for row in found] == ["500000000000000001", None, None]


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ('[{"身份证号": "1", "姓名": "张"}, {"身份证号": "2", "姓', {}, TruncatedFile),
        ('[{"身份证号": "1", "姓名": "张"}', {}, TruncatedFile),
        ('[{"身份证号": "1", "姓名": nul', {}, TruncatedFile),
        ('[{"身份证号": "1" "姓名": "张"}]', {}, WrongFormat),
        ('[{"身份证号": "1", "姓名": "张"}] []', {}, WrongFormat),
        ('["张三"]', {}, WrongFormat),
        ("身份证号,姓名\n1,张\n", {}, WrongFormat),
        ('{"data": []}', {"record_path": "rows"}, WrongFormat),
        ('{"data": {"a": 1}}', {"record_path": "data"}, WrongFormat),
        ("[" * 5000, {}, WrongFormat),
        ('[{"身份证号": "1", "名字": "张"}]', {}, MissingColumn),
    ],
)
def test_broken_json(records, text, options, error):
    with pytest.raises(error, match=r"persons\.json"):
        rows(records(text, **options))


def test_json_is_read_over_many_chunks(records, monkeypatch):
    monkeypatch.setattr("connectors.file.formats.json_stream._CHUNK", 7)
    assert len(rows(records(json.dumps(PERSONS, ensure_ascii=False)))) == 10
    with pytest.raises(WrongFormat, match="at line 3"):
        rows(
            records(
                '[\n{"身份证号": "1", "姓名": "张"},\n{"身份证号": "2" "姓名": "李"},\n{"身份证号": "3", "姓名": "王"}]'
            )
        )
    monkeypatch.setattr("connectors.file.formats.json_stream._LONGEST_RECORD", 50)
    with pytest.raises(WrongFormat, match="longer than"):
        rows(records('[{"身份证号": "' + "1" * 500 + '", "姓名": "张"}]'))


# ── going on after an interruption ───────────────────────────────────────────────────────────────────

MAPPING = {"citizen_number": "身份证号", "name": "姓名"}


@pytest.fixture
def nightly(define, tmp_path):
    folder = tmp_path / "nightly"
    folder.mkdir()

    def write(name: str, numbers, stamp="2026-01-01 00:00:00", modified: int | None = None):
        lines = [f"{number},人{number},{stamp}" for number in numbers]
        path = folder / name
        path.write_text("\n".join(["身份证号,姓名,更新时间", *lines, ""]), encoding="gb18030")
        if modified:
            os.utime(path, (modified, modified))
        return path

    write.source = lambda **fields: define(
        "file", {"path": f"{folder}/**/*.csv", "format": "csv"}, MAPPING, **fields
    )
    return write


def names(batches) -> list[str]:
    return [name for batch in batches for name in batch.table.column("姓名").to_pylist()]


def test_every_batch_can_be_gone_on_from(nightly):
    nightly("a.csv", range(25))
    nightly("b.csv", range(100, 110), modified=1_767_200_000)
    source = nightly.source()
    whole = list(pull(source, None, 10))
    assert [batch.number_of_rows for batch in whole] == [10, 10, 5, 10]
    assert [batch.window for batch in whole] == ["a.csv", "a.csv", "a.csv", "b.csv"]
    assert whole[3].as_of == datetime.fromtimestamp(1_767_200_000, tz=UTC)
    assert len({batch.digest for batch in whole}) == 4
    for done in range(4):
        state = json.loads(json.dumps(whole[done].watermark))
        rest = list(pull(source, state, 10))
        assert [batch.digest for batch in rest] == [batch.digest for batch in whole[done + 1 :]]
        assert [batch.watermark for batch in rest] == [batch.watermark for batch in whole[done + 1 :]]


def test_only_new_and_changed_files_are_read_again(nightly):
    path = nightly("a.csv", range(3))
    source = nightly.source()
    (first,) = pull(source)
    assert list(pull(source, first.watermark)) == []
    os.utime(path, (1, 1))
    assert list(pull(source, first.watermark)) == []
    nightly("a.csv", range(4))
    nightly("c.csv", [7])
    changed = list(pull(source, first.watermark))
    assert names(changed) == ["人0", "人1", "人2", "人3", "人7"]
    path.unlink()
    assert list(pull(source, changed[-1].watermark)) == []


def test_a_stamped_register_gives_only_its_newer_rows(nightly):
    source = nightly.source(watermark={"column": "更新时间"}, observed_at="更新时间")
    path = nightly("a.csv", range(3))
    (first,) = pull(source)
    text = path.read_text(encoding="gb18030")
    path.write_text(text + "8,人8,2026/1/2\n9,人9,\n3,人3,2025-01-01\n", encoding="gb18030")
    (second,) = pull(source, first.watermark)
    assert names([second]) == ["人0", "人1", "人2", "人8", "人9"]
    assert list(pull(source, second.watermark)) == []
    nightly("a.csv", [5], stamp="2024-01-01")
    assert list(pull(source, second.watermark)) == []


@pytest.mark.parametrize(
    ("kind", "stamps"), [("integer", ("9", "10")), ("string", ("a", "b")), ("date", ("20260101", "20260102"))]
)
def test_watermarks_of_every_type(nightly, kind, stamps):
    source = nightly.source(watermark={"column": "更新时间", "type": kind})
    nightly("a.csv", [1], stamp=stamps[1])
    (first,) = pull(source)
    path = nightly("a.csv", [1], stamp=stamps[1])
    with path.open("a", encoding="gb18030") as file:
        file.write(f"2,人2,{stamps[0]}\n3,人3,{stamps[1]}\n")
    (second,) = pull(source, json.loads(json.dumps(first.watermark)))
    assert names([second]) == ["人1", "人3"]


def test_the_departments_own_reference_names_a_row(nightly):
    nightly("a.csv", [1], stamp="x")
    (batch,) = pull(nightly.source(row_id=["更新时间"]))
    assert batch.table.column("_row").to_pylist() == ["x"]
    nightly("a.csv", [1], stamp="")
    (batch,) = pull(nightly.source(row_id=["更新时间"]))
    assert batch.table.column("_row").to_pylist() == ["a.csv:1"]


def test_no_file_is_an_unreachable_source(nightly):
    with pytest.raises(SourceUnreachable, match="register: there is no file"):
        list(pull(nightly.source()))


def test_a_file_still_being_written_is_refused(nightly):
    path = nightly("a.csv", range(25))
    batches = pull(nightly.source(), None, 10)
    next(batches)
    with path.open("ab") as file:
        file.write(b"26,x,\n")
    with pytest.raises(TruncatedFile, match="was written to while it was read"):
        next(batches)
