"""Merged cells of a sheet: the top left one's value counts for each row of its column; one that spans columns says nothing there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.sheets.cell import Cell

_RANGE = re.compile(r"([A-Z]+)(\d+):([A-Z]+)(\d+)")


class Merged:
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
