"""Catalogue entries as a workbook (目录填报表): one sheet of entries, one of information items, as the guide of 2017 has them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.entry import CatalogueEntry
from catalog.entry_elements import ELEMENTS, ITEM_ELEMENTS, Element
from catalog.sheets.book import Book, Found, Row
from catalog.sheets.form import CellFault, SheetForm
from schemas.faults import Fault

ENTRY, ITEM = "entry", "item"
ENTRY_FORM = SheetForm(
    kind=ENTRY,
    title="信息资源目录",
    columns={name: element for name, element in ELEMENTS.items() if name != "items"},
    leads=("id", "name", "provider"),
    others={
        "资源名称": "name", "资源代码": "code", "资源摘要": "summary", "资源分类": "category", "资源提供方": "provider",
        "资源提供方代码": "provider_code", "资源格式": "format", "共享属性": "sharing", "向社会开放": "open",
    },
)  # fmt: skip
ITEM_FORM = SheetForm(
    kind=ITEM,
    title="信息项",
    columns={ENTRY: Element(ENTRY, "资源标识", required=True, longest=40), **ITEM_ELEMENTS},
    leads=(ENTRY, "title"),
    others={"类型": "type", "长度": "length", "数据项名称": "title"},
    unread=frozenset({"信息资源名称"}),
)
FORMS = (ENTRY_FORM, ITEM_FORM)


@dataclass(frozen=True)
class WrittenEntry:
    """An entry as a workbook tells it, in the plain form, with the places of what it says."""

    raw: Mapping[str, Any]
    row: int
    item_rows: tuple[int, ...]
    faults: tuple[CellFault, ...]
    sheets: tuple[Found, Found]

    def placed(self, faults: Iterable[Fault]) -> list[CellFault]:
        """Return what is wrong, cell by cell: first what cannot be read at all, then ``faults`` in other cells."""
        placed = [self._placed(fault) for fault in faults]
        unread = {(one.sheet, one.cell) for one in self.faults}
        return [*self.faults, *(one for one in placed if (one.sheet, one.cell) not in unread)]

    def _placed(self, fault: Fault) -> CellFault:
        entries, items = self.sheets
        if fault.item is None:
            return CellFault.at(entries.sheet, self.row, entries.column(fault.element), fault)
        row = self.item_rows[fault.item - 1]
        return CellFault.at(items.sheet, row, items.column(fault.element), fault)


@dataclass(frozen=True)
class WrittenEntries:
    """What a workbook tells: its entries, and what is wrong beside them."""

    entries: Sequence[WrittenEntry]
    faults: Sequence[CellFault]
    sheets: tuple[Found, Found]


def read_entries(book: Book, most: int) -> WrittenEntries:
    """Read every entry of a workbook with its items; ``WrongWorkbook`` where a sheet is missing, at most ``most`` rows a sheet."""
    sheets = book.found(ENTRY_FORM), book.found(ITEM_FORM)
    items: dict[str, list[Row]] = {}
    for row in book.rows(sheets[1], most):
        items.setdefault(str(row.values.get(ENTRY, "")), []).append(row)
    entries: list[WrittenEntry] = []
    faults = [*sheets[0].faults, *sheets[1].faults]
    first: dict[str, int] = {}
    for row in book.rows(sheets[0], most):
        id_ = str(row.values.get("id", ""))
        if id_ in first and id_:
            told = Fault("id", f"{id_} stands in row {first[id_]} already")
            faults.append(CellFault.at(sheets[0].sheet, row.number, sheets[0].column("id"), told))
            continue
        first[id_] = row.number
        entries.append(_written(row, items.pop(id_, []) if id_ else [], sheets))
    faults += (fault for rows in items.values() for row in rows for fault in _orphan(row, sheets))
    return WrittenEntries(entries, faults, sheets)


def told_rows(entries: Iterable[CatalogueEntry]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rows of entries and of their items, for ``write_book``."""
    for entry in entries:
        told = entry.as_dict()
        items = told.pop("items", [])
        yield ENTRY, told
        for item in items:
            yield ITEM, {ENTRY: entry.id, **item}


def _written(row: Row, items: Sequence[Row], sheets: tuple[Found, Found]) -> WrittenEntry:
    rows = [{name: value for name, value in item.values.items() if name != ENTRY} for item in items]
    faults = [*row.faults, *(fault for item in items for fault in item.faults)]
    raw = {**row.values, "items": rows}
    return WrittenEntry(raw, row.number, tuple(item.number for item in items), tuple(faults), sheets)


def _orphan(row: Row, sheets: tuple[Found, Found]) -> Iterator[CellFault]:
    """An item of no entry; where its cell could not be read that is what is told."""
    entries, items = sheets
    if any(fault.element == ENTRY for fault in row.faults):
        yield from row.faults
        return
    id_ = row.values.get(ENTRY)
    problem = (
        f"{id_} is of no entry of sheet {entries.sheet}" if id_ else "is not told: of which entry is this?"
    )
    yield CellFault.at(items.sheet, row.number, items.column(ENTRY), Fault(ENTRY, problem))
