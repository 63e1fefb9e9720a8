"""Three small registers of firms, as three departments keep them, for tests of what becomes of them."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from connectors.definition import read_source
from hub.composition import open_hub
from hub.upgrade import upgrade_database
from infra.database import open_database

SOURCE = """
code: {code}
resource: legal_person
department: {department}
title: {code}
ordinal: {ordinal}
connector: sql
options: {{url: "sqlite:///${{folder}}/{code}.sqlite", table: firms}}
row_id: id
observed_at: seen
watermark: {{column: seen}}
mapping:
  credit_code: {{column: code}}
  name: {{column: "名称_全称"}}
  representative_name: {{column: boss}}
  {extra}
authority: {{default: {rank}}}
"""
REGISTERS = {
    "registrar": ("市场监督管理局", 71, 10, "staff_count: {column: staff}"),
    "tax": ("税务局", 72, 50, "staff_count: {column: staff}\n  registered_capital: {column: money, scale: 10000}"),
    "statistics": ("统计局", 73, 50, "registered_capital: {column: money}"),
}  # fmt: skip


def source_of(code, folder, **changed):
    department, ordinal, rank, extra = REGISTERS[code]
    told = {
        "code": code,
        "department": department,
        "ordinal": ordinal,
        "rank": rank,
        "extra": extra,
    } | changed
    return read_source(SOURCE.format(**told), code, {"folder": folder})


@pytest.fixture
def say(tmp_path):
    """Write what a department says of firms: id, code, name, boss, staff, money, seen."""

    def _say(register, *rows):
        with closing(sqlite3.connect(tmp_path / f"{register}.sqlite")) as connection, connection:
            connection.execute(
                'CREATE TABLE IF NOT EXISTS firms (id TEXT PRIMARY KEY, code TEXT, "名称_全称" TEXT, boss TEXT, '
                "staff TEXT, money TEXT, seen TEXT, fax TEXT)"
            )
            connection.executemany("INSERT OR REPLACE INTO firms VALUES (?, ?, ?, ?, ?, ?, ?, '023')", rows)

    return _say


@pytest.fixture
def bare_hub(hub_settings, tmp_path):
    with open_database(hub_settings) as database:
        upgrade_database(database)
    with open_hub(hub_settings) as opened:
        yield replace(opened, sources={code: source_of(code, tmp_path) for code in REGISTERS})
