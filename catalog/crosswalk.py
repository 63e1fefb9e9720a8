"""Crosswalks: which code of one authority's table is which of another's, by name and parent, never by code alone.

What an authority told of the days between the two tables counts first: a split, a merger or a renaming is then known, and
its heirs are looked up by name and parent as well. ``catalog.matching`` has the rules.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from catalog.matching import Following, Matching
from catalog.places import LEVELS, Place, Side, by_name, places_of
from schemas.divisions import Division, Divisions, Level
from schemas.succession import became

RULES = 1  # version of the rules: what is stored by another one is matched anew


class Outcome(StrEnum):
    """What became of a code; ``CONFLICT`` stands beside the others: one code, two places."""

    SAME_CODE = "same_code"
    OTHER_CODE = "other_code"
    SPLIT = "split"
    MERGED = "merged"
    AMBIGUOUS = "ambiguous"
    ONLY_LEFT = "only_left"
    ONLY_RIGHT = "only_right"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Match:
    """One row of a crosswalk; in a conflict both codes are the same and the evidence says where each place is."""

    outcome: Outcome
    level: Level | None
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
        levels = [level for level in LEVELS if any(level == known for known, _ in found)]
        return {
            level.value if level else "none": {o.value: found[level, o] for o in Outcome if found[level, o]}
            for level in levels
        }


def crosswalk(
    left: Iterable[Division],
    right: Iterable[Division],
    successions: Mapping[object, Following] | None = None,
) -> Crosswalk:
    """Match two tables, each of one day; ``successions`` is what authorities told of the days between."""
    work = Matching(Side(left), Side(right), successions or {})
    for level in LEVELS:
        work.match_level(level)
    return Crosswalk([*_conflicts(work), *_outcomes(work)])


def successions_told(table: Divisions, since: date, day: date, origin: str) -> dict[object, Following]:
    """Return what a table tells of places that were one thing on ``since`` and are another on ``day``, by their name."""
    changed = [
        row for row in table.rows if row.in_force(since) and row.valid_to is not None and row.valid_to <= day
    ]
    heirs = [became(table, row.code, since, day).found for row in changed]
    keys = iter(
        [by_name(place) for place in places_of([*changed, *(heir for found in heirs for heir in found)])]
    )
    before = [next(keys) for _ in changed]
    after = [tuple(next(keys) for _ in found) for found in heirs]
    told: dict[object, Following] = {}
    for key, row, found in zip(before, changed, after, strict=True):
        told[key] = Following(found, f"{origin} tells it ended on {row.valid_to}")
    return told


def _outcomes(work: Matching) -> Iterator[Match]:
    doubted: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (left, right), evidence in work.several.items():
        doubted[left].append((right, evidence))
    in_doubt = {right for _, right in work.several}
    into = Counter(heir.row.code for heirs, _ in work.followed.values() for heir in heirs)
    into.update(other.row.code for other, _ in work.to_right.values())
    for level in LEVELS:
        for place in work.left.by_level[level]:
            yield from _of_left(work, place, doubted, into)
        for place in work.right.by_level[level]:
            if place.row.code not in work.to_left and place.row.code not in in_doubt | work.heirs:
                yield _match(Outcome.ONLY_RIGHT, None, place, "")


def _of_left(
    work: Matching, place: Place, doubted: Mapping[str, Sequence[tuple[str, str]]], into: Mapping[str, int]
) -> Iterator[Match]:
    """Yield what became of one code of the left: a row, or one for each heir or candidate."""
    code = place.row.code
    if code in work.followed:
        heirs, evidence = work.followed[code]
        for heir in heirs:
            yield _match(_settled(place, heir, len(heirs), into), place, heir, evidence)
    elif code in work.to_right:
        other, evidence = work.to_right[code]
        yield _match(_settled(place, other, 1, into), place, other, evidence)
    elif code in doubted:
        for right, evidence in doubted[code]:
            yield _match(Outcome.AMBIGUOUS, place, work.right.by_code[right], evidence)
    else:
        yield _match(Outcome.ONLY_LEFT, place, None, work.unfollowed.get(code, ""))


def _settled(place: Place, other: Place, heirs: int, into: Mapping[str, int]) -> Outcome:
    if heirs > 1:
        return Outcome.SPLIT
    if into[other.row.code] > 1:
        return Outcome.MERGED
    return Outcome.SAME_CODE if other.code == place.code else Outcome.OTHER_CODE


def _conflicts(work: Matching) -> Iterator[Match]:
    right = {(place.level, place.code): place for place in work.right.places}
    for place in work.left.places:
        other = right.get((place.level, place.code))
        if other is None or (place.row.code, other.row.code) in work.several:
            continue
        there = _there(work, place)
        if other.row.code not in there:
            back = work.to_left.get(other.row.code)
            yield _match(
                Outcome.CONFLICT,
                place,
                other,
                f"{place.row.name} is {' and '.join(there) or 'nowhere'} on the right, "
                f"{other.row.name} is {back.row.code if back else 'nowhere'} on the left",
            )


def _there(work: Matching, place: Place) -> list[str]:
    """Return the codes of the right that a place of the left is or became."""
    if place.row.code in work.followed:
        return [heir.row.code for heir in work.followed[place.row.code][0]]
    matched = work.to_right.get(place.row.code)
    return [matched[0].row.code] if matched else []


def _match(outcome: Outcome, left: Place | None, right: Place | None, evidence: str) -> Match:
    place = left or right
    assert place is not None
    return Match(outcome, place.level, *_code_and_name(left), *_code_and_name(right), evidence)


def _code_and_name(place: Place | None) -> tuple[str | None, str | None]:
    return (place.row.code, place.row.name) if place else (None, None)
