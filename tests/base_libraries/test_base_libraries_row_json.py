"""Rows as JSON, against DuckDB's own ``to_json`` of the whole row: equal content must have an equal digest for ever."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from base_libraries.row_json import rows_as_json
from base_libraries.vault import utc_engine
from schemas.resource import Item, ItemType

ITEMS = (
    Item("code", "代码", ItemType.CHARACTER),
    Item("note", "备注", ItemType.MEMO),
    Item("day", "日期", ItemType.DATE),
    Item("seen", "时间", ItemType.DATETIME),
    Item("truth", "是否", ItemType.LOGICAL),
    Item("count", "数量", ItemType.INTEGER),
    Item("share", "比例", ItemType.DOUBLE),
    Item("capital", "资本", ItemType.NUMERIC, 18, 6),
    Item("shape", "范围", ItemType.GENERAL, geometry=True),
)
PLAIN = {"code": "甲A1", "note": "人民路 1 号", "day": date(1990, 2, 3), "truth": True, "count": 7}
EMPTY = dict.fromkeys((item.name for item in ITEMS), None)


def rows(*told: dict) -> pa.Table:
    schema = pa.schema([(item.name, item.arrow_type) for item in ITEMS])
    return pa.Table.from_pylist([EMPTY | row for row in told], schema=schema)


def by_duckdb(rows: pa.Table) -> list[bytes]:
    texts = ", ".join(
        f'"{item.name}": ' + (f'md5("{item.name}")' if item.geometry else f'"{item.name}"::VARCHAR')
        for item in ITEMS
    )
    found = utc_engine().execute(f"SELECT to_json({{{texts}}})::VARCHAR AS j FROM rows").to_arrow_table()
    return [text.encode() for text in found["j"].to_pylist()]


@pytest.mark.parametrize(
    "told",
    [
        [PLAIN, PLAIN | {"truth": False, "count": -1}],
        [PLAIN, EMPTY, PLAIN],
        [EMPTY, EMPTY],
        [],
        [PLAIN | {"note": '甲"乙\\丙/丁\n戊\t己\x01\x1f\x7f'}, PLAIN, EMPTY],
        [PLAIN | {"note": ""}, PLAIN | {"note": "😀"}],
        [PLAIN | {"day": date(1, 1, 1)}, PLAIN | {"day": date(9999, 12, 31)}],
        [
            {"seen": datetime(2026, 1, 1, 8, 30, 0, 120_000, UTC), "share": 1e21, "capital": Decimal("1.5")},
            {"seen": datetime(1900, 1, 1, tzinfo=UTC), "share": 0.1, "capital": Decimal("-12.000001")},
            {"shape": b"\x01\x00"},
        ],
    ],
    ids=["plain", "nulls", "nothing said", "no row", "escaped", "short", "first and last day", "other types"],
)
def test_the_text_is_duckdbs(told):
    table = rows(*told)
    assert rows_as_json(utc_engine(), table, ITEMS).to_pylist() == by_duckdb(table)


def test_days_of_other_calendars_are_duckdbs_too():
    days = pa.array([-800_000, 0], pa.int32()).cast(pa.date32())
    table = rows(PLAIN, PLAIN).set_column(2, "day", days)
    assert rows_as_json(utc_engine(), table, ITEMS).to_pylist() == by_duckdb(table)


def test_a_part_of_a_table_and_several_parts():
    table = pa.concat_tables([rows(PLAIN | {"note": 'a"b'}, PLAIN, EMPTY).slice(1), rows(PLAIN)])
    assert rows_as_json(utc_engine(), table, ITEMS).to_pylist() == by_duckdb(table)
