"""Merged cells of a sheet: a value that spans rows is each row's."""

from collections.abc import Iterator, Sequence
from typing import Any

from python_calamine import CalamineSheet


def unmerged(sheet: CalamineSheet, places: Sequence[int]) -> Iterator[list[Any]]:
    """Yield the sheet's rows, the value of a merged cell in every row it spans, in the columns at ``places``.

    Only xlsx and xls tell which cells are merged; what spans columns stays in the first.
    """
    ends = _ends(sheet, places)
    if not ends:
        yield from sheet.iter_rows()
        return
    held: dict[int, tuple[Any, int]] = {}
    for number, row in enumerate(sheet.iter_rows()):
        for place in places:
            if place >= len(row):
                continue
            if (number, place) in ends:
                held[place] = (row[place], ends[number, place])
            elif place in held and number <= held[place][1]:
                row[place] = held[place][0]
        yield row


def _ends(sheet: CalamineSheet, places: Sequence[int]) -> dict[tuple[int, int], int]:
    """The last row of each cell that spans rows, by its first row and its column."""
    ranges = sheet.merged_cell_ranges or []
    return {(top, left): bottom for (top, left), (bottom, _) in ranges if bottom > top and left in places}
