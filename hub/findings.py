"""What a look at a source finds amiss, without a value of anybody: why rows would be quarantined, and values without a code."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from connectors import cleaning
from connectors.drafting.profile import SEVERAL, form_of
from connectors.readings import words_understood
from connectors.source import Source
from schemas.resource import Item, Resource

_MOST_VALUES = 20
_LONGEST_WORD = 8
_HALF = 0.5
_EXAMPLES = 3


@dataclass(frozen=True)
class Reason:
    """One reason for which rows would be quarantined: how many, and the commonest forms of what stands there (``9{17}A``)."""

    item: str | None
    rule: str
    reason: str
    rows: int
    examples: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class Uncoded:
    """Values of a coded column that neither its codes nor its code set know, with how often each comes; rare ones as forms."""

    item: str
    column: str
    rows: int
    values: Mapping[str, int]

    def record(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)


def reasons(source: Source, raw: pa.Table, quarantined: pa.Table) -> tuple[Reason, ...]:
    """Count why rows are kept out, the commonest reason first; a row with several reasons counts for each."""
    places = {row: place for place, row in reversed(list(enumerate(raw["_row"].to_pylist())))}
    rows: Counter[tuple[str | None, str, str]] = Counter()
    forms: dict[tuple[str | None, str, str], Counter[str]] = {}
    for row, told in zip(quarantined["_row"].to_pylist(), quarantined["_reasons"].to_pylist(), strict=True):
        for one in told:
            if one["severity"] != "error":
                continue
            why = one["item"], one["rule"], one["reason"]
            rows[why] += 1
            forms.setdefault(why, Counter()).update(_forms(source, raw, one["item"], places.get(row)))
    return tuple(
        Reason(*why, count, tuple(form for form, _ in forms[why].most_common(_EXAMPLES)))
        for why, count in rows.most_common()
    )


def _forms(source: Source, raw: pa.Table, item: str | None, place: int | None) -> Iterator[str]:
    mapped = source.mapping.get(item or "")
    if mapped is None or place is None:
        return
    for column in mapped.source_columns:
        value = raw[column][place].as_py()
        yield "nothing" if value in (None, "") else "…" if isinstance(value, bytes) else form_of(str(value))


def uncoded(source: Source, resource: Resource, raw: pa.Table) -> tuple[Uncoded, ...]:
    """Find the values that have no code."""
    found = []
    for item in resource.items:
        mapped = source.mapping.get(item.name)
        if mapped is None or mapped.column is None or not (mapped.codes or mapped.code_set):
            continue
        known = words_understood(mapped) | frozenset(mapped.codes)
        counted = _counted(raw[mapped.column], known)
        unknown = {value: count for value, count in counted.items() if value not in known}
        if unknown:
            share = sum(unknown.values()) / sum(counted.values())
            shown = _shown(item, unknown, mostly_known=share <= _HALF)
            found.append(Uncoded(item.name, mapped.column, sum(unknown.values()), shown))
    return tuple(found)


def _counted(column: pa.ChunkedArray, spared: frozenset[str]) -> Counter[str]:
    """Count values as the hub reads them: cleaned, and without the words that say nothing."""
    texts = cleaning.without_blanks(cleaning.cleaned(column.cast(pa.string()).combine_chunks()), spared)
    return Counter(text for text in texts.to_pylist() if text)


def _shown(item: Item, unknown: Mapping[str, int], *, mostly_known: bool) -> dict[str, int]:
    """Show what comes again and again in a column of codes as it is; what is rare may be a slip, and somebody's."""
    told: Counter[str] = Counter()
    for value, count in unknown.items():
        short = len(value) <= _LONGEST_WORD and count >= SEVERAL and not item.sealed
        told[value if short and (mostly_known or value.isascii()) else form_of(value)] += count
    return dict(told.most_common(_MOST_VALUES))
