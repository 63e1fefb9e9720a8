"""Standardising: each kind of flaw of a register as one small table, and what must come out."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
import shapely

from connectors.batch import Batch
from connectors.dates import to_dates, to_timestamps
from connectors.standardise import standardise
from schemas.errors import DefinitionError, MissingColumn
from schemas.resource import resource_named

AS_OF = datetime(2026, 1, 2, tzinfo=UTC)
NUMBER = "11010519491231002X"


@pytest.fixture
def standardised(define):
    """Standardise one column (or several) as one item; return the item's values and the rules broken, by row."""

    def run(item: str, values, how=None, resource="natural_person", key="citizen_number", **fields):
        table = values if isinstance(values, dict) else {"值": values}
        size = len(next(iter(table.values())))
        mapping = {key: {"constant": NUMBER}} | {item: how or {"column": "值"}}
        source = define("file", {"path": "x", "format": "csv"}, mapping, resource=resource, **fields)
        raw = pa.table(table).append_column("_row", pa.array([f"r{n}" for n in range(size)]))
        batch = Batch("register", raw, "", "", {}, AS_OF)
        done = standardise(source, resource_named(resource), batch)
        problems = {row["_index"]: row["rule"] for row in done.problems.to_pylist()}
        return done.table.column(item).to_pylist(), problems, done

    return run


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  张三\u3000", "张三"),
        ("张 三", "张三"),
        ("欧 阳　建 国", "欧阳建国"),
        ("John  Smith", "John  Smith"),
        ("⼀⼭", "一山"),
        ("⻢⻰", "马龙"),
        ("\uf900\uf9b4", "豈領"),
        ("阿依古丽•艾力", "阿依古丽·艾力"),
        ("ＡＢＣ１２", "ABC12"),
        ("张\u200b三\ufeff", "张三"),
        ("张\n三", "张三"),
        ("𬱖某", "𬱖某"),
        *((nothing, None) for nothing in ("", " ", "无", "-", "——", "NULL", "null", "Ｎ／Ａ", "不详", None)),
    ],
)
def test_text_is_cleaned(standardised, raw, clean):
    values, problems, _ = standardised("name", pa.array([raw, "李四"], pa.string()))
    assert values == [clean, "李四"]
    assert problems == {}


def test_running_text_keeps_its_punctuation(standardised):
    values, _, _ = standardised(
        "business_scope",
        ["　许可项目：餐饮（含外卖）；\n⻝品。 "],
        resource="legal_person",
        key="credit_code",
    )
    assert values == ["许可项目：餐饮（含外卖）；\n食品。"]


@pytest.mark.parametrize(
    ("item", "raw", "clean", "resource"),
    [
        ("mobile_phone", "+86 138-0013-8000", "13800138000", "natural_person"),
        ("mobile_phone", "１３８００１３８０００", "13800138000", "natural_person"),
        ("native_place", "'500103 ", "500103", "natural_person"),
        ("organisation_code", "d2143569-x", "D2143569X", "legal_person"),
        ("representative_number", "11010519491231002х", NUMBER, "legal_person"),
        ("representative_number", "110105 19491231 002x", NUMBER, "legal_person"),
        ("representative_number", "130503670401001", "130503196704010016", "legal_person"),
        ("representative_number", "130503671301001", "130503671301001", "legal_person"),
        ("subject_code", "130503670401001", "130503196704010016", "credit_record"),
        ("subject_code", "500000000000001", "500000000000001", "credit_record"),
        ("subject_code", "91350100m000100y43", "91350100M000100Y43", "credit_record"),
    ],
)
def test_identifiers_take_their_standards_form(standardised, item, raw, clean, resource):
    keys = {
        "natural_person": "citizen_number",
        "legal_person": "credit_code",
        "credit_record": "record_number",
    }
    values, problems, _ = standardised(item, [raw], resource=resource, key=keys[resource])
    assert (values, problems) == ([clean], {})


DATES = [
    ("2020-01-02", date(2020, 1, 2)),
    ("2020/1/2", date(2020, 1, 2)),
    ("2020.01.02", date(2020, 1, 2)),
    ("20200102", date(2020, 1, 2)),
    ("2020年1月2日", date(2020, 1, 2)),
    ("２０２０年１月２日", date(2020, 1, 2)),
    ("43832", date(2020, 1, 2)),
    ("2020-01-02 23:59:59", date(2020, 1, 2)),
    ("2020-01-02T23:00:00Z", date(2020, 1, 3)),
    ("2020-1-2 8:05", date(2020, 1, 2)),
    ("2000-02-29", date(2000, 2, 29)),
    ("9999-12-31", date(9999, 12, 31)),
    ("2999-01-01", date(2999, 1, 1)),
]
IMPOSSIBLE = [
    "1990-02-31",
    "1900-02-29",
    "2020-13-01",
    "19900231",
    "2020-00-10",
    "2020-01-02 25:00:00",
    "2020-01",
    "昨天",
    "0000-01-01",
]


@pytest.mark.parametrize(("raw", "read"), DATES)
def test_dates_are_read(standardised, raw, read):
    assert standardised("date_of_birth", [raw])[:2] == ([read], {})


@pytest.mark.parametrize("raw", IMPOSSIBLE)
def test_an_impossible_date_is_null_and_a_problem(standardised, raw):
    values, problems, done = standardised("date_of_birth", ["2020-01-02", raw])
    assert values == [date(2020, 1, 2), None]
    assert problems == {1: "date"}
    assert raw not in done.problems.column("reason").to_pylist()[0]


@pytest.mark.parametrize("raw", ["长期", "0000-00-00", "", "无"])
def test_no_end_is_no_problem(standardised, raw):
    assert standardised("document_valid_to", [raw])[:2] == ([None], {})


def test_a_declared_date_pattern(standardised):
    how = {"column": "值", "date": "%d/%m/%Y"}
    assert standardised("date_of_birth", ["03/02/2020", "2020-02-03"], how)[:2] == (
        [date(2020, 2, 3), None],
        {1: "date"},
    )
    with pytest.raises(DefinitionError, match="%y"):
        standardised("date_of_birth", ["x"], {"column": "值", "date": "%Y%m%d%y"})
    with pytest.raises(DefinitionError, match="%b is not one of"):
        standardised("date_of_birth", ["x"], {"column": "值", "date": "%Y%m%d%b"})


def test_dates_that_were_written_otherwise_in_other_years(standardised):
    """The first pattern that fits counts; two digits are of 1969 to 2068."""
    how = {"column": "值", "date": ["auto", "%m/%d/%y %H:%M:%S"]}
    raw = [
        "2004-10-01 00:00:00",
        "10/01/99 00:00:00",
        "09/30/00 00:00:00",
        "13/01/99 00:00:00",
        "10/01/1999 00:00:00",
    ]
    dates = [date(2004, 10, 1), date(1999, 10, 1), date(2000, 9, 30), None, None]
    assert standardised("date_of_birth", raw, how)[:2] == (dates, {3: "date", 4: "date"})


def test_typed_dates_pass():
    stamp = datetime(2020, 1, 2, 20, tzinfo=UTC)
    assert to_dates(pa.array([stamp])).to_pylist() == [date(2020, 1, 3)]
    assert to_dates(pa.array([date(2020, 1, 2)])).to_pylist() == [date(2020, 1, 2)]
    naive = pa.array([stamp.replace(tzinfo=None)])
    assert to_timestamps(naive).to_pylist() == [datetime(2020, 1, 2, 12, tzinfo=UTC)]
    assert to_timestamps(pa.array(["2020-01-02 08:00:00.25+08:00"])).to_pylist() == [
        datetime(2020, 1, 2, 0, 0, 0, 250000, tzinfo=UTC)
    ]


def test_codes_by_the_departments_words_and_by_labels(standardised):
    how = {"column": "值", "codes": {"正常参保": "1", "暂停参保": "2", "无": "0"}}
    assert standardised("insurance_status", ["正常参保", " 暂停参保", "飞行参保", "", None, "无"], how)[
        :2
    ] == (
        ["1", "2", None, None, None, "0"],
        {2: "code"},
    )
    how = {"column": "值", "code_set": "sex", "codes": {"M": "1"}}
    values, problems, _ = standardised("sex", ["男", "女", "2", "M", "狗"], how)
    assert (values, problems) == (["1", "2", "2", "1", None], {4: "code"})


@pytest.mark.parametrize(
    ("raw", "scale", "read"),
    [
        ("1,234.5", 1, Decimal("1234.500000")),
        ("５００", 1, Decimal("500.000000")),
        ("￥500", 1, Decimal("500.000000")),
        ("5000000", 0.0001, Decimal("500.000000")),
        ("1.5e3", 1, Decimal("1500.000000")),
        ("0.12345649", 1, Decimal("0.123456")),
        ("-3", 1, Decimal("-3.000000")),
        ("五百", 1, None),
        ("500万元", 1, None),
        ("1" * 30, 1, None),
        ("1234567890123", 1, None),
        ("NaN", 1, None),
    ],
)
def test_amounts_are_exact(standardised, raw, scale, read):
    how = {"column": "值", "scale": scale}
    values, problems, _ = standardised(
        "registered_capital", [raw, "1"], how, resource="legal_person", key="credit_code"
    )
    assert values[0] == read
    assert problems == ({0: "number"} if read is None else {})


@pytest.mark.parametrize(
    ("raw", "read"), [("12", 12), ("12.0", 12), ("12.5", None), ("9" * 20, None), (12.0, 12), (7, 7)]
)
def test_whole_numbers(standardised, raw, read):
    values, problems, _ = standardised("staff_count", [raw], resource="legal_person", key="credit_code")
    assert (values, problems) == ([read], {0: "number"} if read is None else {})


def test_measures(standardised):
    how = {"column": "值", "scale": 2}
    values, problems, _ = standardised(
        "area_m2", ["1.25", "1e2", "大"], how, resource="parcel", key="parcel_number"
    )
    assert (values, problems) == ([2.5, 200.0, None], {2: "number"})


def test_geometries(standardised):
    point = shapely.Point(106.5, 29.5)
    how = {"column": "geometry"}

    def run(values):
        return standardised("geometry", {"geometry": values}, how, resource="place", key="place_code")

    values, problems, done = run(pa.array([point.wkb, b"junk", None], pa.binary()))
    assert (values, problems) == ([point.wkb, None, None], {1: "geometry"})
    assert json.loads(done.originals(pa.array([1]))[0].as_py()) == {"geometry": b"junk".hex().upper()}
    assert run(["POINT (106.5 29.5)", point.wkb_hex, "昨天"])[:2] == (
        [point.wkb, point.wkb, None],
        {2: "geometry"},
    )


def test_joined_columns(standardised):
    how = {"columns": [{"constant": "2"}, "文号", "机关"], "join": ":"}
    table = {"文号": ["渝罚〔2026〕1号", "无", "3"], "机关": [" ａ ", None, ""]}
    values, _, _ = standardised("record_number", table, how, resource="credit_record", key="record_number")
    assert values == ["2:渝罚〔2026〕1号:a", None, "2:3:"]


def test_the_table_is_the_resources_and_what_travels_with_it(standardised):
    table = {"值": ["张'三\"", None], "更新": ["2026-01-01 08:00:00", "昨天"]}
    _, problems, done = standardised("name", table, {"column": "值"}, observed_at="更新")
    items = resource_named("natural_person").arrow_schema.names
    assert done.table.schema.names == [*items, "_row", "_observed_at", "_place"]
    assert done.table.schema.field("date_of_birth").type == pa.date32()
    assert done.table.column("former_names").null_count == 2
    assert done.table.column("citizen_number").to_pylist() == [NUMBER, NUMBER]
    assert done.table.column("_row").to_pylist() == ["r0", "r1"]
    assert done.table.column("_observed_at").to_pylist() == [datetime(2026, 1, 1, tzinfo=UTC), AS_OF]
    assert [json.loads(raw) for raw in done.originals(done.table.column("_place")).to_pylist()] == [
        {"值": "张'三\"", "更新": "2026-01-01 08:00:00"},
        {"值": None, "更新": "昨天"},
    ]
    assert problems == {}


def test_an_empty_batch(standardised):
    values, problems, done = standardised("name", pa.array([], pa.string()))
    assert (values, problems, done.table.num_rows) == ([], {}, 0)


def test_a_batch_without_a_mapped_column_or_of_another_resource(define):
    source = define("file", {"path": "x", "format": "csv"})
    raw = pa.table({"身份证号": ["1"], "_row": ["r"]})
    batch = Batch("register", raw, "", "", {}, AS_OF)
    with pytest.raises(MissingColumn, match="register: the batch has no column '姓名'"):
        standardise(source, resource_named("natural_person"), batch)
    with pytest.raises(DefinitionError, match="natural_person, not to parcel"):
        standardise(source, resource_named("parcel"), batch)
