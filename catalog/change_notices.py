"""Notices of changes of divisions (区划代码变更情况): each row of an authority's table as an event, or why it is none.

A row names what was before, what is after, why, and by which document. Rows that share a code are one change: several
before became one (a merger), one became several (a split). What the reasons mean is data, below.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from schemas.division_events import Change, Event

LENGTHS = (6, 9, 12)  # of codes of counties, towns and villages
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")


@dataclass(frozen=True)
class Notice:
    """One row as it is written; ``place`` says where it stands, ``year`` holds the year of its table, in any words."""

    place: str
    year: str
    before: str
    before_name: str
    reason: str
    after: str
    after_name: str
    approval: str


@dataclass(frozen=True)
class Refusal:
    """A row that is no event, and why."""

    place: str
    why: str


@dataclass(frozen=True)
class Told:
    """An event with the rows that tell it, and the names of its codes before and after."""

    event: Event
    places: tuple[str, ...]
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True)
class _Reason:
    """What a reason means, by how many codes there were and are: 0, 1 or 2 for several."""

    words: re.Pattern[str]
    means: Mapping[tuple[int, int], Change]


_BECAME = {(1, 1): Change.RECODE, (2, 1): Change.MERGE, (1, 2): Change.SPLIT}
_REASONS = tuple(
    _Reason(re.compile(words), means)
    for words, means in (
        (r"新设.+", {(0, 1): Change.ESTABLISH}),
        (r"撤销.+", {(1, 0): Change.ABOLISH}),
        (r"合并.+", {(2, 1): Change.MERGE}),
        (r"撤.+设.+", _BECAME),
        (r"名称变更|区划代码变更", {(1, 1): Change.RECODE}),
        (r"隶属关系变更", {(1, 1): Change.MOVE}),
    )
)


def events_told(notices: Iterable[Notice]) -> tuple[list[Told], list[Refusal]]:
    """Turn rows into events, the oldest first; every row is in an event, or refused with its reason, never both."""
    refused: list[Refusal] = []
    sound: list[Notice] = []
    for notice in notices:
        why = _unsound(notice)
        if why:
            refused.append(Refusal(notice.place, why))
        else:
            sound.append(notice)
    told: list[Told] = []
    for group in _groups(sound):
        found = _event(group)
        if isinstance(found, str):
            refused += [Refusal(notice.place, found) for notice in group]
        else:
            told.append(found)
    return sorted(told, key=lambda one: (one.event.day, one.places)), refused


def _unsound(notice: Notice) -> str:
    """Say what is wrong with a row by itself, or nothing."""
    if not notice.before and not notice.after:
        return "it names no code, neither before nor after"
    for side, code, name in (
        ("before", notice.before, notice.before_name),
        ("after", notice.after, notice.after_name),
    ):
        if code and not (code.isdecimal() and len(code) in LENGTHS):
            return f"the code {side} is not 6, 9 or 12 digits"
        if bool(code) != bool(name):
            return f"{side} the change it has a {'code without a name' if code else 'name without a code'}"
    if _year(notice) is None:
        return "no year is told, neither by its sheet nor by the document"
    if not any(reason.words.fullmatch(notice.reason) for reason in _REASONS):
        return f"its reason, {notice.reason or 'none'}, is not known"
    return ""


def _year(notice: Notice) -> int | None:
    found = _YEAR.search(notice.year) or _YEAR.search(notice.approval)
    return int(found[0]) if found else None


def _groups(notices: Sequence[Notice]) -> list[list[Notice]]:
    """Put rows of one year, reason and document together that share a code before or after."""
    parts: dict[int, list[Notice]] = {}
    known: dict[tuple[object, ...], int] = {}
    for number, notice in enumerate(notices):
        same = (_year(notice), notice.reason, notice.approval)
        keys = [(*same, side, code) for side, code in (("-", notice.before), ("+", notice.after)) if code]
        joined = sorted({known[key] for key in keys if key in known})
        home = joined[0] if joined else number
        parts.setdefault(home, []).append(notice)
        for other in joined[1:]:
            parts[home] += parts.pop(other)
            known.update({key: home for key, place in known.items() if place == other})
        known.update(dict.fromkeys(keys, home))
    return list(parts.values())


def _event(group: Sequence[Notice]) -> Told | str:
    """Make one event of the rows of one change, or say why they are none."""
    first = group[0]
    names: dict[str, dict[str, set[str]]] = {"before": defaultdict(set), "after": defaultdict(set)}
    for notice in group:
        if notice.before:
            names["before"][notice.before].add(notice.before_name)
        if notice.after:
            names["after"][notice.after].add(notice.after_name)
    doubted = [code for side in names.values() for code, known in side.items() if len(known) > 1]
    if doubted:
        return f"its rows give the code {doubted[0]} several names"
    before, after = ({code: min(known) for code, known in side.items()} for side in names.values())
    change = _change(first.reason, before, after)
    if not isinstance(change, Change):
        return change
    year = _year(first)
    assert year is not None
    event = Event(date(year, 12, 31), change, tuple(sorted(before)), tuple(sorted(after)), first.approval)
    return Told(event, tuple(notice.place for notice in group), before, after)


def _change(reason: str, before: Mapping[str, str], after: Mapping[str, str]) -> Change | str:
    means = next(known.means for known in _REASONS if known.words.fullmatch(reason))
    shape = (min(len(before), 2), min(len(after), 2))
    if shape not in means:
        return f"its reason, {reason}, does not fit {len(before)} codes before and {len(after)} after"
    if before == after:
        return "nothing differs between before and after"
    if shape == (1, 1) and before.keys() == after.keys():
        return Change.RENAME
    return means[shape]
