"""The places of one table, in the forms by which crosswalks compare them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from schemas.division_names import bare, written
from schemas.divisions import Division, Level

_WIDTH = {Level.PROVINCE: 2, Level.CITY: 4, Level.COUNTY: 6, Level.TOWN: 9, Level.VILLAGE: 12}
_ABOVE = {Level.PROVINCE: 0, Level.CITY: 2, Level.COUNTY: 4, Level.TOWN: 6, Level.VILLAGE: 9}
LEVELS = (None, *Level)  # None: a list without levels, such as one of industries
_PROVINCE = 2  # digits


@dataclass(frozen=True, slots=True)
class Place:
    """A code with the forms it is compared by; ``code`` is cut or padded to its level's width."""

    row: Division
    level: Level | None
    code: str
    written: str
    bare: str

    @property
    def above(self) -> str:
        """The digits of the code that name what it belongs to."""
        return self.code[: _ABOVE[self.level]] if self.level else ""

    @property
    def province(self) -> str:
        """The digits of its province; in a list without levels all belongs together."""
        return self.code[:_PROVINCE] if self.level else ""


def places_of(rows: Iterable[Division]) -> list[Place]:
    """Make rows comparable, all at once."""
    kept = list(rows)
    names = pa.array([row.name for row in kept], pa.string())
    forms = zip(kept, written(names).to_pylist(), bare(names).to_pylist(), strict=True)
    return [_place(row, *names) for row, *names in forms]


def _place(row: Division, written_name: str, bare_name: str) -> Place:
    if row.level is None:
        return Place(row, None, row.code, written_name, written_name)
    width = _WIDTH[row.level]
    return Place(row, row.level, row.code[:width].ljust(width, "0"), written_name, bare_name)


class Side:
    """One table: its places by code, and the way from each up."""

    def __init__(self, rows: Iterable[Division]) -> None:
        self.places = places_of(rows)
        self.by_code = {place.row.code: place for place in self.places}

    def ancestors(self, place: Place) -> Iterable[Place]:
        """Yield the places above one that the table has, the nearest first."""
        for _ in Level:
            parent = self.by_code.get(place.row.parent)
            if parent is None or parent.level == place.level:
                return
            yield parent
            place = parent

    @cached_property
    def by_level(self) -> Mapping[Level | None, list[Place]]:
        """The places of each level."""
        found: dict[Level | None, list[Place]] = {level: [] for level in LEVELS}
        for place in self.places:
            found[place.level].append(place)
        return found

    @cached_property
    def by_name(self) -> Mapping[object, Place]:
        """The places that no other of their level and parent's digits is called like."""
        return alone(self.places, by_name)


Key = Callable[[Place], object]


def by_name(place: Place) -> object:
    """What a place is known by in every table: level, what it belongs to, name."""
    return (place.level, place.above, place.written)


def alone(places: Iterable[Place], key: Key) -> dict[object, Place]:
    """Return the places whose key no other has."""
    found: dict[object, Place | None] = {}
    for place in places:
        told = key(place)
        found[told] = None if told in found else place
    return {told: place for told, place in found.items() if place is not None}
