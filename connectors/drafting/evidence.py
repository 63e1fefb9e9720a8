"""Evidence that a column feeds an item: what it is called, and what its values are."""

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from connectors.cleaning import cleaned, identifier_form
from connectors.dates import to_dates
from schemas.code_sets import code_set
from schemas.identifiers import valid_mask
from schemas.resource import Item, ItemType

TELLING = frozenset({"citizen_number", "credit_code", "organisation_code", "mobile_phone"})
"""Identifiers that few other values look like."""
_ALIKE = 0.75
_NUMBER = r"^[+-]?[\d,，]*\.?\d+(?:[eE][+-]?\d+)?$"
_NUMBERS = (ItemType.NUMERIC, ItemType.MONEY, ItemType.DOUBLE, ItemType.FLOAT, ItemType.INTEGER)


@cache
def _synonyms() -> Mapping[str, Mapping[str, Sequence[str]]]:
    text = (resources.files("connectors.drafting") / "synonyms.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, Sequence[str]]] = yaml.safe_load(text)
    return found


def plain(name: str) -> str:
    """Return a name without what writers add to it: case, blanks, signs, and what stands in brackets."""
    bare = re.sub(r"[（(\[【].*?[)）\]】]", "", name) or name
    return re.sub(r"[\s_\-.·:：*/]+", "", bare).casefold()


def named(resource: str, item: Item, column: str) -> float:
    """Return how far the column's name is one of the item's: 1 for one of them, less for one much alike, else 0."""
    names = {
        plain(name) for name in (item.name, item.title, *_synonyms().get(resource, {}).get(item.name, ()))
    }
    return _likeness(plain(column), names)


def marks(use: str, column: str) -> bool:
    """Whether a column's name is one of those that ``row_id`` or ``changed`` columns have."""
    names = {plain(name) for name in _synonyms()["any"][use]}
    bare = plain(column)
    return bare in names or (use == "row_id" and bare.endswith(("id", "编号", "号码")))


def _likeness(column: str, names: set[str]) -> float:
    if column in names:
        return 1.0
    best = max((difflib.SequenceMatcher(None, column, name).ratio() for name in names), default=0.0)
    return 0.7 * best if best >= _ALIKE else 0.0


def fitting(item: Item, column: pa.ChunkedArray) -> float | None:
    """Return the share of the column's values that could be the item's, None where any text could be or none is there."""
    if item.geometry:
        return float(pa.types.is_binary(column.type))
    if pa.types.is_binary(column.type):
        return 0.0
    values = cleaned(column.cast(pa.string()).combine_chunks())
    values = values.filter(pc.and_kleene(pc.is_valid(values), pc.not_equal(values, "")))
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
    return None
