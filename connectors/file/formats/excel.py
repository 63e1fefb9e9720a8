"""Excel workbooks (xlsx, xlsm, xlsb, xls, ods). One sheet is held in memory; its rows are handed on in batches."""

from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, ZipError

from connectors.file.formats.headers import SEARCHED_ROWS, Header, match, missing, require_unambiguous
from connectors.source import Source
from schemas.errors import DefinitionError, TruncatedFile, WrongFormat

_ZIP = b"PK\x03\x04"
_END_OF_ZIP = b"PK\x05\x06"
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")
_SECTOR = 512


def read_workbook(path: Path, source: Source, rows: int) -> Iterator[pa.Table]:
    """Find the row that names the needed columns, below any title rows, and hand on what is below it as strings.

    ``options.sheet`` names the sheet (or its number from 1); without it the first sheet with such a row is taken.
    Rows without a single value are left out.
    """
    workbook = _open(path, source)
    with workbook:
        sheet, header = _find(workbook, path, source)
        body = islice(_values(sheet), header.row + 1, None)
        while part := list(islice(body, rows)):
            yield _table(part, header)


def _values(sheet: CalamineSheet) -> Iterator[list[Any]]:
    return iter(sheet.iter_rows())


def _open(path: Path, source: Source) -> CalamineWorkbook:
    place = f"Source {source.code}, file {path.name}"
    context = {"source": source.code, "file": path.name}
    _refuse_cut_file(path, place, source)
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        hint = "Ask the department for it without a password."
        raise WrongFormat(f"{place} is a workbook under a password.", hint=hint, **context) from None
    except (CalamineError, ZipError, OSError, ValueError):
        raise WrongFormat(f"{place} is not a workbook of Excel.", **context) from None


def _refuse_cut_file(path: Path, place: str, source: Source) -> None:
    """A workbook is a ZIP, whose directory is at its end, or a compound file of whole sectors."""
    with path.open("rb") as file:
        head = file.read(8)
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557))  # the longest end record: 22 bytes and a comment of 65,535
        end = file.read()
    cut = head.startswith(_ZIP) and _END_OF_ZIP not in end
    cut |= head.startswith(_COMPOUND) and size % _SECTOR != 0
    if cut or not head:
        raise TruncatedFile(
            f"{place} ends before the workbook does.",
            hint="Ask the department to deliver the file again.",
            source=source.code,
            file=path.name,
        )


def _find(workbook: CalamineWorkbook, path: Path, source: Source) -> tuple[CalamineSheet, Header]:
    best, lacking = -1, list(source.columns)
    for name in _sheet_names(workbook, path, source):
        sheet = _sheet(workbook, name, path, source)
        rows = list(islice(_values(sheet), SEARCHED_ROWS))
        header, named, without = match(rows, source)
        if header:
            return sheet, require_unambiguous(header, rows[header.row], path, source)
        if named > best:
            best, lacking = named, without
    raise missing(lacking, source, f"file {path.name}")


def _sheet_names(workbook: CalamineWorkbook, path: Path, source: Source) -> list[str]:
    names = list(workbook.sheet_names)
    wanted = source.option("sheet")
    if wanted is None:
        return names
    if isinstance(wanted, int) and 1 <= wanted <= len(names):
        return [names[wanted - 1]]
    if wanted in names:
        return [str(wanted)]
    if not isinstance(wanted, str | int):
        raise DefinitionError(f"Source {source.code}: options.sheet is neither a name nor a number from 1.")
    raise WrongFormat(
        f"Source {source.code}, file {path.name}: there is no sheet {wanted!r}.",
        source=source.code,
        file=path.name,
    )


def _sheet(workbook: CalamineWorkbook, name: str, path: Path, source: Source) -> CalamineSheet:
    try:
        return workbook.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError):
        raise WrongFormat(
            f"Source {source.code}, file {path.name}: sheet {name!r} is broken.",
            source=source.code,
            file=path.name,
        ) from None


def _table(rows: list[list[Any]], header: Header) -> pa.Table:
    kept = [row for row in rows if any(cell != "" and cell is not None for cell in row)]
    return pa.table(
        {
            column: pa.array([_text(row[place]) if place < len(row) else "" for row in kept], pa.string())
            for column, place in header.positions.items()
        }
    )


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
