"""Crosswalks: which code of one authority's table is which of another's, by name and parent, never by code alone.

Level by level from the top, a place is matched to the one of the same name under the matched parent. A name that
several places bear is decided by the code beside it, or not at all. Every rule is one hash join over a level.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import pyarrow as pa

from schemas.division_names import bare, written
from schemas.divisions import Division, Level

_WIDTH = {Level.PROVINCE: 2, Level.CITY: 4, Level.COUNTY: 6, Level.TOWN: 9, Level.VILLAGE: 12}


class Outcome(StrEnum):
    """What became of a code; ``CONFLICT`` stands beside the others: one code, two places."""

    SAME_CODE = "same_code"
    OTHER_CODE = "other_code"
    AMBIGUOUS = "ambiguous"
    ONLY_LEFT = "only_left"
    ONLY_RIGHT = "only_right"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Match:
    """One row of a crosswalk; in a conflict both codes are the same and the evidence says where each place is."""

    outcome: Outcome
    level: Level
    left: str | None
    left_name: str | None
    right: str | None
    right_name: str | None
    evidence: str


@dataclass(frozen=True)
class Crosswalk:
    """The answer: conflicts first, then every code of both tables from the top level down."""

    rows: Sequence[Match]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return per level how many rows of each outcome there are."""
        found = Counter((row.level, row.outcome) for row in self.rows)
        levels = [level for level in Level if any(level == known for known, _ in found)]
        return {
            level.value: {o.value: found[level, o] for o in Outcome if found[level, o]} for level in levels
        }

    def chosen(self, outcomes: Iterable[str] = (), within: str = "") -> list[Match]:
        """Return the rows of some outcomes (none named: all), of codes that begin with ``within`` on either side."""
        wanted = frozenset(outcomes)
        return [
            row
            for row in self.rows
            if (not wanted or row.outcome in wanted)
            and any(code.startswith(within) for code in (row.left, row.right) if code is not None)
        ]


@dataclass(frozen=True, slots=True)
class _Place:
    """A division with the forms it is compared by; ``code`` is cut or padded to its level's width."""

    row: Division
    level: Level
    code: str
    written: str
    bare: str


class _Side:
    """One table: its places by code, and the way from each up."""

    def __init__(self, rows: Iterable[Division]) -> None:
        kept = [(row, row.level) for row in rows if row.level is not None]
        names = pa.array([row.name for row, _ in kept], pa.string())
        forms = zip(kept, written(names).to_pylist(), bare(names).to_pylist(), strict=True)
        self.places = [
            _Place(row, level, row.code[: _WIDTH[level]].ljust(_WIDTH[level], "0"), *names)
            for (row, level), *names in forms
        ]
        self.by_code = {place.row.code: place for place in self.places}

    def above(self, place: _Place) -> Iterable[_Place]:
        """Yield the places above one that the table has, the nearest first."""
        for _ in Level:
            parent = self.by_code.get(place.row.parent)
            if parent is None or parent.level == place.level:
                return
            yield parent
            place = parent

    @cached_property
    def by_level(self) -> Mapping[Level, list[_Place]]:
        """The places of each level."""
        found: dict[Level, list[_Place]] = {level: [] for level in Level}
        for place in self.places:
            found[place.level].append(place)
        return found


Key = Callable[[_Place], object]


@dataclass
class _Work:
    """Two tables and what of them is matched so far: code of the left ↔ code of the right."""

    left: _Side
    right: _Side
    other_names: Mapping[str, frozenset[str]]
    to_right: dict[str, tuple[_Place, str]] = field(default_factory=dict)
    to_left: dict[str, _Place] = field(default_factory=dict)
    several: dict[tuple[str, str], str] = field(default_factory=dict)

    def match_level(self, level: Level) -> None:
        """Match a level, whose parents are matched: the plainest evidence first."""
        anchors = self._anchors(level)
        for words, form, with_code in (
            ("name and parent", "written", False),
            ("name, parent and code", "written", True),
            ("name and parent, the only ones left", "written", False),
            ("name without its kind, and parent", "bare", False),
            ("name without its kind, parent and code", "bare", True),
        ):
            self._join(level, words, _key(anchors, form, with_code=with_code))
        self._join_renamed(level, anchors)
        self._join_loose(level)
        self._doubt(level, "name and parent of several", lambda p: (anchors[id(p)], p.bare))
        self._doubt(level, "name and code under another parent", lambda p: (p.code, p.written))

    def _open(self, side: _Side, level: Level) -> list[_Place]:
        matched = self.to_right if side is self.left else self.to_left
        return [place for place in side.by_level[level] if place.row.code not in matched]

    def _anchors(self, level: Level) -> dict[int, str]:
        """Say what each place stands under: its nearest matched ancestor, else its province's two digits."""
        found = {}
        for place in self.left.by_level[level]:
            nearest = next((up for up in self.left.above(place) if up.row.code in self.to_right), None)
            found[id(place)] = (
                f">{self.to_right[nearest.row.code][0].row.code}" if nearest else place.code[:2]
            )
        for place in self.right.by_level[level]:
            nearest = next((up for up in self.right.above(place) if up.row.code in self.to_left), None)
            found[id(place)] = f">{nearest.row.code}" if nearest else place.code[:2]
        return found

    def _join(self, level: Level, evidence: str, key: Key) -> None:
        """Match places of equal key where it is one place's alone on either side."""
        right = _alone(self._open(self.right, level), key)
        for found, place in _alone(self._open(self.left, level), key).items():
            if found in right:
                self._pair(place, right[found], evidence)

    def _join_renamed(self, level: Level, anchors: Mapping[int, str]) -> None:
        right = _alone(self._open(self.right, level), lambda p: (anchors[id(p)], p.written))
        for place in self._open(self.left, level):
            others = self.other_names.get(place.written, frozenset())
            found = [
                right[anchors[id(place)], name]
                for name in sorted(others)
                if (anchors[id(place)], name) in right
            ]
            if len(found) == 1 and found[0].row.code not in self.to_left:
                self._pair(place, found[0], f"renamed: {place.row.name}, {found[0].row.name}")

    def _join_loose(self, level: Level) -> None:
        """Match across parents that are no one's match, by a name that is alone in its province on either side."""
        key: Key = lambda place: (place.code[:2], place.written)  # noqa: E731
        right = _alone(self._open(self.right, level), key)
        for found, place in _alone(self._open(self.left, level), key).items():
            other = right.get(found)
            if other and not (self._held(self.left, place) and self._held(self.right, other)):
                self._pair(place, other, "name within the province, parent unmatched")

    def _held(self, side: _Side, place: _Place) -> bool:
        return place.row.parent in (self.to_right if side is self.left else self.to_left)

    def _pair(self, left: _Place, right: _Place, evidence: str) -> None:
        self.to_right[left.row.code] = (right, evidence)
        self.to_left[right.row.code] = left

    def _doubt(self, level: Level, evidence: str, key: Key) -> None:
        """Remember which places could be one another and are not decided."""
        right: defaultdict[object, list[_Place]] = defaultdict(list)
        for place in self._open(self.right, level):
            right[key(place)].append(place)
        for place in self._open(self.left, level):
            for other in right.get(key(place), ()):
                self.several.setdefault((place.row.code, other.row.code), evidence)


def _key(anchors: Mapping[int, str], form: str, *, with_code: bool) -> Key:
    return lambda place: (anchors[id(place)], getattr(place, form), place.code if with_code else "")


def _alone(places: Iterable[_Place], key: Key) -> dict[object, _Place]:
    """Return the places whose key no other has."""
    found: dict[object, _Place | None] = {}
    for place in places:
        told = key(place)
        found[told] = None if told in found else place
    return {told: place for told, place in found.items() if place is not None}


def crosswalk(
    left: Iterable[Division],
    right: Iterable[Division],
    other_names: Mapping[str, Iterable[str]] | None = None,
) -> Crosswalk:
    """Match two tables, each of one day; ``other_names`` maps a name to those its place had before or later."""
    told = {
        name: frozenset(written(pa.array(list(others))).to_pylist())
        for name, others in (other_names or {}).items()
    }
    work = _Work(_Side(left), _Side(right), told)
    for level in Level:
        work.match_level(level)
    return Crosswalk([*_conflicts(work), *_outcomes(work)])


def _outcomes(work: _Work) -> Iterable[Match]:
    doubted: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (left, right), evidence in work.several.items():
        doubted[left].append((right, evidence))
    in_doubt = {right for _, right in work.several}
    for level in Level:
        for place in work.left.by_level[level]:
            code = place.row.code
            if code in work.to_right:
                other, evidence = work.to_right[code]
                same = Outcome.SAME_CODE if other.code == place.code else Outcome.OTHER_CODE
                yield _match(same, place, other, evidence)
            elif code in doubted:
                for right, evidence in doubted[code]:
                    yield _match(Outcome.AMBIGUOUS, place, work.right.by_code[right], evidence)
            else:
                yield _match(Outcome.ONLY_LEFT, place, None, "")
        for place in work.right.by_level[level]:
            if place.row.code not in work.to_left and place.row.code not in in_doubt:
                yield _match(Outcome.ONLY_RIGHT, None, place, "")


def _conflicts(work: _Work) -> Iterable[Match]:
    right = {(place.level, place.code): place for place in work.right.places}
    for place in work.left.places:
        other = right.get((place.level, place.code))
        if other is None or (place.row.code, other.row.code) in work.several:
            continue
        there = work.to_right.get(place.row.code)
        if there is None or there[0] is not other:
            back = work.to_left.get(other.row.code)
            yield _match(
                Outcome.CONFLICT,
                place,
                other,
                f"{place.row.name} is {there[0].row.code if there else 'nowhere'} on the right, "
                f"{other.row.name} is {back.row.code if back else 'nowhere'} on the left",
            )


def _match(outcome: Outcome, left: _Place | None, right: _Place | None, evidence: str) -> Match:
    place = left or right
    assert place is not None
    return Match(outcome, place.level, *_code_and_name(left), *_code_and_name(right), evidence)


def _code_and_name(place: _Place | None) -> tuple[str | None, str | None]:
    return (place.row.code, place.row.name) if place else (None, None)
