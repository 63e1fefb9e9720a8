"""A department's register of firms, one table in SQLite that a test changes, and the source that reads it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from made_codes import credit_code

SOURCE = """
code: firms
resource: legal_person
department: 市场监督管理局
title: 企业
ordinal: 77
connector: sql
options: {url: "sqlite:///${city}/firms.sqlite", table: firms}
row_id: id
mapping:
  credit_code: {column: code}
  name: {column: name}
"""
FIRMS = [(n, credit_code(n), f"重庆{n}公司") for n in range(10)]


def register_in(folder: Path, more: str = "") -> Callable[..., None]:
    """Make the register, empty; returns what changes it: a statement, and rows for it. ``more``: columns of its own."""

    def run(statement, *rows):
        with closing(sqlite3.connect(folder / "firms.sqlite")) as connection, connection:
            connection.executemany(statement, rows) if rows else connection.execute(statement)

    run(f"CREATE TABLE firms (id INTEGER PRIMARY KEY, code TEXT, name TEXT{more})")
    return run
