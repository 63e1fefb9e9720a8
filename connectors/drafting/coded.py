"""Coded columns: whether what a column holds is what its item's code set means by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from connectors.drafting.evidence import EXACT, filled_texts
from connectors.drafting.profile import Profile
from schemas.citizen_numbers import sexes
from schemas.code_sets import CodeSet, code_set
from schemas.resource import Item

_HALF = 0.5
_SHORT = 4
_WORD = 8
_AGREEING = 0.9
_TELLING_CODES = 3


@dataclass(frozen=True)
class Coding:
    """What a coded column holds: ``values`` that may be shown, those ``unknown`` to the code set, and a doubt where there is one."""

    values: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    doubt: str = ""


def coding(item: Item, told: Profile, name: float, sample: pa.Table, citizens: str | None) -> Coding:
    """Read the values of a column that may feed a coded item; ``citizens`` is the column with citizen numbers, where there is one.

    Values are shown only where they are codes: of the set for the most part, or short signs, or few words under the item's own name.
    """
    if item.code_set is None:
        return Coding()
    known = code_set(item.code_set)
    values = told.values
    found = [value for value in values if known.code_of(value) is not None]
    if not values:
        return Coding(
            doubt=""
            if _all_known(known, sample[told.column])
            else f"not all its values are of code set {known.name}"
        )
    if not _are_codes(values, found, name):
        return Coding(doubt=f"its values are not those of code set {known.name}")
    unknown = tuple(value for value in values if value not in found)
    if unknown:
        # Where one code is the department's own, the others may be too, whatever they look like.
        own = values if all(value in known for value in found) else unknown
        return Coding(values, own)
    if _is_telling(known, values) or (item.code_set == "sex" and _agrees(sample, told.column, citizens)):
        return Coding(values)
    meant = ", ".join(f"{value} {known.label(str(known.code_of(value)))}" for value in values)
    return Coding(values, doubt=f"does it mean {meant}?")


def _are_codes(values: Sequence[str], found: Sequence[str], name: float) -> bool:
    if len(found) >= _HALF * len(values) or all(value.isascii() and len(value) <= _SHORT for value in values):
        return True
    return name >= EXACT and bool(found) and all(len(value) <= _WORD for value in values)


def _is_telling(known: CodeSet, values: Sequence[str]) -> bool:
    """Whether the values can hardly be another's codes: words, or several codes of more than one sign."""
    if any(value not in known for value in values):
        return True
    return all(len(value) > 1 for value in values) and len(values) >= _TELLING_CODES


def _agrees(sample: pa.Table, column: str, citizens: str | None) -> bool:
    """Whether the column says of sex what the citizen numbers beside it do: whose 17th digit tells it (GB 11643)."""
    if citizens is None:
        return False
    told = sexes(sample[citizens].cast(pa.string()).combine_chunks()).to_pylist()
    known = code_set("sex")
    said = [known.code_of(value or "") for value in sample[column].cast(pa.string()).to_pylist()]
    both = [one == other for one, other in zip(said, told, strict=True) if other and one]
    return bool(both) and sum(both) >= _AGREEING * len(both)


def _all_known(known: CodeSet, column: pa.ChunkedArray) -> bool:
    """Whether of many different values, as those of industries, each for itself is of the set and more than one sign."""
    texts = filled_texts(column).to_pylist()
    good = sum(known.code_of(text) is not None and (text not in known or len(text) > 1) for text in texts)
    return bool(texts) and good >= _AGREEING * len(texts)


def meanings(name: str) -> Mapping[str, str]:
    """Return the codes of a set with their labels."""
    return code_set(name).entries
