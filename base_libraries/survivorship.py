"""Which department's word wins, item by item: data, not code.

Per item, the source of the lowest rank wins (authority: State Council Decree 809, article 19 names one source a
datum); among equals the latest word; among equally late ones the source with the lowest ordinal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from schemas.errors import DefinitionError
from schemas.resource import Resource


class Rule(IntEnum):
    """Why a value won; stored in the record's provenance."""

    ONLY = 1
    AUTHORITY = 2
    RECENCY = 3
    TIE_BREAK = 4


@dataclass(frozen=True)
class Survivorship:
    """For every item, the sources that speak of it and their ranks: ``ranks[item][source ordinal] = rank``."""

    resource: Resource
    ranks: Mapping[str, Mapping[int, int]]

    def __hash__(self) -> int:
        return hash((self.resource, *((item, *sources.items()) for item, sources in self.ranks.items())))

    def __post_init__(self) -> None:
        for item, sources in self.ranks.items():
            self.resource.item(item)
            for ordinal, rank in sources.items():
                if not 0 < ordinal < 1000 or not 0 <= rank < 100_000:
                    raise DefinitionError(
                        f"Item {item} of {self.resource.code}: a source's ordinal must be 1–999 and its rank 0–99999."
                    )

    @property
    def ordinals(self) -> list[int]:
        """Every source that contributes to the resource, in order."""
        return sorted({ordinal for sources in self.ranks.values() for ordinal in sources})


def encode(batch: Any, rule: Any) -> Any:
    """Return the provenance of an item as one integer, of columns column-wise; 0 stands for an item without a value."""
    return batch * 8 + rule


def origin_at(provenance: Sequence[int], place: int) -> tuple[int, Rule] | None:
    """Return ``decode`` of the item at a place of the layout; what was stored before the item came tells nothing of it."""
    return decode(provenance[place]) if place < len(provenance) else None


def decode(code: int) -> tuple[int, Rule] | None:
    """Return batch number and rule of an item, or None where it has no value."""
    return (code // 8, Rule(code % 8)) if code else None
