"""What happened to divisions: splits, mergers, renamings, new codes and ends, told by a table's periods alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from schemas.divisions import ALWAYS, Division, Divisions


class Change(StrEnum):
    """Kinds of event; a merger into a division that lives on is ``MERGE``, too."""

    ESTABLISH = "establish"
    SPLIT = "split"
    MERGE = "merge"
    RENAME = "rename"
    RECODE = "recode"
    MOVE = "move"
    TRANSFER = "transfer"
    ABOLISH = "abolish"


@dataclass(frozen=True, order=True)
class Event:
    """On ``day``, ``before`` became ``after`` (codes); ``MOVE`` is a change of parent under the same code and name."""

    day: date
    change: Change
    before: tuple[str, ...]
    after: tuple[str, ...]


def events_of(table: Divisions, code: str) -> tuple[Event, ...]:
    """Return what happened to every meaning of a code, the oldest event first.

    The table may be a part of a larger one, where it holds the code's predecessors and successors and theirs.
    """
    found: set[Event] = set()
    for division in table.history(code):
        day = division.valid_from
        if day != ALWAYS and not table.sources(code, day) and not _continued(table, code, day):
            found.add(Event(day, Change.ESTABLISH, (), (code,)))
    for row in table.rows:
        found.update(_told_by(table, row, code))
    return tuple(sorted(found))


def _told_by(table: Divisions, row: Division, code: str) -> Iterator[Event]:
    """Yield what the end of one meaning, and the parts it gave away, tell of a code."""
    if row.valid_to is not None and code in (row.code, *row.successors):
        yield _end(table, row, row.valid_to)
    for part in row.transfers:
        if code in (row.code, part.to):
            yield Event(part.on, Change.TRANSFER, (row.code,), (part.to,))


def _end(table: Divisions, division: Division, day: date) -> Event:
    heirs = division.successors or _continued(table, division.code, day)
    if not heirs:
        return Event(day, Change.ABOLISH, (division.code,), ())
    if len(heirs) > 1:
        return Event(day, Change.SPLIT, (division.code,), heirs)
    sources = tuple(row.code for row in table.sources(heirs[0], day)) or (division.code,)
    if len(sources) > 1:
        return Event(day, Change.MERGE, sources, heirs)
    return Event(day, _succession(table, division, heirs[0], day), (division.code,), heirs)


def _succession(table: Divisions, division: Division, heir: str, day: date) -> Change:
    """Name what one division's becoming one other is."""
    begun = [row for row in table.rows if row.code == heir and row.valid_from == day]
    if not begun:
        return Change.MERGE  # the heir was there before and took it in
    if heir != division.code:
        return Change.RECODE
    return Change.RENAME if begun[0].name != division.name else Change.MOVE


def _continued(table: Divisions, code: str, day: date) -> tuple[str, ...]:
    """Return the code itself where one of its meanings ends and another begins on that day."""
    periods = [row for row in table.rows if row.code == code]
    ends, begins = (
        any(row.valid_to == day for row in periods),
        any(row.valid_from == day for row in periods),
    )
    return (code,) if ends and begins else ()
