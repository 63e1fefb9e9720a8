"""Units of numbers: an item's title says its own in brackets, and a column may be in another."""

import re
from decimal import Decimal

from schemas.resource import Item

_UNIT = re.compile(r"[（(]([^）)]+)[）)]\s*$")
_SCALES = {
    ("元", "万元"): Decimal("0.0001"),
    ("亿元", "万元"): Decimal(10000),
    ("公顷", "平方米"): Decimal(10000),
    ("平方公里", "平方米"): Decimal(1000000),
    ("平方米", "平方公里"): Decimal("0.000001"),
    ("公顷", "平方公里"): Decimal("0.01"),
}
_SAME = {
    "㎡": "平方米",
    "m2": "平方米",
    "m²": "平方米",
    "km2": "平方公里",
    "km²": "平方公里",
    "人民币万元": "万元",
    "人民币元": "元",
}


def unit_doubt(item: Item, column: str) -> str:
    """Say what is unsure of the column's unit: that it says none, or another one than the item's; empty where neither is so."""
    wanted, given = _unit(item.title), _unit(column)
    if wanted is None or given == wanted:
        return ""
    if given is None:
        return f"is it in {wanted}?"
    scale = _SCALES.get((given, wanted))
    return (
        f"it is in {given}, so add scale: {scale}"
        if scale
        else f"it is in {given}; which scale makes it {wanted}?"
    )


def scale_of(item: Item, column: str) -> Decimal | None:
    """Return what makes the column's unit the item's, where the column says one that is known."""
    wanted, given = _unit(item.title), _unit(column)
    return _SCALES.get((given, wanted)) if wanted and given else None


def _unit(name: str) -> str | None:
    found = _UNIT.search(name)
    return _SAME.get(found[1].strip(), found[1].strip()) if found else None
