"""Reading a workbook sheet by sheet, row by row: nothing is held but the row at hand.

Columns are found by name, below whatever titles stand above. Formulas are not read, for nobody knows what they will say elsewhere. Of
merged cells the top left one's value counts for each row of its column; one that spans columns says nothing there.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from catalog.sheets.cell import EMPTY, Cell, cell_of
from catalog.sheets.form import LEFT_OUT, CellFault, SheetForm, titles
from catalog.sheets.merged import Merged
from catalog.sheets.package import BROKEN, look_over
from schemas.errors import WorkbookTooLarge, WrongWorkbook

MOST_COLUMNS = 100
_LOWEST_HEADER = 30
_LAST_ROW = 1_048_576  # of a sheet
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
        merged, blank = Merged(self._merged[sheet]), None
        with _reading(self.path):
            rows = self._sheet(sheet).iter_rows(max_col=min(columns, MOST_COLUMNS))
            for number, row in enumerate(rows, 1):
                if number > _LAST_ROW:
                    raise WrongWorkbook(f"{self.path.name}, sheet {sheet}, has a row below the last.")
                if not merged.touches(number) and (row is blank or _is_empty(row)):
                    blank = row  # rows that are not there are all one object: a million of them are passed over at once
                    continue
                cells = merged.filled(number, [cell_of(one) for one in row])
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


def _is_empty(row: Sequence[Any]) -> bool:
    return all(one.value is None for one in row)


def _row(found: Found, number: int, cells: Sequence[Cell]) -> Row | None:
    values: dict[str, Any] = {}
    faults: list[CellFault] = []
    for name, place in found.places.items():
        cell = cells[place] if place < len(cells) else EMPTY
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
