"""Workbooks (xlsx, xlsm, xlsb, xls, ods). One sheet is held in memory; its rows are handed on in batches."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineWorkbook

from connectors.file.formats import SHEET, Reading, Wanted
from connectors.file.formats.blocks import blank_rows, filled_down
from connectors.file.formats.headers import Header, asked
from connectors.file.formats.merged import unmerged
from connectors.file.formats.sheets import Found, chosen_sheets, open_workbook
from connectors.file.formats.tail import above_footer, first_filled, has_footer


def read_workbook(path: Path, wanted: Wanted, rows: int) -> Reading:
    """Find the row that names the needed columns, below any title rows, and hand on what is below it as strings.

    ``options.sheet`` names the sheet or sheets; without it the first sheet with the most of the columns is taken. Rows
    without a single value are left out; a merged cell's value counts for each of its rows.
    """
    workbook = open_workbook(path, wanted)
    try:
        found = chosen_sheets(workbook, path, wanted)
    except BaseException:
        workbook.close()
        raise
    shape = {name: kind for sheet in found for name, kind in sheet.header.shape.items()}
    return Reading(shape, _tables(workbook, found, wanted, rows))


def _tables(workbook: CalamineWorkbook, found: list[Found], wanted: Wanted, rows: int) -> Iterator[pa.Table]:
    named = {name for sheet in found for name in sheet.header.positions}
    columns = [name for name in asked(wanted) if name in named]
    with closing(workbook):
        for sheet in found:
            parts = _parts(sheet, columns, wanted, rows)
            for table in filled_down(parts, wanted.option("fill_down")):
                yield _with_sheet(table, sheet.name) if SHEET in wanted.columns else table


def _parts(sheet: Found, columns: list[str], wanted: Wanted, rows: int) -> Iterator[pa.Table]:
    places = sorted(sheet.header.positions.values())
    body = islice(unmerged(sheet.content, places), sheet.header.row + 1, None)
    data = above_footer(body, wanted) if has_footer(wanted) else body
    while part := list(islice(data, rows)):
        table = _table(part, sheet.header, columns)
        blank = blank_rows(table)  # in these columns, if not in all
        if blank is None:
            yield table
            continue
        told = zip(part, blank.to_pylist(), strict=True)
        yield table.filter(pa.array([not empty or first_filled(row) is not None for row, empty in told]))


def _table(rows: list[list[Any]], header: Header, columns: list[str]) -> pa.Table:
    return pa.table({name: _column(rows, header.positions.get(name)) for name in columns})


def _column(rows: list[list[Any]], place: int | None) -> pa.Array:
    if place is None:
        return pa.nulls(len(rows), pa.string())
    cells = [row[place] if place < len(row) else "" for row in rows]
    written = cells if set(map(type, cells)) == {str} else [_text(cell) for cell in cells]
    return pa.array(written, pa.string())


def _with_sheet(table: pa.Table, name: str) -> pa.Table:
    return table.append_column(SHEET, pa.repeat(pa.scalar(name, pa.string()), table.num_rows))


def _text(cell: Any) -> str:
    """Write a cell as a person would read it: Excel keeps whole numbers as floats and days as midnights."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return "" if cell is None else str(cell)
