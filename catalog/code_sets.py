"""Code sets as a service: those shipped and those imported, each in editions, answered for a day.

What is shipped with the program is the edition ``shipped`` and the default of its name; imported tables live in the
database, in schema ``codes``. Nothing here is personal.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from catalog.code_edition import Edition
from catalog.code_shipped import shipped_editions, shipped_events, shipped_rows, shipped_table
from schemas.division_events import Change, Event
from schemas.divisions import ALWAYS, Division, Divisions, Level, Transfer
from schemas.errors import UnknownCode, UnknownCodeSet

MOST_ENTRIES = 1000


class CodeSets:
    """Every code set, on one connection; nothing is written here."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def editions(self) -> list[Edition]:
        """Return every edition, by name; the default of a name first."""
        found = self._connection.execute(text(f"{_EDITIONS} ORDER BY as_of DESC, number DESC")).mappings()
        return sorted(
            [*shipped_editions().values(), *(Edition(**row) for row in found)], key=lambda one: one.name
        )

    def edition(self, name: str, edition: str | None = None) -> Edition:
        """Return an edition; without one named, what is shipped, else the one of the latest day."""
        named = [one for one in self.editions() if one.name == name]
        if not named:
            raise UnknownCodeSet("There is no such code set.", hint="GET /v1/codes or hub codes list.")
        for one in named:
            if edition in (None, one.edition):
                return one
        raise UnknownCodeSet(
            f"Code set {name} has no such edition.",
            hint=f"It has: {', '.join(one.edition for one in named)}.",
        )

    def at(
        self,
        edition: Edition,
        day: date,
        *,
        after: str = "",
        limit: int = MOST_ENTRIES,
        parent: str | None = None,
    ) -> list[Division]:
        """Return what codes meant on a day, ordered by code: at most ``limit`` of those after the code ``after``."""
        if edition.number is None:
            rows = (row for row in shipped_rows(edition.name) if row.code > after and row.in_force(day))
            chosen = sorted((row for row in rows if parent in (None, row.parent)), key=lambda row: row.code)
            return chosen[:limit]
        query = text(f"{_ENTRIES} AND code > :after AND valid_from <= :day AND (valid_to IS NULL OR valid_to > :day) "
                     "AND (CAST(:parent AS text) IS NULL OR parent = :parent) ORDER BY code LIMIT :limit")  # fmt: skip
        told = {"edition": edition.number, "after": after, "day": day, "parent": parent, "limit": limit}
        return [division_of(row) for row in self._connection.execute(query, told).mappings()]

    def meaning(self, edition: Edition, code: str, day: date) -> Division:
        """Return what a code meant on a day, or raise ``UnknownCode``; padding of zeros to 9 or 12 digits is understood."""
        family = self.family(edition, code)
        known = family.meanings(spelling_of(family, code))
        found = [row for row in known if row.in_force(day)]
        if not found:
            meant = "; ".join(f"{row.name} {_period(row)}" for row in known)
            raise UnknownCode(f"A code of {edition.name} meant nothing on {day}.", hint=f"It meant: {meant}.")
        return found[0]

    def family(self, edition: Edition, code: str) -> Divisions:
        """Return all meanings of a code with those of its predecessors and successors and theirs; ``UnknownCode``."""
        if edition.number is None:
            family = shipped_table(edition.name)
        else:
            family = Divisions(self._relatives(edition.number, spellings(code)), whole=False)
        spelling_of(family, code)
        return family

    def _relatives(self, number: int, codes: Sequence[str]) -> list[Division]:
        known = set(codes)
        query = text(f"{_ENTRIES} AND (code = ANY(:codes) OR successors <> '{{}}' AND successors && CAST(:codes AS text[]) "
                     "OR transfers <> '{}' AND transfers ?| CAST(:codes AS text[]))")  # fmt: skip
        rows: list[Division] = []
        for _ in range(3):  # itself; its kin; theirs, without which a merger looks like a new code
            told = {"edition": number, "codes": sorted(known)}
            rows = [division_of(row) for row in self._connection.execute(query, told).mappings()]
            reached = {row.code for row in rows} | {heir for row in rows for heir in row.successors}
            if reached <= known:
                break
            known |= reached
        return rows

    def heirs(self, edition: Edition, codes: Sequence[str]) -> Divisions:
        """Return the meanings of codes and of all that they became, as the part of the table that tells it."""
        if edition.number is None:
            return shipped_table(edition.name)
        spelled = [spelling for code in codes for spelling in spellings(code)]
        found = self._connection.execute(
            text(_HEIRS), {"edition": edition.number, "codes": spelled}
        ).mappings()
        return Divisions((division_of(row) for row in found), whole=False)

    def everything(self, edition: Edition, day: date) -> list[Division]:
        """Return every meaning of a day, by code: a table of villages has 600,000."""
        return self.at(edition, day, limit=2**31 - 1)

    def dated(self, edition: Edition) -> Divisions:
        """Return the meanings that tell of a beginning, an end or a part given away."""
        if edition.number is None:
            return shipped_table(edition.name)
        query = text(f"{_ENTRIES} AND {DATED}")
        rows = self._connection.execute(query, {"edition": edition.number}).mappings()
        return Divisions((division_of(row) for row in rows), whole=False)

    def events(
        self,
        edition: Edition,
        *,
        since: date = ALWAYS,
        code: str | None = None,
        after: int = 0,
        limit: int = MOST_ENTRIES,
    ) -> list[tuple[int, Event]]:
        """Return what happened from a day on, to one code or all, numbered: those behind the number ``after``."""
        if edition.number is None:
            numbered = enumerate(shipped_events(edition.name), 1)
            found = [
                (number, event)
                for number, event in numbered
                if number > after and event.day >= since and code in (None, *event.before, *event.after)
            ]
            return found[:limit]
        told = {"edition": edition.number, "since": since, "code": code, "after": after, "limit": limit}
        return [
            (row["number"], _event(row)) for row in self._connection.execute(text(_EVENTS), told).mappings()
        ]

    def named(
        self, words: str, names: Sequence[str] = (), limit: int = MOST_ENTRIES
    ) -> list[tuple[Edition, Division]]:
        """Return the meanings, past ones too, whose name has the words in it; of the code sets ``names`` or of all."""
        chosen = [one for one in self.editions() if not names or one.name in names]
        shipped = [
            (one, row)
            for one in chosen
            if one.number is None
            for row in shipped_rows(one.name)
            if words in row.name
        ]
        by_number = {one.number: one for one in chosen if one.number is not None}
        told = {"editions": list(by_number), "words": words, "limit": max(0, limit - len(shipped))}
        found = self._connection.execute(text(_NAMED), told).mappings() if by_number else ()
        return [*shipped[:limit], *((by_number[row["edition"]], division_of(row)) for row in found)]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────

_EDITIONS = "SELECT number, name, edition, title, standard, origin, digest, as_of, precision, entries FROM codes.edition"
ENTRY = "code, name, level, parent, valid_from, valid_to, successors, transfers"
_ENTRIES = f"SELECT {ENTRY} FROM codes.entry WHERE edition = :edition"
DATED = "(valid_from > '0001-01-01' OR valid_to IS NOT NULL OR transfers <> '{}')"
_EVENTS = """
SELECT number, day, change, before, after, approval FROM codes.event
WHERE edition = :edition AND day >= :since AND number > :after
  AND (CAST(:code AS text) IS NULL OR before && ARRAY[CAST(:code AS text)] OR after && ARRAY[CAST(:code AS text)])
ORDER BY number LIMIT :limit
"""
_NAMED = f"""
SELECT edition, {ENTRY} FROM codes.entry
WHERE edition = ANY(:editions) AND position(CAST(:words AS text) IN name) > 0 ORDER BY edition, code LIMIT :limit
"""
_HEIRS = f"""
WITH RECURSIVE heir (code) AS (
    SELECT unnest(CAST(:codes AS text[]))
    UNION SELECT unnest(entry.successors) FROM codes.entry JOIN heir USING (code) WHERE entry.edition = :edition
)
{_ENTRIES} AND code IN (SELECT code FROM heir)
"""


def division_of(row: Mapping[Any, Any]) -> Division:
    """Make a meaning of a code from its row."""
    given = tuple(Transfer(code, date.fromisoformat(day)) for code, day in row["transfers"].items())
    level = Level(row["level"]) if row["level"] else None
    return Division(row["code"], row["name"], level, row["parent"], row["valid_from"], row["valid_to"],
                    tuple(row["successors"]), given)  # fmt: skip


def _event(row: Mapping[Any, Any]) -> Event:
    return Event(
        row["day"], Change(row["change"]), tuple(row["before"]), tuple(row["after"]), row["approval"]
    )


def spellings(code: str) -> tuple[str, ...]:
    """Return a code and what is left of it without padding: 500103000000 and 500103000 are 500103."""
    shorter = [
        code[:length]
        for length in (9, 6)
        if len(code) in (9, 12) and length < len(code) and not code[length:].strip("0")
    ]
    return (code, *shorter)


def spelling_of(family: Divisions, code: str) -> str:
    """Return the code as the table writes it, or raise ``UnknownCode``."""
    for spelling in spellings(code):
        if family.meanings(spelling):
            return spelling
    raise UnknownCode("The code set has no such code.")


def _period(row: Division) -> str:
    begins = "" if row.valid_from == ALWAYS else f"from {row.valid_from} "
    return (begins + (f"until {row.valid_to}" if row.valid_to else "on")).strip()
