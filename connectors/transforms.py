"""What becomes of a source's columns on their way to an item, in words: the mapping, told for lineage."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from connectors.mapping import Constant, ItemMapping
from connectors.source import Source
from schemas.resource import Item, ItemType, Resource


class Kind(StrEnum):
    """How much of a column is left in its item: ``identity`` is the same text, cleaned; ``constant`` reads no column."""

    IDENTITY = "identity"
    TRANSFORMATION = "transformation"
    CONSTANT = "constant"


@dataclass(frozen=True)
class Transformation:
    """From which columns an item is got and in which steps; ``rank`` is the source's authority on it, the lower wins."""

    columns: tuple[str, ...]
    kind: Kind
    steps: tuple[str, ...]
    rank: int

    def record(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self) | {
            "columns": list(self.columns),
            "kind": self.kind.value,
            "steps": list(self.steps),
        }


def transformations(source: Source, resource: Resource) -> Mapping[str, Transformation]:
    """Return how each item that the source maps is got, in the order of the resource's items."""
    return {
        item.name: _transformation(item, source.mapping[item.name], source.rank(item.name))
        for item in resource.items
        if item.name in source.mapping
    }


def _transformation(item: Item, mapping: ItemMapping, rank: int) -> Transformation:
    if mapping.constant is not None:
        return Transformation((), Kind.CONSTANT, (f"always {mapping.constant!r}",), rank)
    steps = tuple(_steps(item, mapping))
    plain = steps == (_CLEANED,) and item.type in (ItemType.CHARACTER, ItemType.MEMO)
    return Transformation(
        mapping.source_columns, Kind.IDENTITY if plain else Kind.TRANSFORMATION, steps, rank
    )


_CLEANED = "text cleaned: trimmed, half-width, empty words to null"
_READINGS: Mapping[ItemType, str] = {
    ItemType.NUMERIC: "read as a number", ItemType.MONEY: "read as a number", ItemType.DOUBLE: "read as a number",
    ItemType.FLOAT: "read as a number", ItemType.INTEGER: "read as a number", ItemType.LOGICAL: "read as yes or no",
}  # fmt: skip
_IDENTIFIERS: Mapping[str, str] = {
    "citizen_number": "upper case, 15 digits lengthened to 18",
    "subject_code": "upper case, citizen numbers of 15 digits lengthened to 18",
}


def _steps(item: Item, mapping: ItemMapping) -> Iterator[str]:
    if item.geometry:
        yield "geometry brought to EPSG:4490"
        return
    yield _CLEANED
    if mapping.columns:
        constants = [part.text for part in mapping.columns if isinstance(part, Constant)]
        yield f"joined by {mapping.join!r}" + (
            f" with {', '.join(map(repr, constants))}" if constants else ""
        )
    if mapping.codes:
        yield f"{len(mapping.codes)} of the department's values to codes"
    if mapping.code_set:
        yield f"labels to codes of {mapping.code_set}"
    if item.type in (ItemType.DATE, ItemType.DATETIME):
        yield f"read as a date ({' or '.join(mapping.date)})"
    if item.type in _READINGS:
        yield _READINGS[item.type] + (f", times {mapping.scale}" if mapping.scale != 1 else "")
    if item.identifier:
        yield _IDENTIFIERS.get(item.identifier, "upper case")
