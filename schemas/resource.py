"""Resources and their information items: the vocabulary every room shares.

A resource (信息资源) is a catalogue entry of the Compilation Guide for Government Information Resource
Catalogues (政务信息资源目录编制指南, 2017); an item (信息项) is one of its fields. Both are frozen and check
themselves, so one that exists is valid. They come from YAML and yield the Arrow schema and the JSON Schema
here, the tables in ``base_libraries.storage`` and the expectations in ``quality.suites``. Those that are shipped are known
everywhere; those that departments publish are resolved by what the composition root gives ``resolve_published_by``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from typing import Any, Protocol

import pyarrow as pa
import yaml

from schemas.errors import DefinitionError, ResourceWithdrawn, UnknownItem, UnknownResource
from schemas.item import NAME, Item, ItemType, Sensitivity

__all__ = [
    "NAME",
    "RESOURCES",
    "Item",
    "ItemType",
    "Published",
    "Resource",
    "Resources",
    "Sensitivity",
    "Sharing",
    "parse_resource",
    "published_resolver",
    "resolve_published_by",
    "resource_named",
    "resource_of",
    "resources_shipped",
]

CATALOGUE_CODE = re.compile(r"^[123]\d{2}\d{3}[0-9A-Za-z]*/\d+$")


class Sharing(StrEnum):
    """Sharing attribute (共享属性), State Council Decree 809, article 14."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not_shared"


@dataclass(frozen=True)
class Resource:
    """A catalogue resource: what it is, who provides it, on which terms, and its items in a fixed order.

    ``layout`` names the items by their place in what is stored of every record, those of earlier versions too: no definition
    states it, publication does. ``withdrawn`` is one that is no longer shared, though what was said of it is kept.
    """

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
    layout: tuple[str, ...] = ()
    withdrawn: bool = False
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
        if not self.layout:
            object.__setattr__(self, "layout", tuple(self._by_name))

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

    @cached_property
    def filterable_items(self) -> tuple[Item, ...]:
        """Items that records are indexed by in their order."""
        return tuple(item for item in self.items if item.filterable)

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
        """Return the item's place in the layout, counted from 0: the definition's order, for a first version."""
        return self._places[self.item(name).name]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.layout)}

    def check_in_use(self) -> None:
        """Raise ``ResourceWithdrawn`` where the resource is no longer shared."""
        if self.withdrawn:
            raise ResourceWithdrawn(
                f"Resource {self.code} is withdrawn: nothing is read of it and nothing taken in.",
                hint="What it held is kept; a new version puts it back.",
                resource=self.code,
            )

    def json_schema(self) -> dict[str, Any]:
        """Describe one record's data as JSON Schema 2020-12; every item may be null."""
        return {
            "title": self.title_en,
            "description": self.title,
            "type": "object",
            "properties": {item.name: item.json_schema() for item in self.items},
            "additionalProperties": False,
        }


def parse_resource(text: str, origin: str = "definition") -> Resource:
    """Read a resource from YAML; ``origin`` names the file in errors."""
    try:
        return resource_of(yaml.safe_load(text))
    except DefinitionError as error:
        raise DefinitionError(f"{origin}: {error.detail}") from None
    except (yaml.YAMLError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise DefinitionError(f"{origin} is not a resource definition: {error}.") from error


def resource_of(raw: Mapping[str, Any]) -> Resource:
    """Make a resource from the fields of its definition; raises what Python does where they are not such."""
    told = dict(raw)
    items = tuple(_parse_item(item) for item in told.pop("items"))
    if stated := sorted(told.keys() & {"layout", "withdrawn"}):
        raise DefinitionError(f"field {stated[0]!r} is not a definition's to state.")
    return Resource(items=items, sharing=Sharing(told.pop("sharing")), **told)


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


class Published(Protocol):
    """Finds the resources that departments have published; safe between threads."""

    @property
    def held(self) -> Mapping[str, Resource]:
        """The newest version in force of each, by code, as far as this process has heard."""
        ...

    def named(self, code: str) -> Resource | None:
        """Return one of them, asking anew where it was not heard of; None where it is not published."""
        ...


_published: list[Published] = []


def resolve_published_by(resolver: Published | None) -> None:
    """Let published resources be known from now on, in this process; ``None`` where none are any more."""
    _published[:] = [resolver] if resolver else []


def published_resolver() -> Published | None:
    """Return what resolves published resources in this process, if anything does."""
    return _published[-1] if _published else None


class Resources(Mapping[str, Resource]):
    """Every resource that is known, shipped or published, by code: a view that grows as they are published."""

    def __getitem__(self, code: str) -> Resource:
        shipped = resources_shipped().get(code)
        resolver = published_resolver()
        if resolver is None:
            return resources_shipped()[code]
        found = resolver.held.get(code) or (None if shipped else resolver.named(code))
        if found is None or (shipped and shipped.version > found.version):
            return resources_shipped()[code]
        return found

    def __iter__(self) -> Iterator[str]:
        resolver = published_resolver()
        yield from dict.fromkeys((*resources_shipped(), *(resolver.held if resolver else ())))

    def __len__(self) -> int:
        return sum(1 for _ in self)


RESOURCES = Resources()


def resource_named(code: str) -> Resource:
    """Return the resource of that code, shipped or published, or raise ``UnknownResource``."""
    try:
        return RESOURCES[code]
    except KeyError:
        raise UnknownResource(
            f"There is no resource {code!r}.", hint=f"Defined are: {', '.join(RESOURCES)}.", resource=code
        ) from None
