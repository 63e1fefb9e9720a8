"""Information items (信息项): the fields of a resource, each of which checks itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import pyarrow as pa

from schemas.errors import DefinitionError

NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")


class ItemType(StrEnum):
    """Item types of the Compilation Guide, annex: the letter is what a catalogue writes."""

    CHARACTER = "C"
    NUMERIC = "N"
    MONEY = "Y"
    DATE = "D"
    DATETIME = "T"
    LOGICAL = "L"
    MEMO = "M"
    GENERAL = "G"
    DOUBLE = "B"
    INTEGER = "I"
    FLOAT = "F"


class Sensitivity(IntEnum):
    """How much an item may hurt when it leaks; from ``PERSONAL`` upwards it is sealed at rest."""

    OPEN = 0
    INTERNAL = 1
    PERSONAL = 2
    SENSITIVE = 3


_ARROW: Mapping[ItemType, pa.DataType] = {
    ItemType.CHARACTER: pa.string(),
    ItemType.MEMO: pa.string(),
    ItemType.DATE: pa.date32(),
    ItemType.DATETIME: pa.timestamp("us", tz="UTC"),
    ItemType.LOGICAL: pa.bool_(),
    ItemType.GENERAL: pa.binary(),
    ItemType.DOUBLE: pa.float64(),
    ItemType.FLOAT: pa.float64(),
    ItemType.INTEGER: pa.int64(),
}


@dataclass(frozen=True)
class Item:
    """One information item of a resource.

    ``length`` is in characters (C) or digits (N, Y); ``scale`` in digits after the point. ``identifier`` names a
    check of ``schemas.identifiers``, ``code_set`` a table of ``schemas.code_sets``. ``lookup`` items are blind-indexed
    so that records can be asked for by them; ``filterable`` ones, kept in the clear, are indexed in their order, so that records can be
    chosen by a filter on them; ``geometry`` items hold WKB in EPSG:4490.
    """

    name: str
    title: str
    type: ItemType
    length: int | None = None
    scale: int = 0
    key: bool = False
    required: bool = False
    lookup: bool = False
    geometry: bool = False
    filterable: bool = False
    sensitivity: Sensitivity = Sensitivity.INTERNAL
    identifier: str | None = None
    code_set: str | None = None
    mask: str | None = None
    description: str = ""

    def __post_init__(self) -> None:
        if not NAME.match(self.name):
            raise DefinitionError(
                f"Item name {self.name!r} is not lower-case letters, digits and underscores."
            )
        if self.geometry and self.type is not ItemType.GENERAL:
            raise DefinitionError(f"Item {self.name!r} is a geometry, so its type must be G.")
        if self.geometry and self.sealed:
            raise DefinitionError(f"Item {self.name!r} is a geometry and cannot be sealed.")
        if self.filterable and (self.sealed or self.type in (ItemType.GENERAL, ItemType.MEMO)):
            raise DefinitionError(
                f"Item {self.name!r} cannot be filterable: it is sealed, or of a type that has no order."
            )
        if self.key and not self.required:
            raise DefinitionError(f"Item {self.name!r} is the key, so it must be required.")

    @property
    def sealed(self) -> bool:
        """Whether the item is encrypted at rest."""
        return self.sensitivity >= Sensitivity.PERSONAL

    @property
    def arrow_type(self) -> pa.DataType:
        """The item's type in an Arrow table: strings, date32, decimal128, int64, float64, bool, binary."""
        if self.type in (ItemType.NUMERIC, ItemType.MONEY):
            default_scale = 2 if self.type is ItemType.MONEY else 0
            return pa.decimal128(self.length or 18, self.scale or default_scale)
        return _ARROW[self.type]

    def json_schema(self) -> dict[str, Any]:
        """Describe a value as JSON Schema 2020-12; it may be null."""
        described: dict[str, Any] = {"title": self.title}
        if self.geometry:
            return described | {"type": ["object", "null"], "description": "GeoJSON geometry, EPSG:4490"}
        kind = self.type
        if kind is ItemType.LOGICAL:
            return described | {"type": ["boolean", "null"]}
        if kind is ItemType.INTEGER:
            return described | {"type": ["integer", "null"]}
        if kind in (ItemType.DOUBLE, ItemType.FLOAT):
            return described | {"type": ["number", "null"]}
        formats = {ItemType.DATE: "date", ItemType.DATETIME: "date-time"}
        if kind in formats:
            return described | {"type": ["string", "null"], "format": formats[kind]}
        return described | {"type": ["string", "null"]} | ({"maxLength": self.length} if self.length else {})
