"""What happened to divisions: splits, mergers, renamings, new codes and ends, told by a table's periods alone."""

from collections.abc import Iterable, Iterator
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
    """On ``day``, ``before`` became ``after`` (codes).

    ``MOVE`` is a change of parent under the same code and name, or one that an authority calls so. ``approval`` is the
    document that ordered the change, where a table tells it.
    """

    day: date
    change: Change
    before: tuple[str, ...]
    after: tuple[str, ...]
    approval: str = ""


def events_of(table: Divisions, code: str) -> tuple[Event, ...]:
    """Return what happened to every meaning of a code, the oldest event first.

    The table may be a part of a larger one, where it holds the code's predecessors and successors and theirs.
    """
    return _sorted(
        event
        for row in table.rows
        if row.code == code or code in row.successors or any(part.to == code for part in row.transfers)
        for event in _told_by(table, row)
        if code in (*event.before, *event.after)
    )


def events_in(table: Divisions) -> tuple[Event, ...]:
    """Return everything that happened in a table, the oldest event first."""
    return _sorted(event for row in table.rows for event in _told_by(table, row))


def _sorted(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(sorted(set(events)))


def _told_by(table: Divisions, row: Division) -> Iterator[Event]:
    """Yield what the beginning and end of one meaning, and the parts it gave away, tell."""
    begins = row.valid_from
    if begins != ALWAYS and not table.sources(row.code, begins) and not _continued(table, row.code, begins):
        yield Event(begins, Change.ESTABLISH, (), (row.code,))
    if row.valid_to is not None:
        yield _end(table, row, row.valid_to)
    for part in row.transfers:
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
    begun = [row for row in table.meanings(heir) if row.valid_from == day]
    if not begun:
        return Change.MERGE  # the heir was there before and took it in
    if heir != division.code:
        return Change.RECODE
    return Change.RENAME if begun[0].name != division.name else Change.MOVE


def _continued(table: Divisions, code: str, day: date) -> tuple[str, ...]:
    """Return the code itself where one of its meanings ends and another begins on that day."""
    periods = table.meanings(code)
    ends, begins = (
        any(row.valid_to == day for row in periods),
        any(row.valid_from == day for row in periods),
    )
    return (code,) if ends and begins else ()
