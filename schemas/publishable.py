"""What a definition that comes from outside must hold to before it becomes tables, a schema and rules; and its written form.

The shipped definitions keep these rules too, by a test. Every fault is told at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from enum import Enum
from hashlib import sha256
from typing import Any

import orjson

from schemas.code_sets import code_set
from schemas.errors import DefinitionError
from schemas.identifiers import KINDS
from schemas.item import Item, ItemType, Sensitivity
from schemas.masking import MASKS
from schemas.resource import Resource, Sharing
from schemas.update_cycles import cron_of

MOST_ITEMS = 400
LONGEST_TITLE = 200
MOST_DIGITS = 38  # of a decimal128
_TEXT = frozenset({ItemType.CHARACTER, ItemType.MEMO})
_DIGITS = frozenset({ItemType.NUMERIC, ItemType.MONEY})
_OF_POSTGRESQL = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


def check_publishable(resource: Resource) -> None:
    """Raise ``DefinitionError`` that names everything for which the definition cannot be published."""
    faults = [*_of_resource(resource), *(fault for item in resource.items for fault in _of_item(item))]
    if faults:
        raise DefinitionError(
            f"Resource {resource.code} cannot be published: {'; '.join(faults)}.",
            hint="See docs/resources.md.",
            resource=resource.code,
        )


def _of_resource(resource: Resource) -> Iterator[str]:
    for name in ("title", "title_en", "provider", "summary", "condition", "library"):
        value = getattr(resource, name)
        if not isinstance(value, str) or len(value) > (2000 if name == "summary" else LONGEST_TITLE):
            yield f"{name} is no text of at most {LONGEST_TITLE} characters"
    if not isinstance(resource.version, int) or isinstance(resource.version, bool) or resource.version < 1:
        yield "version is not a whole number from 1 up"
    if len(resource.items) > MOST_ITEMS:
        yield f"it has {len(resource.items)} items and may have {MOST_ITEMS}"
    if sum(item.geometry for item in resource.items) > 1:
        yield "it has more than one geometry"
    if resource.sharing is Sharing.NOT_SHARED:
        yield "it is not shared, so nobody could read it"
    try:
        cron_of(resource.update_cycle)
    except (DefinitionError, AttributeError):
        yield "update_cycle is neither a cycle's name nor a cron expression"


def _of_item(item: Item) -> Iterator[str]:
    name = item.name
    if name in _OF_POSTGRESQL:
        yield f"{name} is a name the database keeps for itself"
    if not isinstance(item.title, str) or not 0 < len(item.title) <= LONGEST_TITLE:
        yield f"{name} has no title of at most {LONGEST_TITLE} characters"
    if (item.key or item.lookup) and item.type not in _TEXT:
        yield f"{name} is asked for by its value, so its type must be C"
    if item.type is ItemType.GENERAL and not item.geometry:
        yield f"{name} is of type G and no geometry: files have no place in a record"
    yield from _of_size(item)
    if item.identifier is not None and item.identifier not in KINDS:
        yield f"{name} has an identifier {item.identifier!r} that is unknown"
    if item.mask is not None and item.mask not in MASKS:
        yield f"{name} has a mask {item.mask!r} that is unknown"
    if item.code_set is not None:
        yield from _of_code_set(item)


def _of_size(item: Item) -> Iterator[str]:
    if item.length is not None and not _is_count(item.length, 1):
        yield f"{item.name} has a length that is not a whole number from 1 up"
    elif item.type in _DIGITS and (item.length or 18) > MOST_DIGITS:
        yield f"{item.name} has more than {MOST_DIGITS} digits"
    elif not _is_count(item.scale, 0) or (item.type in _DIGITS and item.scale > (item.length or 18)):
        yield f"{item.name} has a scale that is no number of its digits"


def _of_code_set(item: Item) -> Iterator[str]:
    try:
        code_set(str(item.code_set))
    except DefinitionError as error:
        yield f"{item.name}: {error.detail.rstrip('.')}"


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def written(resource: Resource) -> dict[str, Any]:
    """Return the definition as fields, such as ``resource_of`` reads; what is left to its default is left out."""
    told = {name: value for name, value in _given(resource).items() if name not in ("layout", "withdrawn")}
    return told | {"items": [_given(item) for item in resource.items]}


def digest_of(resource: Resource) -> str:
    """Return the SHA-256 of the written form, in hexadecimal: equal definitions, equal digest."""
    return sha256(orjson.dumps(written(resource), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _given(what: Resource | Item) -> Mapping[str, Any]:
    found = {}
    for one in fields(what):
        value = getattr(what, one.name) if one.init else None
        if one.init and (one.default is MISSING or value != one.default):
            found[one.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Sensitivity):
        return value.name.lower()
    return value.value if isinstance(value, Enum) else value
