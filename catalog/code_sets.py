"""Code sets as a service: those shipped and those imported, each in editions, answered for a day.

What is shipped with the program is the edition ``shipped`` and the default of its name; imported tables live in the
database, in schema ``codes``. Nothing here is personal.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, text

from catalog.repository import Recorder
from schemas.code_sets import CodeSet, code_sets_shipped
from schemas.divisions import ALWAYS, Division, Divisions, Level, Transfer, divisions
from schemas.errors import AlreadyRegistered, UnknownCode, UnknownCodeSet, WrongCodeTable

SHIPPED = "shipped"
DIVISION = "division"
MOST_ENTRIES = 1000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_EDITION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


@dataclass(frozen=True)
class Edition:
    """One edition of a code set. ``as_of``: the day whose state it tells, None where a standard has no day; ``number`` is
    None of what is shipped.

    ``precision`` is ``year`` where changes are known by their year only: they are dated 31 December of it.
    """

    name: str
    edition: str
    title: str
    standard: str
    origin: str
    digest: str
    as_of: date | None
    precision: str
    entries: int
    number: int | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise WrongCodeTable(f"The name {self.name!r} is not lower-case letters, digits and underscores.")
        if not _EDITION.fullmatch(self.edition):
            raise WrongCodeTable(f"The edition {self.edition!r} is not letters, digits, dots and hyphens.")


class CodeSets:
    """Every code set, on one connection; the caller commits what ``add`` writes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def editions(self) -> list[Edition]:
        """Return every edition, by name; the default of a name first."""
        found = self._connection.execute(text(f"{_EDITIONS} ORDER BY as_of DESC, number DESC")).mappings()
        return sorted([*_shipped().values(), *(Edition(**row) for row in found)], key=lambda one: one.name)

    def edition(self, name: str, edition: str | None = None) -> Edition:
        """Return an edition; without one named, what is shipped, else the one of the latest day."""
        named = [one for one in self.editions() if one.name == name]
        if not named:
            raise UnknownCodeSet("There is no such code set.", hint="GET /v1/code-sets or hub codes list.")
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
            rows = (row for row in _rows_shipped(edition.name) if row.code > after and row.in_force(day))
            chosen = sorted((row for row in rows if parent in (None, row.parent)), key=lambda row: row.code)
            return chosen[:limit]
        query = text(f"{_ENTRIES} AND code > :after AND valid_from <= :day AND (valid_to IS NULL OR valid_to > :day) "
                     "AND (CAST(:parent AS text) IS NULL OR parent = :parent) ORDER BY code LIMIT :limit")  # fmt: skip
        told = {"edition": edition.number, "after": after, "day": day, "parent": parent, "limit": limit}
        return [_division(row) for row in self._connection.execute(query, told).mappings()]

    def meaning(self, edition: Edition, code: str, day: date) -> Division:
        """Return what a code meant on a day, or raise ``UnknownCode``; padding of zeros to 9 or 12 digits is understood."""
        family = self.family(edition, code)
        known = family.history(_spelling(family, code))
        found = [row for row in known if row.in_force(day)]
        if not found:
            meant = "; ".join(f"{row.name} {_period(row)}" for row in known)
            raise UnknownCode(f"A code of {edition.name} meant nothing on {day}.", hint=f"It meant: {meant}.")
        return found[0]

    def family(self, edition: Edition, code: str) -> Divisions:
        """Return all meanings of a code with those of its predecessors and successors and theirs; ``UnknownCode``."""
        if edition.number is None:
            family = _table_shipped(edition.name)
        else:
            family = Divisions(self._relatives(edition.number, _spellings(code)), whole=False)
        _spelling(family, code)
        return family

    def _relatives(self, number: int, codes: Sequence[str]) -> list[Division]:
        known = set(codes)
        query = text(f"{_ENTRIES} AND (code = ANY(:codes) OR successors <> '{{}}' AND successors && CAST(:codes AS text[]) "
                     "OR transfers <> '{}' AND transfers ?| CAST(:codes AS text[]))")  # fmt: skip
        rows: list[Division] = []
        for _ in range(3):  # itself; its kin; theirs, without which a merger looks like a new code
            told = {"edition": number, "codes": sorted(known)}
            rows = [_division(row) for row in self._connection.execute(query, told).mappings()]
            reached = {row.code for row in rows} | {heir for row in rows for heir in row.successors}
            if reached <= known:
                break
            known |= reached
        return rows

    def everything(self, edition: Edition, day: date) -> list[Division]:
        """Return every meaning of a day, by code: a table of villages has 600,000."""
        return self.at(edition, day, limit=2**31 - 1)

    def add(
        self, edition: Edition, rows: Sequence[Division], *, actor: str, record: Recorder
    ) -> tuple[Edition, bool]:
        """Store an edition and tell whether it is new: the same content again changes nothing.

        ``AlreadyRegistered`` when the edition is there with other content.
        """
        if edition.edition == SHIPPED:
            raise WrongCodeTable("The edition 'shipped' is the program's own.", hint="Name another one.")
        there = [one for one in self.editions() if (one.name, one.edition) == (edition.name, edition.edition)]
        if there and there[0].digest != edition.digest:
            raise AlreadyRegistered(
                f"Code set {edition.name} has an edition {edition.edition} of other content.",
                hint="Editions never change; give the new content a name of its own.",
            )
        if there:
            return there[0], False
        facts = {"edition": edition.edition, "digest": edition.digest, "entries": edition.entries}
        record(self._connection, actor=actor, action="codes.import", target=edition.name, facts=facts)
        number = self._connection.execute(
            text(_ADD), {**_told(edition), "now": datetime.now(UTC)}
        ).scalar_one()
        self._copy(number, rows)
        return edition_numbered(edition, number), True

    def _copy(self, number: int, rows: Iterable[Division]) -> None:
        raw: Any = self._connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(f"COPY codes.entry ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row((number, *_stored(row)))


def digest_of(rows: Iterable[Division]) -> str:
    """Return the SHA-256 of a table's content, whatever the order of its rows."""
    lines = sorted(json.dumps([str(part) for part in _stored(row)], ensure_ascii=False) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def edition_numbered(edition: Edition, number: int) -> Edition:
    """Return the edition as it is stored under a number."""
    return Edition(**{**_told(edition), "number": number})


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────

_HEAD = "name, edition, title, standard, origin, digest, as_of, precision, entries"
_EDITIONS = f"SELECT number, {_HEAD} FROM codes.edition"
_ADD = (
    f"INSERT INTO codes.edition ({_HEAD}, recorded_at) VALUES (:name, :edition, :title, :standard, :origin, :digest, "
    ":as_of, :precision, :entries, :now) RETURNING number"
)
_COLUMNS = "edition, code, name, level, parent, valid_from, valid_to, successors, transfers"
_ENTRIES = f"SELECT {_COLUMNS} FROM codes.entry WHERE edition = :edition"


def _told(edition: Edition) -> dict[str, Any]:
    return {name: getattr(edition, name) for name in _HEAD.split(", ")}


def _stored(row: Division) -> tuple[Any, ...]:
    transfers = json.dumps({part.to: part.on.isoformat() for part in row.transfers})
    return (row.code, row.name, row.level and row.level.value, row.parent, row.valid_from, row.valid_to,
            list(row.successors), transfers)  # fmt: skip


def _division(row: Mapping[Any, Any]) -> Division:
    given = tuple(Transfer(code, date.fromisoformat(day)) for code, day in row["transfers"].items())
    level = Level(row["level"]) if row["level"] else None
    return Division(row["code"], row["name"], level, row["parent"], row["valid_from"], row["valid_to"],
                    tuple(row["successors"]), given)  # fmt: skip


def _spellings(code: str) -> tuple[str, ...]:
    """Return a code and what is left of it without padding: 500103000000 and 500103000 are 500103."""
    shorter = [
        code[:length]
        for length in (9, 6)
        if len(code) in (9, 12) and length < len(code) and not code[length:].strip("0")
    ]
    return (code, *shorter)


def _spelling(family: Divisions, code: str) -> str:
    known = {row.code for row in family.rows}
    for spelling in _spellings(code):
        if spelling in known:
            return spelling
    raise UnknownCode("The code set has no such code.")


def _period(row: Division) -> str:
    begins = "" if row.valid_from == ALWAYS else f"from {row.valid_from} "
    return (begins + (f"until {row.valid_to}" if row.valid_to else "on")).strip()


# ── what is shipped ──────────────────────────────────────────────────────────────────────────────────


@cache
def _shipped() -> Mapping[str, Edition]:
    found = {}
    for name in (DIVISION, *code_sets_shipped()):
        rows = _rows_shipped(name)
        title, standard = _titles(name)
        found[name] = Edition(
            name,
            SHIPPED,
            title,
            standard,
            "shipped with the program",
            digest_of(rows),
            _latest(rows),
            "day",
            len(rows),
        )
    return found


def _latest(rows: Iterable[Division]) -> date | None:
    days = [day for row in rows for day in (row.valid_from, row.valid_to) if day not in (None, ALWAYS)]
    return max(days, default=None)


def _titles(name: str) -> tuple[str, str]:
    if name == DIVISION:
        return "行政区划（重庆市，至乡级）", "GB/T 2260、GB/T 10114"
    known: CodeSet = code_sets_shipped()[name]
    return known.title, known.standard


@cache
def _rows_shipped(name: str) -> tuple[Division, ...]:
    if name == DIVISION:
        return divisions().rows
    return tuple(
        Division(code, label, None, "", ALWAYS, None)
        for code, label in code_sets_shipped()[name].entries.items()
    )


@cache
def _table_shipped(name: str) -> Divisions:
    return divisions() if name == DIVISION else Divisions(_rows_shipped(name))
