"""Writing workbooks: what the catalogue holds, in the forms by which it is read, and copies in which faulty cells are marked.

Rows are written as they come; nothing but the row at hand is held. What a person wrote never becomes a formula or a link.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from catalog.entry_elements import Element, Form
from catalog.sheets.book import MOST_COLUMNS, Book, Found
from catalog.sheets.cell import Cell
from catalog.sheets.form import CellFault, SheetForm
from infra.whole_file import whole_file
from schemas.errors import NotWritten

FAULTS_SHEET = "填报错误"
MOST_COMMENTS = 2_000
_FAULT_TITLES = ("工作表", "单元格", "填报项", "问题", "处理办法")
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
_LAST_CHOICE_ROW = 20_000
_LONGEST_LIST = 255  # characters of a list of choices that a workbook takes
_WIDE, _NARROW = 30, 14
_RED = "#FFC7CE"
_Faults = Mapping[int, Mapping[int, Sequence[CellFault]]]  # by row and column


def write_book(path: Path, forms: Sequence[SheetForm], rows: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    """Write rows, each under the kind of its form, whole or not at all; return how many."""
    import xlsxwriter

    number = 0
    with whole_file(path) as part, xlsxwriter.Workbook(str(part), _OPTIONS) as book:
        sheets = {form.kind: (form, _begun(book, form)) for form in forms}
        below = dict.fromkeys(sheets, 0)
        for kind, told in rows:
            form, sheet = sheets[kind]
            below[kind] += 1
            number += 1
            for place, (name, element) in enumerate(form.columns.items()):
                if (value := told.get(name)) is not None:
                    _write(sheet, below[kind], place, shown(element, value))
    return number


def shown(element: Element, value: Any) -> Any:
    """Return what stands in the cell of an element's value."""
    if element.form is Form.CHOICE:
        return element.title_of(str(value))
    if element.form is Form.FLAG:
        return "是" if value else "否"
    if element.form is Form.CODES:
        return "；".join(value)
    return value.isoformat() if isinstance(value, date) else value


def write_marked(book: Book, found: Sequence[Found], faults: Sequence[CellFault], path: Path) -> None:
    """Write a copy whose faulty cells are coloured and say what is wrong, and a sheet that lists every fault."""
    import xlsxwriter

    with whole_file(path) as part, xlsxwriter.Workbook(str(part), _OPTIONS) as copy:
        wrong = copy.add_format({"bg_color": _RED, "border": 1})
        for one in found:
            sheet = copy.add_worksheet(one.sheet)
            sheet.freeze_panes(one.begins - 1, 0)
            told = _by_row(fault for fault in faults if fault.sheet == one.sheet)
            for number, cells in book.cells(one.sheet, MOST_COLUMNS):
                _copy_row(sheet, number, cells, told.get(number, {}), wrong)
            _comment(sheet, told)
        _list(copy, faults)


def _by_row(faults: Iterable[CellFault]) -> _Faults:
    told: dict[int, dict[int, list[CellFault]]] = {}
    for fault in faults:
        told.setdefault(fault.row, {}).setdefault(fault.column, []).append(fault)
    return told


def _begun(book: Any, form: SheetForm) -> Any:
    sheet, bold = book.add_worksheet(form.title), book.add_format({"bold": True, "text_wrap": True})
    sheet.freeze_panes(1, 1)
    for place, element in enumerate(form.columns.values()):
        sheet.set_column(
            place, place, _WIDE if element.longest >= 200 and element.form is Form.TEXT else _NARROW
        )
        _offer(sheet, place, element)
    for place, element in enumerate(form.columns.values()):
        sheet.write_string(0, place, element.title, bold)
    return sheet


def _offer(sheet: Any, place: int, element: Element) -> None:
    titles = ["是", "否"] if element.form is Form.FLAG else [choice.title for choice in element.choices]
    if titles and len(",".join(titles)) <= _LONGEST_LIST:
        told = {"validate": "list", "source": titles, "error_type": "warning"}
        sheet.data_validation(1, place, _LAST_CHOICE_ROW, place, told)


def _copy_row(sheet: Any, number: int, cells: Sequence[Cell], told: Mapping[int, object], wrong: Any) -> None:
    for place, cell in enumerate(cells):
        if place + 1 in told or cell.text:
            _write(sheet, number - 1, place, cell.value, wrong if place + 1 in told else None)


def _comment(sheet: Any, told: _Faults) -> None:
    places = ((row, column, faults) for row, columns in told.items() for column, faults in columns.items())
    for row, column, faults in islice(places, MOST_COMMENTS):
        words = "\n".join(f"{one.element} {one.problem}. {one.hint}".strip() for one in faults)
        sheet.write_comment(row - 1, column - 1, words, {"x_scale": 2, "y_scale": 1.5})


def _list(book: Any, faults: Sequence[CellFault]) -> None:
    sheet = book.add_worksheet(FAULTS_SHEET)
    sheet.set_column(0, 2, _NARROW)
    sheet.set_column(3, 4, 2 * _WIDE)
    for place, title in enumerate(_FAULT_TITLES):
        sheet.write_string(0, place, title, book.add_format({"bold": True}))
    for number, fault in enumerate(faults, 1):
        for place, told in enumerate((fault.sheet, fault.cell, fault.element, fault.problem, fault.hint)):
            _write(sheet, number, place, told)


def _write(sheet: Any, row: int, column: int, value: Any, form: Any = None) -> None:
    if value is None or value == "":
        sheet.write_blank(row, column, None, form)
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value, form)
    elif isinstance(value, (int, float)):
        sheet.write_number(row, column, value, form)
    else:
        text = value.isoformat() if isinstance(value, (date, datetime)) else str(value)
        if sheet.write_string(row, column, text, form) < 0:
            raise NotWritten(f"Row {row + 1}, column {column + 1} has no room for its text.")
