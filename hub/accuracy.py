"""How true the libraries are: golden records, read through the guarded door, held against the city's truth."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import shapely

from hub.caller import Caller
from schemas.errors import CallError
from schemas.resource import Item, ItemType, Resource

KEYS_A_CALL = 1000


@dataclass
class Accuracy:
    """Of one resource: how many true records the library has, and item by item how many values agree.

    A value counts where the truth has one and the library has the record; an item that is null there disagrees.
    """

    resource: str
    records: int = 0
    found: int = 0
    values: dict[str, int] = field(default_factory=dict)
    agreeing: dict[str, int] = field(default_factory=dict)
    unvouched: int = 0
    calls: int = 0

    @property
    def share(self) -> float:
        """Agreeing values of all values, 0 to 1."""
        return sum(self.agreeing.values()) / max(sum(self.values.values()), 1)

    def of(self, item: str) -> float:
        """Agreeing values of one item, 0 to 1."""
        return self.agreeing[item] / max(self.values[item], 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for a JSON document."""
        items = {
            name: {"values": self.values[name], "agree": round(self.of(name), 5)} for name in self.values
        }
        return {
            "records": self.records, "found": self.found, "agree": round(self.share, 5), "unvouched": self.unvouched,
            "items": items,
        }  # fmt: skip


async def measure(
    caller: Caller, resource: Resource, truth: pa.Table, sources: Mapping[str, Any]
) -> Accuracy:
    """Ask for every true record, 1,000 keys a call with provenance, and count what agrees.

    ``unvouched`` counts values whose provenance names no registered source; it should be 0.
    """
    measured = Accuracy(resource.code, records=truth.num_rows)
    items = [item for item in resource.items if item.name in truth.column_names and not item.key]
    items = [item for item in items if truth[item.name].null_count < truth.num_rows]
    for item in items:
        measured.values[item.name] = measured.agreeing[item.name] = 0
    for rows in _chunks(truth.select([resource.key.name, *(item.name for item in items)])):
        expected = {row[resource.key.name]: row for row in rows.to_pylist()}
        answer = await caller.query(resource.code, list(expected), provenance=True)
        if answer.is_error:
            raise CallError(f"The hub refused to be measured: {answer.json().get('detail')}")
        measured.calls += 1
        for found in answer.json()["records"]:
            measured.found += 1
            _count(measured, items, expected[found["key"]], found["data"])
            named = found["provenance"].values()
            measured.unvouched += sum(
                origin["source"] not in sources or origin["batch"] < 1 for origin in named
            )
    return measured


def _count(measured: Accuracy, items: list[Item], true: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for item in items:
        if true[item.name] is not None:
            measured.values[item.name] += 1
            measured.agreeing[item.name] += _agrees(item, true[item.name], known.get(item.name))


def _agrees(item: Item, true: Any, known: Any) -> bool:
    if known is None:
        return False
    if item.geometry:
        return bool(shapely.equals_exact(shapely.from_wkb(true), shapely.geometry.shape(known), 1e-7))
    if item.type in (ItemType.NUMERIC, ItemType.MONEY, ItemType.DOUBLE, ItemType.FLOAT, ItemType.INTEGER):
        return abs(float(true) - float(known)) < 1e-6
    return _text(true) == _text(known)


def _text(value: Any) -> str:
    """In compatibility form: full-width brackets, which the hub folds in names but not in prose, are the same brackets."""
    return unicodedata.normalize("NFKC", str(value))


def _chunks(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, KEYS_A_CALL):
        yield table.slice(start, KEYS_A_CALL)
