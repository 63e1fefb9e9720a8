"""A department's register of companies in real databases: SQLite, PostgreSQL, MariaDB; Chinese names, ties and gaps."""

import sqlite3
import uuid
from datetime import datetime, timedelta

import psycopg

MAPPING = {"credit_code": "统一社会信用代码", "name": "企业名称", "staff_count": "从业人数"}
START = datetime(2026, 1, 1)  # noqa: DTZ001 (the register keeps no zone)
TABLE = "市场主体 登记"
COLUMNS = '"主体编号", "统一社会信用代码", "企业名称", "从业人数", "核准时间"'
STAMPED = {"watermark": {"column": "核准时间"}}


def companies(number: int) -> list[tuple]:
    """Stamps come in ties of seven; every tenth company has none."""
    return [
        (n, f"91500000{n:010d}", f"重庆{n}公司", n, None if n % 10 == 9 else stamp(n // 7))
        for n in range(number)
    ]


def stamp(hours: int) -> str:
    return str(START + timedelta(hours=hours))


def ids(batches) -> list[int]:
    return [number for batch in batches for number in batch.table.column("主体编号").to_pylist()]


class Register:
    """``url`` is as a definition holds it; ``place`` what stands for a value; ``types`` those of the columns."""

    kind: str
    place = "%s"
    types = ("integer PRIMARY KEY", "varchar(18)", "text", "numeric(9)", "timestamp")

    def make(self):
        columns = ", ".join(
            f"{name} {kind}" for name, kind in zip(COLUMNS.split(", "), self.types, strict=True)
        )
        self.execute(f'CREATE TABLE "{TABLE}" ({columns})')

    def connect(self):
        """Open a connection of the department's own; every statement commits."""
        raise NotImplementedError

    def execute(self, statement, rows=None):
        connection = self.connect()
        try:
            cursor = connection.cursor()
            if rows is None:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
            cursor.execute("BEGIN")  # or each row is a commit of its own
            cursor.executemany(statement, rows)
            cursor.execute("COMMIT")
            return []
        finally:
            connection.close()

    def insert(self, rows):
        places = ", ".join([self.place] * 5)
        self.execute(f'INSERT INTO "{TABLE}" VALUES ({places})', rows)


class SqliteRegister(Register):
    kind = "sqlite"
    place = "?"
    types = ("INTEGER PRIMARY KEY", "TEXT", "TEXT", "INTEGER", "TEXT")

    def __init__(self, folder):
        self.path = folder / "市场监管.db"
        self.url = f"sqlite:///{self.path}"
        self.make()

    def connect(self):
        return sqlite3.connect(self.path, isolation_level=None)


class PostgresRegister(Register):
    kind = "postgresql"

    def __init__(self, server):
        name = f"register_{uuid.uuid4().hex[:8]}"
        server.ensure_database(name)
        self.url = server.url(name)
        self.make()

    def connect(self):
        return psycopg.connect(self.url, autocommit=True)


class MariaRegister(Register):
    kind = "mariadb"
    types = ("integer PRIMARY KEY", "varchar(18)", "text", "decimal(9)", "datetime")

    def __init__(self, server):
        self.server, self.name = server, server.database()
        self.url = server.url(self.name)
        self.make()

    def connect(self):
        connection = self.server.connect(database=self.name)
        connection.cursor().execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')")
        return connection


def register_of(kind: str, request) -> Register:
    """Make an empty register of that kind; ``request`` is the test's."""
    if kind == "sqlite":
        return SqliteRegister(request.getfixturevalue("tmp_path"))
    if kind == "mariadb":
        from servers import PASSWORD

        request.getfixturevalue("monkeypatch").setenv("STORE_SECRET", PASSWORD)
        return MariaRegister(request.getfixturevalue("mariadb"))
    return PostgresRegister(request.getfixturevalue("server"))
