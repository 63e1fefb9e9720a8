"""Masking (脱敏): enough of a value to compare, not enough to copy."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from schemas.resource import Item

HIDDEN = "***"
_DISTRICT = re.compile(r"^.{0,20}?(?:自治县|新区|区|县|市(?!.{0,8}[区县]))")


def _name(value: str) -> str:
    return value[:1] + "*" * max(len(value) - 1, 1)


def _ends(first: int, last: int) -> Callable[[str], str]:
    def mask(value: str) -> str:
        if len(value) <= first + last:
            return HIDDEN
        return value[:first] + "*" * (len(value) - first - last) + value[-last:]

    return mask


def _address(value: str) -> str:
    found = _DISTRICT.match(value)
    return f"{found[0]}{HIDDEN}" if found else HIDDEN


MASKS: Mapping[str, Callable[[str], str]] = {
    "name": _name,
    "citizen_number": _ends(6, 4),
    "phone": _ends(3, 4),
    "address": _address,
}


def _hidden(_value: str) -> str:
    return HIDDEN


def mask_of(item: Item) -> Callable[[Any], Any]:
    """Return what hides the item's value: its own mask, or everything where it has none; null stays null."""
    mask: Callable[[str], str] = MASKS.get(item.mask or "", _hidden)
    return lambda value: None if value is None else mask(str(value))


def example_of(item: Item) -> Callable[[Any], Any]:
    """Return what shows the item's value as an example: sealed items masked, those kept in the clear as they are."""
    if item.sealed:
        return mask_of(item)
    return lambda value: HIDDEN if item.geometry and value is not None else value
