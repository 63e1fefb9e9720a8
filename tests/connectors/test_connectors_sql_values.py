"""What departments' databases keep in their columns, and what comes of it: every type, zero and infinite dates, odd names."""

# ruff: noqa: DTZ001 (the registers keep no zone)

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
import shapely
from registers import STAMPED, companies, ids

from connectors.pull import pull, standing
from connectors.standardise import standardise
from schemas.errors import MissingColumn, WrongFormat
from schemas.resource import resource_named

PARTS = {"credit_code": "代码", "name": "名称"}


def one_by_one(source) -> list[dict]:
    """Pull row by row, each gone on with from the state before, as after a crash; it is the same as in one go."""
    rows, state = [], None
    whole = list(pull(source, None, 1))
    for expected in whole:
        pulled = pull(source, state, 1)
        batch = next(pulled)
        pulled.close()
        assert batch.digest == expected.digest
        state = batch.watermark
        rows += batch.table.to_pylist()
    return rows


# ── MariaDB ──────────────────────────────────────────────────────────────────────────────────────────

MARIA = {
    "整数": ("bigint unsigned", "18446744073709551615", Decimal(18446744073709551615)),
    "小数": ("decimal(65,30)", f"{'9' * 35}.{'1' * 30}", f"{'9' * 35}.{'1' * 30}"),
    "金额": ("decimal(12,2)", "1234.50", "1234.50"),
    "浮点": ("double", "0.1", 0.1),
    "位": ("bit(1)", "1", 1),
    "多位": ("bit(10)", "513", 513),
    "真假": ("tinyint(1)", "1", 1),
    "日期": ("date", "'2026-01-31'", date(2026, 1, 31)),
    "零日": ("date NOT NULL", "'0000-00-00'", None),
    "半日": ("date", "'2026-00-00'", "2026-00-00"),
    "时间": ("datetime(6)", "'2026-01-02 03:04:05.678901'", datetime(2026, 1, 2, 3, 4, 5, 678901)),
    "零时": ("datetime", "'0000-00-00 00:00:00'", None),
    "时戳": ("timestamp NULL", "'2026-01-01 16:00:00'", datetime(2026, 1, 2)),
    "时刻": ("time", "'-12:30:00'", "-12:30:00"),
    "年": ("year", "2026", 2026),
    "对象": ("json", """'{"a": "甲"}'""", '{"a": "甲"}'),
    "枚举": ("enum('存续','注销')", "'注销'", "注销"),
    "集合": ("set('甲','乙')", "'甲,乙'", "甲,乙"),
    "国标": ("varchar(20) CHARACTER SET gbk", "'重庆'", "重庆"),
    "表情": ("varchar(20) CHARACTER SET utf8mb4", "'𠮷😀'", "𠮷😀"),
    "二进": ("varbinary(10)", "x'00ff'", "\\x00ff"),
    "大块": ("blob", "x'ff'", "\\xff"),
    "二序": ("varchar(10) COLLATE utf8mb4_bin", "'甲'", "甲"),
}  # fmt: skip


@pytest.fixture
def types_table(maria_register):
    told = ", ".join(f"`{name}` {kind}" for name, (kind, _, _) in MARIA.items())
    maria_register.execute(f'CREATE TABLE "类型" ("编号" int PRIMARY KEY, "代码" text, "名称" text, {told})')
    connection = maria_register.connect()
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = '', time_zone = '+00:00'")
        values = ", ".join(text for _, text, _ in MARIA.values())
        cursor.execute(f"INSERT INTO `类型` VALUES (1, '91', '甲', {values})")
        filled = {"零日": "'2026-01-01'"}
        nulls = ", ".join(filled.get(name, "NULL") for name in MARIA)
        cursor.execute(f"INSERT INTO `类型` VALUES (2, '92', '乙', {nulls})")
    connection.close()
    return maria_register


@pytest.mark.parametrize("by", ["table", "query"])
def test_every_type_of_mariadb_is_read(types_table, company_source, by):
    told = (
        {"table": "类型"} if by == "table" else {"table": None, "options": {"query": "SELECT * FROM `类型`"}}
    )
    for name, (_, _, expected) in MARIA.items():
        source = company_source(types_table, mapping=PARTS | {"address": name}, row_id="编号", **told)
        (batch,) = pull(source)
        first, second = batch.table.column(name).to_pylist()
        nothing = date(2026, 1, 1) if name == "零日" else None
        assert (first, second) == (expected, nothing), name
        assert batch.shape[name] not in ("", "NULL", "unstated")
        assert standardise(source, resource_named("legal_person"), batch).table.num_rows == 2
        if name in (
            "半日",
            "整数",
        ):  # a text among dates, a number beyond 64 bits: the same, however it is cut
            assert [row[name] for row in one_by_one(source)] == [expected, None]


def test_shapes_of_mariadb_are_geometries(maria_register, define):
    maria_register.execute('CREATE TABLE "地块" ("代码" varchar(20) PRIMARY KEY, "名称" text, "形" geometry)')
    maria_register.execute(
        "INSERT INTO \"地块\" VALUES ('0001', '甲', ST_GeomFromText('POINT(106 29)', 4326))"
    )
    mapping = {"place_code": "代码", "name": "名称", "geometry": "形"}
    options = {"url": maria_register.url, "table": "地块"}
    source = define("sql", options, mapping, resource="place", row_id="代码")
    (batch,) = pull(source)
    (shape,) = standardise(source, resource_named("place"), batch).table.column("geometry").to_pylist()
    assert shapely.from_wkb(shape).coords[0] == (106, 29)


KEYS = {
    "decimal": ("decimal(38)", [f"{10**37 + n}" for n in range(4)]),
    "snowflake": ("bigint unsigned", [f"{2**63 + n}" for n in range(4)]),
    "words": ("enum('丙','甲','乙')", ["'甲'", "'乙'", "'丙'"]),
    "bytes": ("binary(2)", ["x'00ff'", "x'0100'", "x'5c78'"]),
    "moments": ("datetime(6)", [f"'2026-01-01 00:00:00.00000{n}'" for n in range(4)]),
    "text of numbers": ("varchar(20)", ["'9'", "'10'", "'010'", "'1e1'"]),
}


@pytest.mark.parametrize("kind", KEYS)
def test_rows_of_mariadb_are_paged_by_every_kind_of_key(maria_register, company_source, kind):
    told, values = KEYS[kind]
    maria_register.execute(f'CREATE TABLE "键" ("编号" {told} PRIMARY KEY, "代码" text, "名称" text)')
    maria_register.execute('INSERT INTO "键" VALUES ' + ", ".join(f"({v}, '91', '甲')" for v in values))
    source = company_source(
        maria_register, table="键", mapping=PARTS, row_id="编号", options={"page_rows": 1}
    )
    assert len({row["_row"] for row in one_by_one(source)}) == len(values)


def test_texts_that_mariadb_holds_for_equal_are_not_passed_over(maria_register, company_source):
    maria_register.execute('CREATE TABLE "视图" ("编号" varchar(9), "代码" text, "名称" text)')
    values = [("a", "1"), ("B", "2"), ("A", "3"), ("b ", "4"), ("c", "5")]
    maria_register.execute("INSERT INTO \"视图\" VALUES (%s, %s, '甲')", values)
    source = company_source(
        maria_register, table="视图", mapping=PARTS, row_id="编号", options={"page_rows": 3}
    )
    whole = [(batch.table.column("代码").to_pylist(), batch.watermark) for batch in pull(source, None, 1)]
    for done in range(len(whole)):
        stored = {code for codes, _ in whole[: done + 1] for code in codes}
        rest = {
            code for batch in pull(source, whole[done][1]) for code in batch.table.column("代码").to_pylist()
        }
        assert stored | rest == {"1", "2", "3", "4", "5"}


def test_zero_dates_have_no_place_in_the_order(maria_register, company_source):
    maria_register.execute(
        'CREATE TABLE "零" ("编号" int PRIMARY KEY, "代码" text, "名称" text, "时" datetime NOT NULL)'
    )
    rows = [
        (n, "91", "甲", "0000-00-00 00:00:00" if n < 5 else f"2026-01-01 00:00:{n:02d}") for n in range(12)
    ]
    connection = maria_register.connect()
    connection.cursor().execute("SET SESSION sql_mode = ''")
    connection.cursor().executemany("INSERT INTO `零` VALUES (%s, %s, %s, %s)", rows)
    connection.close()
    source = company_source(
        maria_register,
        table="零",
        mapping=PARTS,
        row_id="编号",
        watermark={"column": "时"},
        options={"page_rows": 2},
    )
    pulled = one_by_one(source)
    assert [row["_row"] for row in pulled] == [str(n) for n in range(12)]


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────

POSTGRES = {
    "小数": ("numeric(30,10)", "1.5", "1.5000000000"),
    "金额": ("money", "1.5", "1.50"),
    "数组": ("text[]", "'{a,b}'", "{a,b}"),
    "间隔": ("interval", "'1 day'", "1 day"),
    "字节": ("bytea", "'\\xdead'", "\\xdead"),
    "标识": ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "对象": ("jsonb", """'{"a": 1}'""", '{"a": 1}'),
    "无期": ("timestamp", "'infinity'", None),
    "无日": ("date", "'-infinity'", None),
    "时区": ("timestamptz", "'2026-01-01 00:00+08'", None),
    "时刻": ("timetz", "'10:00+08'", "10:00:00+08"),
    "地址": ("inet", "'127.0.0.1'", "127.0.0.1/32"),
    "范围": ("int4range", "'[1,2)'", "[1,2)"),
    "字符": ("char(5)", "'ab'", "ab   "),
}


@pytest.mark.server
def test_every_type_of_postgresql_is_read(postgres_register, company_source):
    told = ", ".join(f'"{name}" {kind}' for name, (kind, _, _) in POSTGRES.items())
    values = ", ".join(text for _, text, _ in POSTGRES.values())
    postgres_register.execute(
        f'CREATE TABLE "类型" ("编号" int PRIMARY KEY, "代码" text, "名称" text, {told})'
    )
    postgres_register.execute(f"INSERT INTO \"类型\" VALUES (1, '91', '甲', {values})")
    for name, (_, _, expected) in POSTGRES.items():
        source = company_source(
            postgres_register, table="类型", mapping=PARTS | {"address": name}, row_id="编号"
        )
        (batch,) = pull(source)
        (row,) = batch.table.to_pylist()
        if name != "时区":
            assert row[name] == expected, name
        assert standardise(source, resource_named("legal_person"), batch).table.num_rows == 1


@pytest.mark.server
def test_infinite_watermarks_have_no_place_in_the_order(postgres_register, company_source):
    postgres_register.insert(companies(7))
    postgres_register.insert([(70, "91", "甲", 1, "infinity"), (71, "91", "乙", 1, "-infinity")])
    source = company_source(postgres_register, options={"page_rows": 1}, **STAMPED)
    assert [int(row["_row"]) for row in one_by_one(source)] == [70, 71, *range(7)]


# ── all of them ──────────────────────────────────────────────────────────────────────────────────────


def test_columns_may_be_named_anything(register, company_source):
    names = ["select", "order", "占比%", "a b", "说明:备注", "名称"]
    told = ", ".join(f'"{name}" varchar(20)' for name in names)
    register.execute(f'CREATE TABLE "group" ("key" integer PRIMARY KEY, {told})')
    register.execute('INSERT INTO "group" ("key", "名称") VALUES (1, \'甲\'), (2, \'乙\')')
    mapping = {
        "credit_code": "select",
        "name": "名称",
        "address": "占比%",
        "phone": "a b",
        "status": "说明:备注",
    }
    source = company_source(
        register,
        table="group",
        mapping=mapping,
        row_id="key",
        watermark={"column": "order", "type": "string"},
    )
    assert [row["名称"] for row in one_by_one(source)] == ["甲", "乙"]
    quote = "`" if register.kind == "mariadb" else '"'
    query = f"SELECT * FROM {quote}group{quote} WHERE ':甲' <> '%s'"
    source = company_source(register, table=None, options={"query": query}, mapping=mapping, row_id="key")
    assert [row["名称"] for row in one_by_one(source)] == ["甲", "乙"]


def test_a_view_without_a_key_is_paged_by_several_columns(register, company_source):
    register.execute('CREATE TABLE "底" ("甲" varchar(9), "乙" integer, "代码" text, "名称" text)')
    rows = [(f"{a}", b, "91", f"{a}:{b}") for a in "321" for b in range(4)]
    register.execute(f'INSERT INTO "底" VALUES ({", ".join([register.place] * 4)})', rows)
    register.execute('CREATE VIEW "视图" AS SELECT "甲", "乙", "代码", "名称" FROM "底"')
    source = company_source(
        register, table="视图", mapping=PARTS, row_id=["甲", "乙"], options={"page_rows": 5}
    )
    expected = [f"{a}:{b}" for a in "123" for b in range(4)]
    assert [row["名称"] for row in one_by_one(source)] == expected
    assert [reference for part in standing(source) for reference in part.to_pylist()] == expected


@pytest.mark.parametrize("rows", [1, 10])
def test_rows_that_cannot_be_told_apart_are_refused(register, company_source, rows):
    register.execute('CREATE TABLE "重" ("编号" integer, "代码" text, "名称" text)')
    register.execute(
        "INSERT INTO \"重\" VALUES (1, '91', '甲'), (2, '92', '乙'), (2, '93', '丙'), (3, '94', '丁')"
    )
    source = company_source(register, table="重", mapping=PARTS, row_id="编号", options={"page_rows": rows})
    with pytest.raises(WrongFormat, match="same '编号', so they cannot be told apart"):
        list(pull(source, None, rows))


# ── late and moving rows ─────────────────────────────────────────────────────────────────────────────


def stamped(source, state, rows=10):
    batches = list(pull(source, state, rows))
    return ids(batches), batches[-1].watermark if batches else state


def test_rows_committed_late_are_found_by_the_overlap(register, company_source):
    firm = lambda number, second: (number, f"91{number}", "甲", 1, f"2026-01-01 00:00:{second:02d}")  # noqa: E731
    register.insert([firm(1, 10), firm(3, 30), firm(4, 40)])
    without, with_it = (
        company_source(register, options={"overlap": overlap}, **STAMPED) for overlap in (0, 15)
    )
    _, state = stamped(without, None)
    register.insert([firm(2, 35)])  # its transaction began before that of 4, and ended after the pull
    assert stamped(without, state)[0] == []
    found, after = stamped(with_it, state)
    assert found == [3, 2, 4]
    assert after == state
    register.insert([firm(5, 50)])
    batches = list(pull(with_it, state, 1))
    assert batches[0].window == "核准时间 from 2026-01-01 00:00:25"
    assert ids(batches) == [3, 2, 4, 5]
    assert ids(pull(with_it, batches[0].watermark, 1)) == [2, 4, 5]  # gone on with, it does not begin again
    assert ids(pull(with_it, batches[-1].watermark, 1)) == [2, 4, 5]


@pytest.mark.parametrize(
    ("kind", "values", "behind"),
    [("integer", (8, 9, 10), 1), ("date", ("2026-01-08", "2026-01-09", "2026-01-10"), 1)],
)
def test_an_overlap_may_be_of_numbers_or_days(register, company_source, kind, values, behind):
    told = "integer" if kind == "integer" else "date"
    register.execute(f'CREATE TABLE "变" ("编号" integer PRIMARY KEY, "代码" text, "名称" text, "序" {told})')
    place = ", ".join([register.place] * 4)
    register.execute(
        f'INSERT INTO "变" VALUES ({place})', [(n, "91", "甲", value) for n, value in enumerate(values)]
    )
    source = company_source(
        register,
        table="变",
        mapping=PARTS,
        row_id="编号",
        watermark={"column": "序", "type": kind},
        options={"overlap": behind},
    )
    (batch,) = pull(source)
    (again,) = pull(source, batch.watermark)
    assert again.table.column("_row").to_pylist() == ["1", "2"]


def test_an_overlap_needs_a_watermark_that_can_be_reckoned_with(register, company_source):
    from schemas.errors import DefinitionError

    for fields in ({}, {"watermark": {"column": "企业名称", "type": "string"}}):
        with pytest.raises(DefinitionError, match=r"options\.overlap needs a watermark"):
            company_source(register, options={"overlap": 5}, **fields)
    register.insert([(1, "91", "甲", 1, "2026-01-01 00:00:00")])
    source = company_source(register, options={"overlap": 5}, watermark={"column": "企业名称"})
    (batch,) = pull(source)
    with pytest.raises(WrongFormat, match="is no datetime"):
        list(pull(source, batch.watermark))


def test_rows_that_change_while_pages_are_read_are_not_lost(register, company_source):
    """A row that moves behind the reader, stamped anew, comes again; one that moves ahead of it comes once."""
    register.insert([(n, f"91{n}", "旧", n, f"2026-01-01 00:00:{n:02d}") for n in range(20)])
    source = company_source(register, options={"page_rows": 2}, **STAMPED)
    pulled, known = pull(source, None, 2), {}
    for turn, batch in enumerate(pulled):
        known |= {row["_row"]: row["企业名称"] for row in batch.table.to_pylist()}
        if turn == 3:
            register.execute(
                'UPDATE "市场主体 登记" SET "企业名称" = \'新\', "核准时间" = \'2026-02-01 00:00:00\' WHERE "主体编号" IN (1, 15)'
            )
            register.execute('DELETE FROM "市场主体 登记" WHERE "主体编号" IN (5, 7, 9)')
            register.insert([(30, "9130", "新", 1, "2026-02-01 00:00:01")])
    assert {row for row, name in known.items() if name == "新"} == {"1", "15", "30"}
    assert set(known) >= {str(n) for n in range(20) if n != 9} | {"30"}


def test_a_null_in_the_watermark_moves_nothing(register, company_source):
    register.insert(companies(20)[8:])
    source = company_source(register, options={"page_rows": 2}, **STAMPED)
    assert sorted(int(row["_row"]) for row in one_by_one(source)) == list(range(8, 20))
    last = list(pull(source, None, 3))[-1]
    register.execute('DELETE FROM "市场主体 登记" WHERE "核准时间" IS NOT NULL')
    again = list(pull(source, last.watermark, 1))
    assert ids(again) == [9, 19]
    assert again[-1].watermark == last.watermark
    assert again[0].watermark != last.watermark


def test_the_query_may_name_no_column_that_is_not_there(register, company_source):
    quote = "`" if register.kind == "mariadb" else '"'
    query = f"SELECT {quote}没有{quote} AS a FROM {quote}市场主体 登记{quote}"
    if register.kind == "sqlite":
        query = "SELECT [没有] AS a FROM [市场主体 登记]"
    with pytest.raises(MissingColumn, match="register"):
        list(pull(company_source(register, table=None, options={"query": query})))


def test_columns_of_sqlite_come_the_same_however_they_are_cut(tmp_path, company_source):
    from registers import SqliteRegister

    register = SqliteRegister(tmp_path)
    values = [1, 2.5, None, "五", b"\x00\xff", 2**40]
    register.insert([(n, "91", "甲", value, None) for n, value in enumerate(values)])
    source = company_source(register, options={"page_rows": 2})
    rows = one_by_one(source)
    assert [row["从业人数"] for row in rows] == [1, 2.5, None, "五", "\\x00ff", 2**40]
    (batch,) = pull(source, None, 10)
    assert batch.table.schema.field("从业人数").type == pa.string()
