"""The reference by which a department finds a row of its own again."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc


def row_references(
    table: pa.Table, row_id: Sequence[str], fallback: pa.Array | Callable[[], pa.Array]
) -> pa.ChunkedArray | pa.Array:
    r"""Join the ``row_id`` columns with ``:``; ``fallback`` stands where there are none, or all of them are empty.

    What makes the fallback may be given in its stead, and is called only where it is needed. Of several columns, ``:`` and ``\`` in a value are written ``\:`` and ``\\``: other rows have other references.
    """
    if not row_id:
        return fallback() if callable(fallback) else fallback
    parts = [pc.fill_null(table.column(name).cast(pa.string()), "") for name in row_id]
    joined = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*map(_escaped, parts), ":")
    empty = pc.equal(pc.binary_length(joined), len(row_id) - 1)
    if not pc.any(empty).as_py():
        return joined
    return pc.if_else(empty, fallback() if callable(fallback) else fallback, joined)


def _escaped(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.replace_substring(pc.replace_substring(values, "\\", "\\\\"), ":", "\\:")
