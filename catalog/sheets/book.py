"""Reading a workbook sheet by sheet, row by row: nothing is held but the row at hand.

Columns are found by name, below whatever titles stand above. Formulas are not read, for nobody knows what they will say elsewhere. Of
merged cells the top left one's value counts for each row of its column; one that spans columns says nothing there.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from itertools import takewhile
from pathlib import Path
from typing import Any

from catalog.sheets.form import LEFT_OUT, CellFault, SheetForm, titles
from catalog.sheets.package import BROKEN, look_over
from schemas.errors import WorkbookTooLarge, WrongWorkbook

MOST_COLUMNS = 100
_LOWEST_HEADER = 30
_LAST_ROW = 1_048_576  # of a sheet
_EXACT = 10**15  # digits of a number beyond which a workbook does not hold them
_UNREADABLE = (
    *BROKEN,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    SyntaxError,
)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_RANGE = re.compile(r"([A-Z]+)(\d+):([A-Z]+)(\d+)")


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell; ``problem`` says why it cannot be taken."""

    value: Any = None
    problem: str = ""
    hint: str = ""

    @property
    def text(self) -> str:
        """What a person reads in it."""
        return "" if self.value is None else str(self.value).strip()


_EMPTY = Cell()


@dataclass(frozen=True)
class Found:
    """A sheet of a form: where its columns stand, counted from 0, and in which row, counted from 1, data begins."""

    form: SheetForm
    sheet: str
    places: Mapping[str, int]
    begins: int
    faults: tuple[CellFault, ...] = ()

    def column(self, name: str) -> int:
        """Return the column of an element, counted from 1; that of the first leading one where it has none."""
        return self.places.get(name, self.places[self.form.leads[0]]) + 1


@dataclass(frozen=True)
class Row:
    """A row with something in it: what its columns hold, by name, and what is wrong in its cells."""

    number: int
    values: Mapping[str, Any]
    faults: Sequence[CellFault] = field(default_factory=tuple)


class Book:
    """A workbook that was looked over, open for reading."""

    def __init__(self, path: Path, workbook: Any, merged: Mapping[str, tuple[str, ...]]) -> None:
        self.path, self._workbook = path, workbook
        self._merged = {sheet.title: merged.get(_part(sheet), ()) for sheet in workbook.worksheets}

    @property
    def sheets(self) -> Sequence[str]:
        """Names of its sheets."""
        return [sheet.title for sheet in self._workbook.worksheets]

    def find(self, form: SheetForm) -> Found | None:
        """Return the sheet of a form, or None; of several the one that is called so, else ``WrongWorkbook``."""
        found = [one for name in self.sheets if (one := self._header(name, form))]
        if len(found) > 1:
            named = [one for one in found if one.sheet == form.title]
            if not named:
                raise WrongWorkbook(
                    f"{self.path.name} has several sheets like {form.title}: {', '.join(one.sheet for one in found)}.",
                    hint=f"Call the right one {form.title}, or leave the others out.",
                )
            found = named
        return found[0] if found else None

    def found(self, form: SheetForm) -> Found:
        """Return the sheet of a form; ``WrongWorkbook`` where there is none, with what its header has to name."""
        if one := self.find(form):
            return one
        raise WrongWorkbook(
            f"{self.path.name} has no sheet {form.title}; it has {', '.join(self.sheets)}.",
            hint=f"In one of its first {_LOWEST_HEADER} rows a sheet names its columns, among them "
            f"{titles(form.columns[name] for name in form.leads)}.",
        )

    def rows(self, found: Found, most: int) -> Iterator[Row]:
        """Yield the rows with something in them; ``WorkbookTooLarge`` at the first beyond ``most``, before what follows is read."""
        number = 0
        for at, cells in self.cells(found.sheet, max(found.places.values()) + 1, found.begins):
            row = _row(found, at, cells)
            if row is None:
                continue
            number += 1
            if number > most:
                raise WorkbookTooLarge(
                    f"{self.path.name}, sheet {found.sheet}, has more than {most:,} rows; nothing was taken.",
                    hint="Divide it, or raise HUB_SHEET_ROWS.",
                )
            yield row

    def cells(self, sheet: str, columns: int, begins: int = 1) -> Iterator[tuple[int, list[Cell]]]:
        """Yield the rows of a sheet that have something in them, with their numbers, merged cells filled."""
        merged, blank = _Merged(self._merged[sheet]), None
        with _reading(self.path):
            rows = self._sheet(sheet).iter_rows(max_col=min(columns, MOST_COLUMNS))
            for number, row in enumerate(rows, 1):
                if number > _LAST_ROW:
                    raise WrongWorkbook(f"{self.path.name}, sheet {sheet}, has a row below the last.")
                if not merged.touches(number) and (row is blank or _is_empty(row)):
                    blank = row  # rows that are not there are all one object: a million of them are passed over at once
                    continue
                cells = merged.filled(number, [_cell(one) for one in row])
                if number >= begins:
                    yield number, cells

    def _header(self, sheet: str, form: SheetForm) -> Found | None:
        tried = takewhile(lambda row: row[0] <= _LOWEST_HEADER, self.cells(sheet, MOST_COLUMNS))
        found: Found | None = None
        for number, cells in tried:
            told = [cell.text for cell in cells]
            places = form.header(told)
            if places and found is None:
                found = Found(
                    form, sheet, places, number + 1, tuple(_strange(form, sheet, number, told, places))
                )
            elif places and found is not None and number == found.begins:
                found = replace(found, begins=number + 1)  # a header of several rows
            elif found is not None:
                break
        return found

    def _sheet(self, name: str) -> Any:
        sheet = self._workbook[name]
        sheet.reset_dimensions()  # many programs state wrong ones
        return sheet


@contextmanager
def opened_book(path: Path) -> Iterator[Book]:
    """Open a workbook (.xlsx, .xlsm; macros are never run); ``WrongWorkbook`` or ``WorkbookTooLarge`` where it is not read."""
    from openpyxl import load_workbook

    looked = look_over(path)
    # of what it does not know in styles and extensions it warns, and of dates with what stands in their cells
    warnings.filterwarnings("ignore", module="openpyxl")
    with _reading(path):
        workbook = load_workbook(path, read_only=True, keep_links=False)
    try:
        yield Book(path, workbook, looked.merged)
    finally:
        workbook.close()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE:
        raise WrongWorkbook(f"{path.name} is no workbook that can be read.", hint="Save it anew.") from None


def _part(sheet: Any) -> str:
    return str(sheet._worksheet_path).lstrip("/")


def _cell(read: Any) -> Cell:
    if read.value is None:
        return _EMPTY
    if read.data_type == "f":
        return Cell(
            _formula(read.value), "is a formula, which is not read", "Write the value instead of the formula."
        )
    if read.data_type == "e":
        return Cell(read.value, f"is an error of the workbook, {read.value}")
    value = read.value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) >= _EXACT:
        return Cell(
            value,
            "was written as a number, whose last digits are lost",
            "Format the cell as text, write it anew.",
        )
    return Cell(_plain(value))


def _is_empty(row: Sequence[Any]) -> bool:
    return all(one.value is None for one in row)


def _formula(value: Any) -> str:
    return str(getattr(value, "text", value))


def _plain(value: Any) -> Any:
    """Whole numbers are kept as such, days without their midnight, texts without the escapes of a workbook."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime) and value.time() == time():
        return value.date()
    if isinstance(value, str):
        return (_ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if "_x" in value else value).strip()
    return value


def _row(found: Found, number: int, cells: Sequence[Cell]) -> Row | None:
    values: dict[str, Any] = {}
    faults: list[CellFault] = []
    for name, place in found.places.items():
        cell = cells[place] if place < len(cells) else _EMPTY
        if cell.problem:
            faults.append(CellFault(found.sheet, number, place + 1, name, cell.problem, cell.hint))
        elif cell.text:
            values[name] = cell.value
    return Row(number, values, faults) if values or faults else None


def _strange(
    form: SheetForm, sheet: str, row: int, told: Sequence[str], places: Mapping[str, int]
) -> Iterator[CellFault]:
    for place, title in enumerate(told):
        if not title or title in LEFT_OUT | form.unread or place in places.values():
            continue
        again = form.column_of(title)
        problem = f"is the column {form.columns[again].title} again" if again else "is no column of this form"
        yield CellFault(
            sheet,
            row,
            place + 1,
            title,
            problem,
            "" if again else f"Columns are: {titles(form.columns.values())}.",
        )


class _Merged:
    """The merged ranges of a sheet, as its rows come by from the top."""

    def __init__(self, ranges: Sequence[str]) -> None:
        self._by_top: dict[int, list[_Range]] = {}
        for one in map(_bounds, ranges):
            self._by_top.setdefault(one.top, []).append(one)
        self._open: list[tuple[_Range, Cell]] = []

    def touches(self, number: int) -> bool:
        """Whether a merged range may say something of a row."""
        return bool(self._open) or number in self._by_top

    def filled(self, number: int, cells: list[Cell]) -> list[Cell]:
        """Return a row with what merged cells say of it."""
        self._open = [held for held in self._open if held[0].bottom >= number]
        for one in self._by_top.get(number, ()):
            if one.left <= len(cells):
                self._open.append((one, _spread(one, cells[one.left - 1])))
        for one, cell in self._open:
            for place in range(one.left - 1, min(one.right, len(cells))):
                cells[place] = cell
        return cells


@dataclass(frozen=True, slots=True)
class _Range:
    left: int
    top: int
    right: int
    bottom: int


def _spread(one: _Range, cell: Cell) -> Cell:
    if one.left == one.right or cell.problem or not cell.text:
        return cell
    return Cell(
        cell.value, "is merged across columns", "Undo the merging; write in each cell what belongs there."
    )


def _bounds(told: str) -> _Range:
    found = _RANGE.fullmatch(told)
    assert found is not None
    return _Range(_column(found[1]), int(found[2]), _column(found[3]), int(found[4]))


def _column(told: str) -> int:
    number = 0
    for letter in told:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
