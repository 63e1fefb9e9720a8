"""Keys that are joined of several columns, and required items that no column feeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from connectors.drafting.evidence import prefix_of
from connectors.look import Look
from schemas.code_sets import code_set
from schemas.resource import Item, Resource

_JOIN = ":"


class Chosen(Protocol):
    """An item's choice."""

    @property
    def column(self) -> str:
        """The column proposed."""


@dataclass(frozen=True)
class Constant:
    """A required item that no column feeds: the one code that all rows may have, the word that hints at it, and whether it is so."""

    item: Item
    code: str = ""
    word: str = ""
    decided: bool = False


@dataclass(frozen=True)
class Joined:
    """A key of several parts, as its item describes it: each part an item and its column, None where no column feeds it."""

    item: Item
    parts: tuple[tuple[Item, str | None], ...]
    join: str = _JOIN

    @property
    def complete(self) -> bool:
        """Whether every part that is no code of its own has a column."""
        return all(column or item.code_set for item, column in self.parts)


def joined_key(resource: Resource, columns: Mapping[str, str]) -> Joined | None:
    """Return the key's parts where its description names them by their titles (``信用类别:文书号:机关代码``) and no column is the key."""
    key = resource.key
    words = key.description.split(_JOIN)
    if key.name in columns or len(words) < 2:
        return None
    items = [next((item for item in resource.items if item.title.endswith(word)), None) for word in words]
    parts = tuple((item, columns.get(item.name)) for item in items if item is not None)
    found = Joined(key, parts)
    return found if len(parts) == len(words) and found.complete else None


def constants(resource: Resource, choices: Mapping[str, Chosen], look: Look) -> dict[str, Constant]:
    """Return the required items without a column, but for the key; of coded ones the code that title or prefix hint at."""
    lacking = [item for item in resource.items if item.required and not item.key and item.name not in choices]
    return {item.name: _hinted(item, look) for item in lacking}


def _hinted(item: Item, look: Look) -> Constant:
    if item.code_set is None:
        return Constant(item)
    known = code_set(item.code_set)
    prefix = prefix_of(look.sample.column_names).rstrip("_")
    if code := known.code_of(prefix):
        return Constant(item, code, prefix)
    for word, code in known.words.items():
        if len(word) > 1 and not word.isascii() and word in look.title:
            return Constant(item, code, word)
    return Constant(item)
