"""XML and Parquet as departments write them, JSON Lines in other encodings, and what is refused of each."""

import json
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from pyarrow import parquet

from connectors.pull import pull
from schemas.errors import DefinitionError, MissingColumn, TruncatedFile, WrongFormat

XML = {"citizen_number": "@id", "name": "name", "registered_address": "address.city", "mobile_phone": "phone"}
PERSON = '<p:person id="{0}"><p:name>人{0}</p:name><p:address><p:city>重庆</p:city></p:address></p:person>'


def rows(source, size=100) -> list[dict]:
    return [row for batch in pull(source, None, size) for row in batch.table.to_pylist()]


@pytest.fixture
def document(define, tmp_path):
    def make(content: str | bytes, mapping=XML, name="persons.xml", **options):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return define(
            "file", {"path": str(tmp_path / name), "record_path": "answer.list.person"} | options, mapping
        )

    return make


def xml(*numbers, declaration="", extra="") -> str:
    people = "".join(PERSON.format(n) for n in numbers)
    return f'{declaration}<p:answer xmlns:p="urn:p"><p:list>{people}{extra}</p:list></p:answer>'


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_xml_is_read_by_its_record_path(document, encoding):
    text = xml(
        1,
        2,
        declaration=f'<?xml version="1.0" encoding="{encoding}"?>',
        extra='<p:person id="3"><p:name>王</p:name><p:phone>1</p:phone><p:phone>2</p:phone></p:person>',
    )
    found = rows(document(text.encode(encoding)), 2)
    assert [row["@id"] for row in found] == ["1", "2", "3"]
    assert [row["name"] for row in found] == ["人1", "人2", "王"]
    assert [row["address.city"] for row in found] == ["重庆", "重庆", None]
    assert json.loads(found[2]["phone"]) == ["1", "2"]


def test_xml_goes_on_where_an_interrupted_pull_stopped(document):
    source = document(xml(*range(9)), {"citizen_number": "@id", "name": "name"})
    whole = list(pull(source, None, 4))
    rest = list(pull(source, whole[0].watermark, 4))
    assert [batch.digest for batch in rest] == [batch.digest for batch in whole[1:]]


ENTITIES = '<!DOCTYPE answer [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE answer [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("content", "options", "error", "words"),
    [
        (xml(1, 2)[:-40], {}, TruncatedFile, "ends within an element, at line 1"),
        ("", {"format": "xml"}, TruncatedFile, "is empty"),
        (xml(1).replace("</p:name>", "</p:nome>"), {}, WrongFormat, "is no XML, at line 1"),
        (xml(1), {"record_path": "answer.rows.row"}, WrongFormat, "has no element answer.rows.row"),
        (xml(1, declaration=ENTITIES), {}, WrongFormat, "declares entities"),
        (xml(1, declaration=OUTSIDE), {}, WrongFormat, "declares entities"),
        ("<html><body>请登录</body></html>", {}, WrongFormat, "is a web page"),
        (xml(1).replace("city", "town"), {}, MissingColumn, "'address.city'"),
        (xml(1), {"record_path": None}, DefinitionError, "record_path is missing"),
    ],
)
def test_broken_xml(document, content, options, error, words):
    mapping = {name: column for name, column in XML.items() if column != "phone"}
    with pytest.raises(error, match=words):
        rows(document(content, mapping, **options))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_xml_that_is_cut_at_any_place_is_truncated(document, encoding):
    text = xml(1, 2, declaration=f'<?xml version="1.0" encoding="{encoding}"?>', extra="<!-- 完 -->")
    whole = text.encode(encoding)
    mapping = {"citizen_number": "@id", "name": "name"}
    begun = len(text[: text.index("<p:list")].encode(encoding))
    for cut in range(begun, len(whole) - 1, 3):
        with pytest.raises(TruncatedFile, match=r"persons\.xml ends within an element"):
            rows(document(whole[:cut], mapping))


# ── Parquet ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def table(define, tmp_path):
    path = tmp_path / "persons.parquet"

    def make(columns: dict, mapping: dict, **options):
        parquet.write_table(pa.table(columns), path, row_group_size=3)
        return define("file", {"path": str(path)} | options, mapping)

    make.path = path
    return make


def test_parquet_keeps_its_types_and_goes_on(table):
    source = table(
        {
            "编号": list(range(8)),
            "姓名": [f"人{n}" for n in range(8)],
            "出生": [date(1980, 1, 1 + n) for n in range(8)],
            "电话": [["1", "2"], None] * 4,
            "额": [Decimal("1.50")] * 8,
        },
        {"citizen_number": "编号", "name": "姓名", "date_of_birth": "出生", "mobile_phone": "电话"},
    )
    whole = list(pull(source, None, 5))
    assert dict(whole[0].shape) == {
        "编号": "int64",
        "姓名": "string",
        "出生": "date32[day]",
        "电话": "list<element: string>",
        "额": "decimal128(3, 2)",
    }
    found = [row for batch in whole for row in batch.table.to_pylist()]
    assert [row["编号"] for row in found] == list(range(8))
    assert found[0]["出生"] == date(1980, 1, 1)
    assert [row["电话"] for row in found[:2]] == ['["1", "2"]', None]
    rest = list(pull(source, whole[0].watermark, 5))
    assert [batch.digest for batch in rest] == [batch.digest for batch in whole[1:]]


def test_a_cut_broken_or_foreign_parquet_is_refused(table):
    mapping = {"citizen_number": "编号", "name": "姓名"}
    source = table({"编号": ["1"], "姓名": ["张"]}, mapping, format="parquet")
    whole = table.path.read_bytes()
    for content, error, words in [
        (whole[:-10], TruncatedFile, "ends before its columns are described"),
        (b"", TruncatedFile, "ends before"),
        ("编号,姓名\n".encode(), WrongFormat, "is not Parquet"),
        (whole[:4] + bytes(len(whole) - 12) + whole[-8:], WrongFormat, "is not Parquet, or a broken one"),
    ]:
        table.path.write_bytes(content)
        with pytest.raises(error, match=words):
            rows(source)
    with pytest.raises(MissingColumn, match=r"persons\.parquet has no column '姓名'"):
        rows(table({"编号": ["1"]}, mapping))


# ── JSON Lines ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_json_lines_of_any_encoding_and_of_records_that_differ(document, encoding):
    lines = [{"id": "1", "姓名": "张三"}, {"id": "2"}, {"id": "3", "名字": "李四", "x": {"a": 1}}]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n"
    mapping = {"citizen_number": "id", "name": "姓名"}
    source = document(
        text.encode(encoding), mapping, "persons.jsonl", record_path=None, aliases={"姓名": ["名字"]}
    )
    assert [row["姓名"] for row in rows(source)] == ["张三", None, "李四"]
