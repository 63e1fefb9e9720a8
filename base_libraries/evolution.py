"""What a new version of a resource asks of what is stored: a plan, as data, or the reasons why it cannot be done online.

Expand: columns and indexes are added, and nothing of what stands is touched, so that who reads and writes by the old version goes on.
Index: records that were there are indexed by what they can newly be asked by. Contract: what the new version dropped is taken
away, later and on command (``hub.evolving``).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from base_libraries.storage import Tables
from base_libraries.vault import index_kind
from schemas.errors import VersionRefused
from schemas.resource import Item, ItemType, Resource

_DIGITS = frozenset({ItemType.NUMERIC, ItemType.MONEY})
_TEXT = frozenset({ItemType.CHARACTER, ItemType.MEMO})
_KINDS = ("contribution", "golden", "history")
_SAME_COLUMN = {
    (ItemType.CHARACTER, ItemType.MEMO),
    (ItemType.FLOAT, ItemType.DOUBLE),
    (ItemType.MONEY, ItemType.NUMERIC),
}
_SEALED_TOO = {
    (ItemType.INTEGER, ItemType.NUMERIC),
    (ItemType.INTEGER, ItemType.CHARACTER),
    (ItemType.DATE, ItemType.CHARACTER),
}
"""Types whose values are values of the wider one, in the same column; and, for sealed items, whose written text is one."""


@dataclass(frozen=True)
class Plan:
    """How ``new`` comes in force after ``old``: operations of ``library.shape``, and what has to be done to records.

    ``indexed`` are the items by whose old values records are yet to be found, ``dropped`` those that are gone from the definition.
    """

    old: Resource
    new: Resource
    columns: tuple[Mapping[str, Any], ...]
    indexes: tuple[Mapping[str, Any], ...]
    indexed: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def bridge(self) -> Resource:
        """What is written while records are made ready: the old version, indexed as the new one asks."""
        lookups = {item.name for item in self.new.lookup_items}
        items = (replace(item, lookup=item.lookup or item.name in lookups) for item in self.old.items)
        return replace(self.old, items=tuple(items), layout=self.new.layout)


def plan(old: Resource, new: Resource) -> Plan:
    """Return the plan by which ``new`` follows ``old``; ``VersionRefused``, with every reason, where there is none."""
    reasons = list(_reasons(old, new))
    if reasons:
        raise VersionRefused(
            f"Version {new.version} of resource {new.code} cannot follow version {old.version}: {'; '.join(reasons)}.",
            hint="Add an item of another name beside it, or publish another resource.",
            resource=new.code,
        )
    named = {item.name for item in new.items}
    laid = replace(
        new, layout=(*old.layout, *(item.name for item in new.items if item.name not in old.layout))
    )
    before = {item.name for item in old.items}
    asked = {item.name for item in old.lookup_items}
    return Plan(
        old, laid, tuple(_columns(old, laid)), tuple(_indexes(old, laid)),
        tuple(item.name for item in new.lookup_items if item.name in before - asked),
        tuple(item.name for item in old.items if item.name not in named),
    )  # fmt: skip


def _reasons(old: Resource, new: Resource) -> Iterator[str]:
    if new.version <= old.version:
        yield f"the next version is {old.version + 1}"
    if new.key.name != old.key.name:
        yield f"its key is {old.key.name} and every record is bound to that"
    before = {item.name: item for item in old.items}
    for item in new.items:
        if item.name in before:
            yield from (reason for refuses in _REFUSALS if (reason := refuses(new, before[item.name], item)))
        elif item.name in old.layout:
            yield f"{item.name} was dropped before, and what was said of it then would be taken for it"


def _sealing(_resource: Resource, old: Item, new: Item) -> str | None:
    if old.sealed != new.sealed:
        kept = ("in the clear", "sealed")
        return f"{new.name} is kept {kept[old.sealed]} and would have to be kept {kept[new.sealed]}"
    return None


def _type(_resource: Resource, old: Item, new: Item) -> str | None:
    change = (old.type, new.type)
    allowed = _SAME_COLUMN | (_SEALED_TOO if old.sealed else set())
    if old.type is not new.type and change not in allowed:
        return f"{new.name} would change its type from {old.type} to {new.type}"
    return None


def _size(_resource: Resource, old: Item, new: Item) -> str | None:
    if {old.type, new.type} <= _DIGITS:
        was, is_ = old.arrow_type, new.arrow_type
        if is_.scale < was.scale or is_.precision - is_.scale < was.precision - was.scale:
            return f"{new.name} has fewer digits, before or behind the point, than values that are stored"
    elif new.type in _TEXT and new.length is not None and (old.length is None or new.length < old.length):
        return f"{new.name} is shorter than values that are stored"
    return None


def _index(resource: Resource, old: Item, new: Item) -> str | None:
    if (old.key or old.lookup) and index_kind(resource, old) != index_kind(resource, new):
        return f"{new.name} would be indexed otherwise, for its identifier is another"
    return None


_REFUSALS: tuple[Callable[[Resource, Item, Item], str | None], ...] = (_sealing, _type, _size, _index)


def _columns(old: Resource, new: Resource) -> Iterator[Mapping[str, Any]]:
    before, after = Tables(old), Tables(new)
    for name, kind in after.value_columns.items():
        if name not in before.value_columns:
            for table in _KINDS:
                yield {"do": "add", "table": table, "name": name, "type": kind}


def _indexes(old: Resource, new: Resource) -> Iterator[Mapping[str, Any]]:
    there = {operation["suffix"] for operation in Tables(old).indexes()}
    yield from (operation for operation in Tables(new).indexes() if operation["suffix"] not in there)


def leftover_columns(versions: list[Resource]) -> list[str]:
    """Return the columns that an earlier version of a resource has and the last one has not."""
    *earlier, last = versions
    needed = Tables(last).value_columns
    found = dict.fromkeys(name for one in earlier for name in Tables(one).value_columns if name not in needed)
    return list(found)


def leftover_sealed(versions: list[Resource]) -> list[str]:
    """Return the items that are still in sealed parts, though the last version has them no more."""
    *earlier, last = versions
    kept = {item.name for item in last.items}
    return list(
        dict.fromkeys(item.name for one in earlier for item in one.sealed_items if item.name not in kept)
    )


def dropping(columns: list[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the operations that take columns away from every table of records."""
    for name in columns:
        for table in _KINDS:
            yield {"do": "drop", "table": table, "name": name}
