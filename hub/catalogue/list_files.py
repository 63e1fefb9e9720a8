"""The lists as workbooks: read and written by the forms of ``catalog.lists``, all or nothing, every fault in its cell."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from catalog.actor import Actor
from catalog.lists.forms import SupplyList
from catalog.lists.store import MOST_LISTED, Line, Lists
from catalog.sheets.book import Book, Found
from catalog.sheets.form import CellFault
from catalog.sheets.writing import write_book, write_marked
from schemas.errors import HubError, WrongCells, WrongLine
from schemas.faults import Fault


def take_lines(
    connection: Connection, lists: Lists, kind: SupplyList, book: Book, actor: Actor, most: int, marked: Path
) -> Counter[str]:
    """Take every line of a workbook, and count what became of them; ``WrongCells`` where any is wrong, after the marked copy was written."""
    found = book.found(kind.form)
    outcomes: Counter[str] = Counter()
    faults = list(found.faults)
    for row in book.rows(found, most):
        wrong: Sequence[CellFault] = row.faults
        if not wrong:
            try:
                with connection.begin_nested():
                    outcomes[lists.put(kind, row.values, actor)[1]] += 1
            except HubError as error:
                wrong = [_placed(found, row.number, fault) for fault in _faults_of(error)]
        faults += wrong
    if faults:
        write_marked(book, [found], faults, marked)
        raise WrongCells(
            book.path.name,
            faults,
            hint=f"Nothing was taken. Each is marked in {marked}: repair it, and import that.",
        )
    return outcomes


def export_lines(lists: Lists, kind: SupplyList, path: Path) -> int:
    """Write a whole list; return how many lines."""
    return write_book(path, [kind.form], ((kind.kind, line) for line in _every(lists, kind)))


def _every(lists: Lists, kind: SupplyList) -> Iterator[Line]:
    after = ""
    while page := lists.listed(kind, after=after):
        yield from page
        if len(page) < MOST_LISTED:
            return
        after = page[-1]["id"]


def _placed(found: Found, row: int, fault: Fault) -> CellFault:
    return CellFault.at(found.sheet, row, found.column(fault.element), fault)


def _faults_of(error: HubError) -> Sequence[Fault]:
    if isinstance(error, WrongLine):
        return error.faults
    return [Fault("id", f"cannot be taken: {error.detail.rstrip('.')}", error.hint)]


def line_told(line: Line) -> dict[str, Any]:
    """Describe a line for machines."""
    return {name: value for name, value in line.items() if value not in (None, [], "")}
