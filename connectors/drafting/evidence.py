"""Evidence that a column feeds an item: what it is called, and what its values are."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from connectors.cleaning import cleaned, identifier_form
from connectors.dates import to_dates
from connectors.drafting.initials import initials
from schemas.code_sets import code_set
from schemas.identifiers import valid_mask
from schemas.resource import Item, ItemType, Resource

TELLING = frozenset({"citizen_number", "credit_code", "organisation_code", "mobile_phone"})
"""Identifiers that few other values look like."""
PERSONAL = ("citizen_number", "mobile_phone")
"""Identifiers that are a person's, whatever the column is called."""

EXACT, VARIANT, PERHAPS, WITHIN = 1.0, 0.95, 0.7, 0.6
"""How far a name is the item's: one of its names; one that writers put for it; one that often means something else; a part of it."""
_INITIALS = {1: 0.0, 2: 0.7, 3: 0.85}
_ALIKE = 0.75
_LONG = 4
_NUMBER = r"^[+-]?[\d,，]*\.?\d+(?:[eE][+-]?\d+)?$"
_NUMBERS = (ItemType.NUMERIC, ItemType.MONEY, ItemType.DOUBLE, ItemType.FLOAT, ItemType.INTEGER)
_CHINESE = re.compile(r"^[\u3400-\u9fff]+$")
_FITTING_LENGTH = 0.8
_SHARED_PREFIX = 0.6


@cache
def _told() -> Mapping[str, Any]:
    text = (resources.files("connectors.drafting") / "synonyms.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = yaml.safe_load(text)
    return found


def plain(name: str) -> str:
    """Return a name without what writers add to it: case, blanks, signs, and what stands in brackets."""
    bare = re.sub(r"[（(\[【].*?[)）\]】]", "", name) or name
    return re.sub(r"[\s_\-.·:：*/@]+", "", bare).casefold()


def prefix_of(columns: Sequence[str]) -> str:
    """Return the prefix, up to an underscore, that most columns share, as ``CF_`` in tables of penalties; empty without one."""
    first = Counter(name.partition("_")[0] for name in columns if "_" in name[1:])
    most, count = first.most_common(1)[0] if first else ("", 0)
    return f"{most}_" if count >= max(2, _SHARED_PREFIX * len(columns)) else ""


def named(resource: Resource, item: Item, names: Sequence[str]) -> float:
    """Return how far one of a column's names is the item's: ``EXACT`` for one of its own, less for one like it, else 0."""
    return max((_likeness(plain(name), resource.code, item) for name in names), default=0.0)


def marks(use: str, column: str) -> bool:
    """Whether a column's name is one of those that ``row_id`` or ``changed`` columns have."""
    names = {plain(name) for name in _told()["any"][use]}
    bare = plain(column)
    return bare in names or (use == "row_id" and bare.endswith(("id", "编号", "号码", "流水号")))


@lru_cache(maxsize=65_536)
def _likeness(column: str, resource: str, item: Item) -> float:
    known = _names(resource, item)
    if column in known:
        return known[column]
    canonical = _canonical(column)
    if canonical != column and canonical in known:
        return min(known[canonical], VARIANT)
    own = [name for name, worth in known.items() if worth >= VARIANT]
    if any(_is_within(name, column) for name in own):
        return WITHIN
    long = [
        name for name in own if min(len(name), len(column)) >= _LONG
    ]  # of short names one sign makes another word
    best = max((_ratio(column, name) for name in long), default=0.0)
    return 0.7 * best if best >= _ALIKE else 0.0


def _ratio(one: str, other: str) -> float:
    matcher = difflib.SequenceMatcher(None, one, other)
    return (
        matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE else 0.0
    )


@cache
def _names(resource: str, item: Item) -> Mapping[str, float]:
    """Return everything that the item is called, and how much each name is worth."""
    told = _told()
    own = [item.name, item.title, *told["names"].get(resource, {}).get(item.name, ())]
    weak = [plain(name) for name in told["perhaps"].get(resource, {}).get(item.name, ())]
    found: dict[str, float] = {}
    for name in map(plain, own):
        found.update(dict.fromkeys(_variants(name), VARIANT))
    for name in list(found):
        letters = initials(name) if _CHINESE.match(name) else None
        if letters:
            found[letters] = max(found.get(letters, 0.0), _INITIALS.get(len(letters), VARIANT))
    found.update(dict.fromkeys(map(plain, own), EXACT))
    found.update(dict.fromkeys((name for name in weak), PERHAPS))
    return found


def _variants(name: str) -> Iterator[str]:
    """Yield the name with words in it put for one another, as writers do."""
    yield _canonical(name)
    for words in _alike():
        for word in words:
            if word in name:
                yield from (name.replace(word, other) for other in words)


def _canonical(name: str) -> str:
    for first, *others in _alike():
        for other in others:
            if name.endswith(other) and not name.endswith(first):
                return name.removesuffix(other) + first
    return name


@cache
def _alike() -> Sequence[Sequence[str]]:
    return [tuple(sorted(words, key=len, reverse=True)) for words in _told()["alike"]]


def _is_within(name: str, column: str) -> bool:
    """Whether the column's name says the item's and more: 死者姓名 is a name."""
    enough = len(name) >= 2 if _CHINESE.match(name) else len(name) >= 6
    return enough and column != name and column.endswith(name)


# ── values ───────────────────────────────────────────────────────────────────────────────────────────


def filled_texts(column: pa.ChunkedArray) -> pa.Array:
    """Return the values that are there, cleaned as the hub cleans them; none of a column that is no text."""
    if pa.types.is_binary(column.type) or pa.types.is_nested(column.type):
        return pa.array([], pa.string())
    values = cleaned(column.cast(pa.string()).combine_chunks())
    return values.filter(pc.and_kleene(pc.is_valid(values), pc.not_equal(values, "")))


def fitting(item: Item, column: pa.ChunkedArray) -> float | None:
    """Return the share of the column's values that could be the item's, None where any text could be or none is there."""
    if item.geometry:
        return float(pa.types.is_binary(column.type))
    if pa.types.is_binary(column.type):
        return 0.0
    values = filled_texts(column)
    if not len(values):
        return None
    if item.identifier:
        return float(valid_mask(item.identifier, identifier_form(values, item.identifier)).mean())
    if item.code_set:
        known = code_set(item.code_set)
        texts = values.to_pylist()
        return sum(text in known or known.code_of(text) is not None for text in texts) / len(texts)
    if item.type in (ItemType.DATE, ItemType.DATETIME):
        return 1 - to_dates(values).null_count / len(values)
    if item.type in _NUMBERS:
        return float(pc.mean(pc.match_substring_regex(values, _NUMBER).cast(pa.float64())).as_py())
    return _short_enough(item, values)


def is_personal(column: pa.ChunkedArray) -> bool:
    """Whether the values are a person's identifiers, whatever the column is called."""
    values = filled_texts(column)
    return bool(len(values)) and any(
        valid_mask(kind, identifier_form(values, kind)).mean() > 0.2 for kind in PERSONAL
    )


def _short_enough(item: Item, values: pa.Array) -> float | None:
    """Tell only where a value is too long for the item too often: any short text may be the item's."""
    if item.length is None:
        return None
    share = float(pc.mean(pc.less_equal(pc.utf8_length(values), item.length).cast(pa.float64())).as_py())
    return share if share < _FITTING_LENGTH else None
