"""Rows of a resource as the JSON that is sealed and digested: one object of strings and nulls a row.

DuckDB's ``to_json`` is the rule. Most columns need none of it, for nothing in them is escaped and their text is the same in
Arrow, which joins them faster; the others DuckDB writes. Part of the security boundary, as ``vault`` is.
"""

from collections.abc import Sequence
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.resource import Item

_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date(1, 1, 1) - _EPOCH).days, (date(9999, 12, 31) - _EPOCH).days  # written alike
_QUOTE, _BACKSLASH, _BLANK = 0x22, 0x5C, 0x20


def rows_as_json(engine: duckdb.DuckDBPyConnection, table: pa.Table, items: Sequence[Item]) -> pa.Array:
    """Return each row's object as bytes, with the items in their order; the engine writes moments in UTC."""
    columns = {item.name: table[item.name].combine_chunks() for item in items}
    written = _written(engine, items, columns)
    pieces: list[pa.Array | str] = []
    literal = "{"  # what stands between two arrays, so that neighbouring literals are one
    for place, item in enumerate(items):
        literal += f'{"," if place else ""}"{item.name}":'
        column = columns[item.name]
        if column.null_count == len(column):
            literal += "null"
        elif item.name in written or column.null_count:
            pieces += [literal, written[item.name] if item.name in written else _quoted(column)]
            literal = ""
        else:
            pieces += [f'{literal}"', column.cast(pa.string())]
            literal = '"'
    if not pieces:
        return pa.repeat(pa.scalar(f"{literal}}}".encode(), pa.binary()), table.num_rows)
    return pc.binary_join_element_wise(*pieces, f"{literal}}}", "").cast(pa.binary())


def _quoted(column: pa.Array) -> pa.Array:
    return pc.fill_null(pc.binary_join_element_wise('"', column.cast(pa.string()), '"', ""), "null")


def _written(
    engine: duckdb.DuckDBPyConnection, items: Sequence[Item], columns: dict[str, pa.Array]
) -> dict[str, pa.Array]:
    """Let DuckDB write the columns whose text is its own to choose."""
    chosen = [item for item in items if not _is_plain(columns[item.name])]
    if not chosen:
        return {}
    rows = pa.table({item.name: columns[item.name] for item in chosen})
    texts = ", ".join(f'to_json({_as_text(item)})::VARCHAR AS "{item.name}"' for item in chosen)
    found = engine.execute(f"SELECT {texts} FROM rows").to_arrow_table()
    del rows
    return {name: pc.fill_null(found[name].combine_chunks(), "null") for name in found.column_names}


def _is_plain(column: pa.Array) -> bool:
    """Tell whether Arrow's text of the values is DuckDB's, with nothing in it to escape."""
    if column.null_count == len(column) or pa.types.is_boolean(column.type) or column.type == pa.int64():
        return True
    if pa.types.is_date(column.type):
        days = pc.min_max(column.cast(pa.int32()))
        return bool(days["min"].as_py() >= _FIRST_DAY and days["max"].as_py() <= _LAST_DAY)
    if not pa.types.is_string(column.type):
        return False
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[[column.offset, column.offset + len(column)]]
    told = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[1]]
    return not ((told < _BLANK) | (told == _QUOTE) | (told == _BACKSLASH)).any()


def _as_text(item: Item) -> str:
    return f'md5("{item.name}")' if item.type == "G" else f'"{item.name}"::VARCHAR'
