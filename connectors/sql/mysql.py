"""What is particular to MariaDB and MySQL: a session that is kept small, the types of columns, and the numbers of errors."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from pymysql.constants import FIELD_TYPE, FLAG
from pymysql.converters import conversions, convert_date, convert_datetime

from connectors.sql.values import bytes_of

BACKENDS = ("mysql", "mariadb")
FIRST_DAY = "0001-01-01"
"""Before it lies only the zero date, which stands for no date: MariaDB itself takes it for null in some comparisons."""

ERRORS = {1044: "28000", 1045: "28000", 1698: "28000", 1130: "28000", 1142: "42501", 1143: "42501"}
ERRORS |= {1049: "3D000", 1146: "42P01", 1054: "42703", 1205: "55P03"}
ERRORS |= {1969: "57014", 3024: "57014", 1317: "57014"}
ERRORS |= {1040: "53300", 1203: "53300", 1226: "53300", 1129: "08004"}
ERRORS |= {2002: "08001", 2003: "08001", 2005: "08001", 2006: "08006", 2013: "08006"}
ERRORS |= {1053: "57P01", 1927: "57P01", 4031: "57P01"}
"""Their numbers as classes of the SQL standard, which the driver does not pass on."""

_CONNECT_SECONDS = 10
_SILENT_SECONDS = 30
_INTEGERS = {
    FIELD_TYPE.TINY: "TINYINT",
    FIELD_TYPE.SHORT: "SMALLINT",
    FIELD_TYPE.INT24: "MEDIUMINT",
    FIELD_TYPE.LONG: "INTEGER",
    FIELD_TYPE.LONGLONG: "BIGINT",
    FIELD_TYPE.YEAR: "YEAR",
    FIELD_TYPE.BIT: "BIT",
}
_FLOATS = {FIELD_TYPE.FLOAT: "FLOAT", FIELD_TYPE.DOUBLE: "DOUBLE"}
_DECIMALS = {FIELD_TYPE.DECIMAL: "DECIMAL", FIELD_TYPE.NEWDECIMAL: "DECIMAL"}
_TIMES = {
    FIELD_TYPE.DATE: "DATE",
    FIELD_TYPE.DATETIME: "DATETIME",
    FIELD_TYPE.TIMESTAMP: "TIMESTAMP",
}
_TEXTS = {FIELD_TYPE.TIME: "TIME", FIELD_TYPE.JSON: "JSON"}
_NO_CHARSET = 63
_ZERO = "0000-00-00"


def arguments(driver: str, seconds: int) -> dict[str, Any]:
    """Return what the driver is told: how long to wait, who asks, and how values are read."""
    told: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS}
    if driver == "pymysql":
        told |= {"read_timeout": seconds + _SILENT_SECONDS, "program_name": "exchange-hub"}
        told["conv"] = {kind: read for kind, read in conversions.items() if kind not in _TEXTS} | _READERS
    return told


def session(*, mariadb: bool, seconds: int, lock_seconds: int) -> list[str]:
    """Return statements that make the session unable to write, and bound what it may take; its times are China's."""
    limit = f"max_statement_time = {seconds}" if mariadb else f"max_execution_time = {seconds * 1000}"
    locks = f"lock_wait_timeout = {lock_seconds}, innodb_lock_wait_timeout = {lock_seconds}"
    return [
        "SET SESSION TRANSACTION READ ONLY",
        f"SET SESSION {limit}, {locks}, net_write_timeout = {seconds}, time_zone = '+08:00'",
    ]


class Columns:
    """The columns of a table or query, as the driver describes them: ``names`` of their types, and the ``arrow`` ones."""

    def __init__(self, cursor: Any) -> None:
        told = {field[0]: _kind(*field[1:]) for field in _fields(cursor)}
        self.names = {name: kind for name, (kind, _) in told.items()}
        self.arrow = {name: kind for name, (_, kind) in told.items()}

    def key(self, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """Return what rows are ordered by: a word of an enumeration by its text, as it is compared, not by its number."""
        return sa.cast(column, sa.String) if self.names.get(column.name) in ("ENUM", "SET") else column

    def bound(self, name: str, value: Any) -> Any:
        """Return a key's value as the server compares it without loss: a number that came as text would be a float."""
        if not isinstance(value, str):
            return value
        kind = self.names.get(name, "")
        if kind == "DECIMAL" or kind in _INTEGERS.values():
            return Decimal(value)
        return bytes_of(value) if kind == "BINARY" else value

    def unplaced(self, column: sa.ColumnClause[Any]) -> sa.ColumnElement[bool]:
        """Tell the rows that have no value there, or the zero date."""
        if self.names.get(column.name) in _TIMES.values():
            return sa.or_(column.is_(None), column < FIRST_DAY)
        return column.is_(None)

    def placed(self, column: sa.ColumnClause[Any]) -> sa.ColumnElement[bool]:
        """Tell the others."""
        return column >= FIRST_DAY if self.names.get(column.name) in _TIMES.values() else column.is_not(None)


def _fields(cursor: Any) -> list[tuple[str, int, int, int]]:
    """Return name, type, flags and character set of every column: only PyMySQL's own description has the latter two."""
    if (found := getattr(getattr(cursor, "_result", None), "fields", None)) is not None:
        return [(field.name, field.type_code, field.flags, field.charsetnr) for field in found]
    return [(place[0], place[1], 0, 0) for place in cursor.description]


def _kind(code: int, flags: int, charset: int) -> tuple[str, pa.DataType | None]:
    """Name a type, and say what it is in Arrow; numbers of a fixed scale stay as they are written."""
    if code in _INTEGERS:
        large = code == FIELD_TYPE.LONGLONG and flags & FLAG.UNSIGNED
        return _INTEGERS[code], pa.decimal128(20, 0) if large else pa.int64()
    if code in _FLOATS:
        return _FLOATS[code], pa.float64()
    if code in _DECIMALS:
        return _DECIMALS[code], pa.string()
    if code in _TIMES:
        return _TIMES[code], pa.date32() if code == FIELD_TYPE.DATE else pa.timestamp("us")
    if code == FIELD_TYPE.GEOMETRY:
        return "GEOMETRY", pa.binary()
    if code in _TEXTS:
        return _TEXTS[code], pa.string()
    if flags & (FLAG.ENUM | FLAG.SET):
        return "ENUM" if flags & FLAG.ENUM else "SET", pa.string()
    return ("BINARY", pa.binary()) if charset == _NO_CHARSET else ("TEXT", pa.string())


def _date(text: str) -> date | str | None:
    return None if text.startswith(_ZERO) else convert_date(text)


def _datetime(text: str) -> datetime | str | None:
    return None if text.startswith(_ZERO) else convert_datetime(text)


def _shape(content: bytes) -> bytes:
    """Leave out the number of the coordinate system that stands before the WKB."""
    return content[4:]


_READERS: dict[int, Callable[[Any], Any]] = {
    FIELD_TYPE.BIT: lambda content: int.from_bytes(content, "big"),
    FIELD_TYPE.DATE: _date,
    FIELD_TYPE.DATETIME: _datetime,
    FIELD_TYPE.TIMESTAMP: _datetime,
    FIELD_TYPE.GEOMETRY: _shape,
    FIELD_TYPE.DECIMAL: str,
    FIELD_TYPE.NEWDECIMAL: str,
}
