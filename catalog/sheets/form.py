"""Forms (表) as data: what a sheet is called, what its columns are, and what else people call them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.entry_elements import Element
from schemas.faults import Fault

LEFT_OUT = frozenset({"序号", "备注"})
"""Columns that departments add, and nobody reads."""


@dataclass(frozen=True)
class SheetForm:
    """One kind of sheet; ``leads`` are the columns without which no header is one, ``others`` more names for a column,
    ``unread`` columns that may stand there for people."""

    kind: str
    title: str
    columns: Mapping[str, Element]
    leads: tuple[str, ...]
    others: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    def column_of(self, title: str) -> str | None:
        """Return which column is called so, or None; blanks, a mark of what is required and remarks in brackets do not count."""
        bare = "".join(title.split()).strip("*＊").partition("（")[0].partition("(")[0]
        for name, element in self.columns.items():
            if bare in (name, element.title):
                return name
        return self.others.get(bare)

    def header(self, cells: Sequence[str]) -> dict[str, int]:
        """Return which column stands where, if this row is a header: it names all that lead; else nothing."""
        found: dict[str, int] = {}
        for place, title in enumerate(cells):
            name = self.column_of(title) if title else None
            if name is not None:
                found.setdefault(name, place)
        return found if all(name in found for name in self.leads) else {}


@dataclass(frozen=True, slots=True)
class CellFault:
    """One thing that is wrong in a workbook; rows and columns are counted from 1, as its user sees them."""

    sheet: str
    row: int
    column: int
    element: str
    problem: str
    hint: str = ""

    @property
    def cell(self) -> str:
        """The cell's name, e.g. ``C7``."""
        return f"{letters(self.column)}{self.row}"

    def __str__(self) -> str:
        return f"{self.sheet}!{self.cell}: {self.element} {self.problem}." + (
            f" {self.hint}" if self.hint else ""
        )

    def as_dict(self) -> dict[str, str]:
        """Describe the fault for machines."""
        told = {"sheet": self.sheet, "cell": self.cell, "element": self.element, "problem": self.problem}
        return told | ({"hint": self.hint} if self.hint else {})

    @classmethod
    def at(cls, sheet: str, row: int, column: int, fault: Fault) -> "CellFault":
        """Place a fault in a cell."""
        return cls(sheet, row, column, fault.element, fault.problem, fault.hint)


def letters(column: int) -> str:
    """Return the letters of a column, counted from 1: 28 is ``AB``."""
    said = ""
    while column:
        column, place = divmod(column - 1, 26)
        said = chr(ord("A") + place) + said
    return said


def titles(elements: Iterable[Element]) -> str:
    """Name columns by their Chinese titles, for a sentence."""
    return ", ".join(element.title for element in elements)
