"""Rows of cells: the blank ones left out, and filled down where empty cells mean the value above."""

from collections.abc import Collection, Generator, Iterable

import pyarrow as pa
import pyarrow.compute as pc


def blank_rows(table: pa.Table) -> pa.Array | None:
    """Tell which rows have no value in any column (text); None where all have one, which the first columns mostly show."""
    blank = None
    for column in table.columns:
        empty = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True)
        blank = empty if blank is None else pc.and_(blank, empty)
        if not pc.any(blank).as_py():
            return None
    return blank


def filled_down(tables: Iterable[pa.Table], columns: Collection[str]) -> Generator[pa.Table, None, None]:
    """Give the empty cells of ``columns`` (text) the last value above them, over the borders of tables."""
    last: dict[str, pa.Scalar] = {}
    for table in tables:
        for place, name in enumerate(table.column_names):
            if name not in columns or not table.num_rows:
                continue
            filled = _filled(table.column(name), last.get(name))
            last[name] = filled[-1]
            table = table.set_column(place, name, filled)  # noqa: PLW2901 (column by column)
        yield table


def _filled(column: pa.ChunkedArray, above: pa.Scalar | None) -> pa.Array:
    whole = pa.concat_arrays(column.chunks)
    empty = pc.equal(pc.utf8_trim_whitespace(whole), "")
    values = pc.if_else(empty, pa.scalar(None, pa.string()), whole)
    if above is not None:
        values = pa.concat_arrays([pa.array([above.as_py()], pa.string()), values])
        return pc.fill_null_forward(values).slice(1)
    return pc.fill_null_forward(values)
