"""The catalogue entry (目录条目): a resource with every element of the compilation guide.

One that exists is valid: what is wrong with it is told all at once, each fault naming its element. It is written as YAML or JSON in
one plain form, and yields the ``Resource`` by which records are stored, judged and answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from hashlib import sha256
from typing import Any

import orjson
import yaml

from catalog.categories import Category
from catalog.entry_elements import Format, SharingMode, UpdateCycle
from catalog.entry_reading import read_entry
from catalog.entry_rules import faults_of
from schemas.errors import DefinitionError, WrongEntry
from schemas.faults import Fault
from schemas.resource import Item, ItemType, Resource, Sensitivity, Sharing

_ITEM_DEFAULTS = {item.name: item.default for item in fields(Item)}


@dataclass(frozen=True)
class CatalogueEntry:
    """Everything the catalogue says of a resource.

    ``id`` is what it is stored and asked for by, ``code`` what the catalogue issues, None until it has; ``version`` is of this
    content. A ``condition`` states scope and purpose, a ``legal_basis`` the law by which it is not shared.
    """

    id: str
    category: Category
    name: str
    summary: str
    provider: str
    provider_code: str
    format: Format
    sharing: Sharing
    update_cycle: UpdateCycle
    items: tuple[Item, ...] = ()
    name_en: str = ""
    code: str | None = None
    office: str = ""
    condition: str = ""
    legal_basis: str = ""
    mode: SharingMode | None = None
    open: bool = False
    open_condition: str = ""
    published_on: date | None = None
    related: tuple[str, ...] = ()
    library: str = ""
    version: int = 1

    def __post_init__(self) -> None:
        _, faults = _read(self.as_dict())
        if faults:
            raise WrongEntry(self.id, faults)

    @property
    def is_queryable(self) -> bool:
        """Whether it says what records it has: a document, an image or a stream need not."""
        return bool(self.items)

    @property
    def digest(self) -> str:
        """SHA-256 of everything it says, as hexadecimal digits."""
        return sha256(orjson.dumps(self.as_dict(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def as_resource(self) -> Resource:
        """Return the resource that it defines; ``DefinitionError`` where it has no code yet, or no items."""
        if self.code is None or not self.items:
            lacks = "no code yet: it is issued when the entry is submitted" if self.items else "no items"
            raise DefinitionError(f"Entry {self.id} has {lacks}.")
        return Resource(
            code=self.id,
            catalogue_code=self.code,
            title=self.name,
            title_en=self.name_en or self.name,
            provider=self.provider,
            sharing=self.sharing,
            update_cycle=self.update_cycle.value,
            items=self.items,
            version=self.version,
            summary=self.summary,
            condition=self.condition,
            library=self.library,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the plain form, ready for JSON and YAML; what is empty is left out."""
        told: dict[str, Any] = {
            "id": self.id,
            "version": self.version,
            "category": self.category.code,
            "name": self.name,
            "name_en": self.name_en,
            "code": self.code,
            "summary": self.summary,
            "provider": self.provider,
            "office": self.office,
            "provider_code": self.provider_code,
            "format": self.format.value,
            "items": [_item_told(item) for item in self.items],
            "sharing": self.sharing.value,
            "condition": self.condition,
            "legal_basis": self.legal_basis,
            "mode": self.mode.value if self.mode else None,
            "open": self.open,
            "open_condition": self.open_condition,
            "update_cycle": self.update_cycle.value,
            "published_on": self.published_on.isoformat() if self.published_on else None,
            "related": list(self.related),
            "library": self.library,
        }
        return {name: value for name, value in told.items() if value not in (None, "", [])}

    def as_yaml(self) -> str:
        """Return the plain form as YAML."""
        return yaml.safe_dump(self.as_dict(), allow_unicode=True, sort_keys=False, width=140)


def entry_faults(raw: Mapping[str, Any]) -> list[Fault]:
    """Return everything that is wrong with what somebody wrote of an entry."""
    return _read(raw)[1]


def entry_from(raw: Mapping[str, Any]) -> CatalogueEntry:
    """Make an entry from its plain form; ``WrongEntry`` tells everything that is wrong.

    Choices may be written as their names, the guide's numbers or their Chinese words.
    """
    values, faults = _read(raw)
    if faults:
        raise WrongEntry(str(raw.get("id") or raw.get("name") or "(without id)"), faults)
    made = {name: _MADE[name](value) if name in _MADE else value for name, value in values.items()}
    return CatalogueEntry(**made)


def parse_entry(text: str, origin: str = "entry") -> CatalogueEntry:
    """Read an entry from YAML or JSON; ``origin`` names the file in errors."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DefinitionError(f"{origin} is no YAML: {error}.") from error
    if not isinstance(raw, dict):
        raise DefinitionError(
            f"{origin} is no catalogue entry.", hint="An entry is a list of elements, name: value."
        )
    return entry_from(raw)


def entry_of(resource: Resource, provider_code: str, **elements: Any) -> CatalogueEntry:
    """Make an entry of a resource's definition; what the definition does not say is told by ``elements``, else by default."""
    default = CatalogueEntry(
        id=resource.code,
        category=Category(resource.catalogue_code.partition("/")[0]),
        name=resource.title,
        summary=resource.summary or resource.title,
        provider=resource.provider,
        provider_code=provider_code,
        format=Format.DATABASE,
        sharing=resource.sharing,
        update_cycle=UpdateCycle(resource.update_cycle),
        items=resource.items,
        name_en=resource.title_en,
        code=resource.catalogue_code,
        condition=resource.condition,
        legal_basis=elements.pop("legal_basis", ""),
        mode=SharingMode.PLATFORM_INTERFACE,
        library=resource.library,
        version=resource.version,
    )
    return replace(default, **elements)


def _read(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    values, faults = read_entry(raw)
    unread = {
        fault.place for fault in faults
    }  # of which it was said that they cannot be read, not that they are missing
    return values, [*faults, *(fault for fault in faults_of(values) if fault.place not in unread)]


def _item_told(item: Item) -> dict[str, Any]:
    told = {
        name: getattr(item, name)
        for name, default in _ITEM_DEFAULTS.items()
        if getattr(item, name) != default
    }
    if "sensitivity" in told:
        told["sensitivity"] = item.sensitivity.name.lower()
    return told | {"type": item.type.value}


def _item_of(values: Mapping[str, Any]) -> Item:
    told = {**values, "type": ItemType(values["type"])}
    if "sensitivity" in values:
        told["sensitivity"] = Sensitivity[values["sensitivity"].upper()]
    return Item(**told)


_MADE: Mapping[str, Any] = {
    "category": Category,
    "format": Format,
    "sharing": Sharing,
    "mode": SharingMode,
    "update_cycle": UpdateCycle,
    "items": lambda rows: tuple(map(_item_of, rows)),
}
