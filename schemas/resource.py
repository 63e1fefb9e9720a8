"""Resources and their information items: the vocabulary every room shares.

A resource (信息资源) is a catalogue entry of the Compilation Guide for Government Information Resource
Catalogues (政务信息资源目录编制指南, 2017); an item (信息项) is one of its fields. Both are frozen and check
themselves, so one that exists is valid. They come from YAML and yield the Arrow schema and the JSON Schema
here, the tables in ``base_libraries.storage`` and the expectations in ``quality.suites``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import cache, cached_property
from importlib import resources
from typing import Any

import pyarrow as pa
import yaml

from schemas.errors import DefinitionError, UnknownItem, UnknownResource

CATALOGUE_CODE = re.compile(r"^[123]\d{2}\d{3}[0-9A-Za-z]*/\d+$")
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


class Sharing(StrEnum):
    """Sharing attribute (共享属性), State Council Decree 809, article 14."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not_shared"


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
    so that records can be asked for by them; ``geometry`` items hold WKB in EPSG:4490.
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


@dataclass(frozen=True)
class Resource:
    """A catalogue resource: what it is, who provides it, on which terms, and its items in a fixed order."""

    code: str
    catalogue_code: str
    title: str
    title_en: str
    provider: str
    sharing: Sharing
    update_cycle: str
    items: tuple[Item, ...]
    version: int = 1
    summary: str = ""
    condition: str = ""
    library: str = ""
    _by_name: dict[str, Item] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not NAME.match(self.code):
            raise DefinitionError(
                f"Resource code {self.code!r} is not lower-case letters, digits and underscores."
            )
        if not CATALOGUE_CODE.match(self.catalogue_code):
            raise DefinitionError(
                f"Catalogue code {self.catalogue_code!r} of {self.code} is not of the form 307001002/000017."
            )
        if self.sharing is Sharing.CONDITIONAL and not self.condition:
            raise DefinitionError(
                f"Resource {self.code} is shared on condition but states none (Decree 809, article 15)."
            )
        object.__setattr__(self, "_by_name", {item.name: item for item in self.items})
        if len(self._by_name) != len(self.items):
            raise DefinitionError(f"Resource {self.code} names an item twice.")
        if sum(item.key for item in self.items) != 1:
            raise DefinitionError(f"Resource {self.code} must have exactly one key item.")

    @cached_property
    def key(self) -> Item:
        """The item a record is asked for by."""
        return next(item for item in self.items if item.key)

    @cached_property
    def open_items(self) -> tuple[Item, ...]:
        """Items stored in the clear, in typed columns."""
        return tuple(item for item in self.items if not item.sealed)

    @cached_property
    def sealed_items(self) -> tuple[Item, ...]:
        """Items encrypted at rest, in one sealed part per record."""
        return tuple(item for item in self.items if item.sealed)

    @cached_property
    def lookup_items(self) -> tuple[Item, ...]:
        """Items other than the key that records can be asked for by."""
        return tuple(item for item in self.items if item.lookup)

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """One Arrow field per item, in order; metadata ``title`` holds the Chinese name."""
        return pa.schema([pa.field(i.name, i.arrow_type, metadata={"title": i.title}) for i in self.items])

    def item(self, name: str) -> Item:
        """Return the item of that name, or raise ``UnknownItem``."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownItem(
                f"Resource {self.code} has no item {name!r}.",
                hint=f"Its items are: {', '.join(self._by_name)}.",
                resource=self.code,
            ) from None

    def position(self, name: str) -> int:
        """Return the item's place in the definition, counted from 0."""
        return self._places[self.item(name).name]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {item.name: place for place, item in enumerate(self.items)}

    def json_schema(self) -> dict[str, Any]:
        """Describe one record's data as JSON Schema 2020-12; every item may be null."""
        return {
            "title": self.title_en,
            "description": self.title,
            "type": "object",
            "properties": {item.name: _json_type(item) for item in self.items},
            "additionalProperties": False,
        }


def _json_type(item: Item) -> dict[str, Any]:
    described: dict[str, Any] = {"title": item.title}
    if item.geometry:
        return described | {"type": ["object", "null"], "description": "GeoJSON geometry, EPSG:4490"}
    kind = item.type
    if kind is ItemType.LOGICAL:
        return described | {"type": ["boolean", "null"]}
    if kind is ItemType.INTEGER:
        return described | {"type": ["integer", "null"]}
    if kind in (ItemType.DOUBLE, ItemType.FLOAT):
        return described | {"type": ["number", "null"]}
    formats = {ItemType.DATE: "date", ItemType.DATETIME: "date-time"}
    if kind in formats:
        return described | {"type": ["string", "null"], "format": formats[kind]}
    return described | {"type": ["string", "null"]} | ({"maxLength": item.length} if item.length else {})


def parse_resource(text: str, origin: str = "definition") -> Resource:
    """Read a resource from YAML; ``origin`` names the file in errors."""
    try:
        raw = yaml.safe_load(text)
        items = tuple(_parse_item(item) for item in raw.pop("items"))
        return Resource(items=items, sharing=Sharing(raw.pop("sharing")), **raw)
    except DefinitionError as error:
        raise DefinitionError(f"{origin}: {error.detail}") from None
    except (yaml.YAMLError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise DefinitionError(f"{origin} is not a resource definition: {error}.") from error


def _parse_item(raw: dict[str, Any]) -> Item:
    known = dict(raw)
    known["type"] = ItemType(known["type"])
    if "sensitivity" in known:
        known["sensitivity"] = Sensitivity[known["sensitivity"].upper()]
    return Item(**known)


@cache
def resources_shipped() -> Mapping[str, Resource]:
    """Every resource defined under ``schemas/resources``, by code."""
    folder = resources.files("schemas") / "resources"
    found = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name
    )
    parsed = (parse_resource(file.read_text(encoding="utf-8"), file.name) for file in found)
    return {resource.code: resource for resource in parsed}


def resource_named(code: str) -> Resource:
    """Return the shipped resource of that code, or raise ``UnknownResource``."""
    shipped = resources_shipped()
    if code not in shipped:
        raise UnknownResource(
            f"There is no resource {code!r}.", hint=f"Defined are: {', '.join(shipped)}.", resource=code
        )
    return shipped[code]
