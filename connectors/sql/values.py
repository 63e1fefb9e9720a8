"""What drivers hand over, value by value, as Arrow columns: the same rows always as the same column."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

_LONG = pa.decimal128(38, 0)


def array(values: Sequence[Any], kind: pa.DataType | None = None, *, raw: bool = False) -> pa.Array:
    """Make a column of the type, or of the one that the values have; where they have several, as SQLite allows, all become text.

    Bytes become hexadecimal text, as PostgreSQL writes them, unless they are wanted ``raw``.
    """
    try:
        made = pa.array(values, kind)
    except OverflowError:
        return _long(values)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return _texts(values)
    if pa.types.is_binary(made.type):
        return made if raw else _texts(values)
    return made if not pa.types.is_duration(made.type) else _texts(values)


def text_of(value: Any) -> str | None:
    """Write a value as text."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return None if value is None else str(value)


def json_ready(value: Any) -> Any:
    """Write a key's value so that JSON holds it, and the database reads it back as what it was."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def bytes_of(text: str) -> bytes:
    """Read back what ``text_of`` made of bytes."""
    return bytes.fromhex(text.removeprefix("\\x"))


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([text_of(value) for value in values], pa.string())


def _long(values: Sequence[Any]) -> pa.Array:
    """Hold integers above 2^63."""
    try:
        return pa.array([None if value is None else Decimal(value) for value in values], _LONG)
    except (ArithmeticError, ValueError, TypeError, pa.ArrowException):
        return _texts(values)
