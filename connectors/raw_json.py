"""Raw rows as JSON text, for quarantine to keep what was delivered."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from connectors.bytes_of import JSON_ESCAPED, has_any

_NULL = pa.scalar("null", pa.string())


def rows_as_json(table: pa.Table) -> pa.Array:
    """Write each row as a JSON object: whole numbers and truth values bare, binary in hexadecimal, all else quoted."""
    if not table.num_rows:
        return pa.array([], pa.string())
    parts: list[pa.Array | str] = []
    for place, name in enumerate(table.column_names):
        parts.append(f"{',' if place else '{'}{json.dumps(name, ensure_ascii=False)}:")
        parts.append(_values(table.column(place).combine_chunks()))
    if not parts:
        return pa.repeat(pa.scalar("{}"), table.num_rows)
    return pc.binary_join_element_wise(*parts, "}", "")


def _values(column: pa.Array) -> pa.Array:
    if pt.is_null(column.type):
        return pa.repeat(_NULL, len(column))
    if pt.is_integer(column.type) or pt.is_boolean(column.type):
        return pc.fill_null(column.cast(pa.string()), "null")
    if pt.is_binary(column.type):
        text = pa.array(
            [None if value is None else value.hex().upper() for value in column.to_pylist()], pa.string()
        )
    else:
        text = _escaped(column.cast(pa.string()))
    return pc.fill_null(pc.binary_join_element_wise('"', text, '"', ""), "null")


def _escaped(text: pa.Array) -> pa.Array:
    """Escape the few values that need it; most columns have none."""
    if not has_any(text, JSON_ESCAPED):
        return text
    special = pc.fill_null(pc.match_substring_regex(text, r'["\\\x00-\x1f]'), False)
    written = [json.dumps(value, ensure_ascii=False)[1:-1] for value in text.filter(special).to_pylist()]
    return pc.replace_with_mask(text, special, pa.array(written, pa.string()))
