"""What stands in a cell of a workbook, and why it cannot be taken."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

_EXACT = 10**15  # digits of a number beyond which a workbook does not hold them
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


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


EMPTY = Cell()
"""A cell with nothing in it."""


def cell_of(read: Any) -> Cell:
    """Return what a cell of openpyxl holds, or why it cannot be taken."""
    if read.value is None:
        return EMPTY
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
