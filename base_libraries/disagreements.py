"""Where two departments tell different things of the same subject: which item, which two, how often, and some examples.

Part of the security boundary: contributions are opened here, slice by slice, and none leaves but as a count or a masked
example. Memory follows the slice, not the library.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from base_libraries.storage import Tables
from base_libraries.survivorship import Survivorship
from base_libraries.vault import Vault, utc_engine
from infra.keyring import Keyring
from schemas.masking import example_of
from schemas.resource import Item

SLICE_ROWS = 50_000
_PREFIXES = 2**16  # subjects are keyed hashes, so that their first two bytes divide them evenly
_PAIRS = "said a JOIN said b ON a._subject = b._subject AND a._source < b._source"


@dataclass(frozen=True)
class Disagreement:
    """Of how many subjects two sources (ordinals) both tell an item, and of how many of these not the same."""

    item: str
    source: int
    other: int
    subjects: int
    differing: int


@dataclass(frozen=True)
class Example:
    """One subject of whom two sources tell an item differently; key and values are masked."""

    item: str
    source: int
    other: int
    key: Any
    said: Any
    other_said: Any


@dataclass(frozen=True)
class Comparison:
    """What comparing a library's contributions brought; ``records`` of them were read, about ``subjects``."""

    items: tuple[str, ...]
    subjects: int
    records: int
    disagreements: tuple[Disagreement, ...]
    examples: tuple[Example, ...]


def compare(
    cursor: Any, policy: Survivorship, keyring: Keyring, examples: int = 3, slice_rows: int = SLICE_ROWS
) -> Comparison:
    """Compare what the sources say, on an ADBC cursor; ``examples`` of each item at most."""
    items = [
        item for item in policy.resource.items if not item.key and len(policy.ranks.get(item.name, ())) > 1
    ]
    comparing = _Comparing(policy, keyring, items, examples)
    if items:
        for contributions in _slices(cursor, policy, items, slice_rows):
            comparing.take(contributions)
    return comparing.result()


def _slices(cursor: Any, policy: Survivorship, items: Sequence[Item], rows: int) -> Iterator[pa.Table]:
    """Yield the contributions about subjects that several sources speak of, a range of subjects at a time."""
    table = Tables(policy.resource).contribution
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    cursor.execute(f"SELECT count(*) FROM {table}")
    parts = min(max(1, cursor.fetchone()[0] // rows), _PREFIXES)
    names = [
        "_subject",
        "_source",
        "_batch",
        "_sealed",
        *(i.name for i in policy.resource.open_items if i in items),
    ]
    if not policy.resource.key.sealed:
        names.append(policy.resource.key.name)
    selected = ", ".join(f'c."{name}"' for name in names)
    bounds = [number * _PREFIXES // parts for number in range(parts)]
    for low, high in zip(bounds, [*bounds[1:], None], strict=True):
        until = "" if high is None else f" AND c._subject < '\\x{high:04x}'::bytea"
        cursor.execute(
            f"SELECT {selected} FROM {table} c WHERE c._subject >= '\\x{low:04x}'::bytea{until} AND EXISTS "
            f"(SELECT FROM {table} o WHERE o._subject = c._subject AND o._source <> c._source)"
        )
        yield cursor.fetch_arrow_table().replace_schema_metadata(None)


class _Comparing:
    """Counts slice by slice."""

    def __init__(self, policy: Survivorship, keyring: Keyring, items: Sequence[Item], examples: int) -> None:
        self._items, self._key = items, policy.resource.key
        self._engine = utc_engine()
        self._vault = Vault(policy.resource, keyring, self._engine)
        self._wanted = examples
        self._subjects: Counter[tuple[str, int, int]] = Counter()
        self._differing: Counter[tuple[str, int, int]] = Counter()
        self._examples: dict[str, list[Example]] = {item.name: [] for item in items}
        self._records = self._met = 0

    def take(self, contributions: pa.Table) -> None:
        """Count one slice, whose subjects are in no other."""
        if contributions.num_rows == 0:
            return
        opened = self._vault.open("contribution", contributions, "_batch")
        said = opened.select(["_subject", "_source", self._key.name, *(item.name for item in self._items)])
        self._records += said.num_rows
        self._engine.register("said", said)
        try:
            self._met += _rows(self._engine, "SELECT count(DISTINCT _subject) FROM said")[0][0]
            self._count()
            for item in self._items:
                self._exemplify(item)
        finally:
            self._engine.unregister("said")

    def _count(self) -> None:
        both = (
            f'count(*) FILTER (a."{i.name}" IS NOT NULL AND b."{i.name}" IS NOT NULL)' for i in self._items
        )
        differ = (f'count(*) FILTER (a."{i.name}" <> b."{i.name}")' for i in self._items)
        query = f"SELECT a._source, b._source, {', '.join((*both, *differ))} FROM {_PAIRS} GROUP BY 1, 2"
        for source, other, *counts in _rows(self._engine, query):
            for place, item in enumerate(self._items):
                self._subjects[item.name, source, other] += counts[place]
                self._differing[item.name, source, other] += counts[len(self._items) + place]

    def _exemplify(self, item: Item) -> None:
        found = self._examples[item.name]
        if len(found) >= self._wanted or not any(
            count for (name, _, _), count in self._differing.items() if name == item.name
        ):
            return
        rows = _rows(
            self._engine,
            f'SELECT a._source, b._source, a."{self._key.name}", a."{item.name}", b."{item.name}" FROM {_PAIRS} '
            f'WHERE a."{item.name}" <> b."{item.name}" ORDER BY a._subject LIMIT {int(self._wanted - len(found))}',
        )
        key, shown = example_of(self._key), example_of(item)
        found += [
            Example(item.name, one, other, key(k), shown(said), shown(else_))
            for one, other, k, said, else_ in rows
        ]

    def result(self) -> Comparison:
        """Return what was counted; pairs that never speak of the same item are left out."""
        told = tuple(
            Disagreement(*place, subjects, self._differing[place])
            for place, subjects in sorted(self._subjects.items())
            if subjects
        )
        examples = tuple(example for found in self._examples.values() for example in found)
        return Comparison(tuple(i.name for i in self._items), self._met, self._records, told, examples)


def _rows(engine: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return engine.execute(query).fetchall()
