"""Columns as PostgreSQL's binary COPY has them, made column-wise where the driver would go through them value by value."""

import struct

import numpy as np
import pyarrow as pa

_INT4 = 23  # the type's number in PostgreSQL's catalogue
_HEAD = struct.Struct("!iiIii")  # dimensions, whether nulls, type, length, lowest index


def as_sent(rows: pa.Table) -> pa.Table:
    """Return the rows with lists of integers as the bytes of PostgreSQL's ``integer[]``; what does not fit stays."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_list(field.type) and pa.types.is_int32(field.type.value_type):
            parts = [_integer_arrays(part) for part in rows.column(place).chunks]
            made = [part for part in parts if part is not None]
            if len(made) == len(parts):
                rows = rows.set_column(place, field.name, pa.chunked_array(made, pa.binary()))
    return rows


def _integer_arrays(lists: pa.ListArray) -> pa.Array | None:
    """Write lists of one length, without nulls, as arrays of one dimension; None of others, which are few."""
    values = lists.flatten()
    lengths = np.diff(np.asarray(lists.offsets))
    if lists.null_count or values.null_count or len(lists) == 0 or len(set(lengths.tolist())) != 1:
        return None
    length = int(lengths[0])
    if length == 0:
        return None
    wire = np.empty((len(lists), _HEAD.size + 8 * length), np.uint8)
    wire[:, : _HEAD.size] = np.frombuffer(_HEAD.pack(1, 0, _INT4, length, 1), np.uint8)
    cells = np.empty((len(lists), length, 2), ">i4")
    cells[..., 0] = 4  # each value's length in bytes
    cells[..., 1] = np.asarray(values).reshape(len(lists), length)
    wire[:, _HEAD.size :] = cells.view(np.uint8).reshape(len(lists), 8 * length)
    ends = np.arange(0, wire.size + 1, wire.shape[1], dtype=np.int32)
    return pa.Array.from_buffers(
        pa.binary(), len(lists), [None, pa.py_buffer(ends), pa.py_buffer(wire.ravel())]
    )
