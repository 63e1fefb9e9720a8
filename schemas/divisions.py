"""Administrative divisions (行政区划) of Chongqing down to towns, each with the days its code meant it.

A code means nothing without a date: 500110 was 万盛区 until 2011 and is 綦江区 since; 500105 and 500112 ended on
2026-01-25, when 两江新区 (500157) began. Periods are half-open: in force from ``valid_from`` up to, not including,
``valid_to``. Where the table comes from and what it leaves open: ``schemas/data/README.md``.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import DefinitionError, UnknownDivision
from schemas.fixed_width import Mask, as_strings

PROVINCE = "50"
_COVERED = r"\A50([0-9]{4}|[0-9]{7}|[0-9]{10})\z"


class Level(StrEnum):
    """Levels of division; the values are the codes of the code set ``division_level``."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWN = "town"
    VILLAGE = "village"


ALWAYS = date.min
"""Stands for a beginning that no table tells."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A part that a division gave to another on a day and lived on."""

    to: str
    on: date


@dataclass(frozen=True, slots=True)  # slots: a table of villages has 620,000
class Division:
    """What a code meant in one period; ``successors`` are the codes it went to, the main heir first.

    ``level`` is None in a list that tells none; ``valid_from`` is ``ALWAYS`` where the beginning is not told.
    """

    code: str
    name: str
    level: Level | None
    parent: str
    valid_from: date
    valid_to: date | None
    successors: tuple[str, ...] = ()
    transfers: tuple[Transfer, ...] = ()

    def __post_init__(self) -> None:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise DefinitionError(f"Division {self.code} ends before it begins.")

    def in_force(self, day: date) -> bool:
        """Tell whether the code meant this division on that day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Divisions:
    """A table of divisions; every question about a code takes the day it is asked for.

    ``whole`` tells that every successor named is in it, which is then checked; else it is a part of a table.
    """

    def __init__(self, rows: Iterable[Division], *, whole: bool = True) -> None:
        self.rows = tuple(sorted(rows, key=lambda row: (row.code, row.valid_from)))
        periods: dict[str, list[Division]] = {}
        for row in self.rows:
            periods.setdefault(row.code, []).append(row)
        self._periods: Mapping[str, list[Division]] = periods
        self._whole = whole
        self._check()

    def on(self, code: str, day: date) -> Division:
        """Return the division a code meant on that day, or raise ``UnknownDivision``.

        Trailing ``000`` is padding; a village's code gives its town, as villages are not shipped.
        """
        found = self._find(code, day)
        if found is None:
            raise self._unknown(code, day)
        return found

    def successors(self, code: str, day: date | None = None) -> tuple[str, ...]:
        """Return the codes that followed the meaning a code had on ``day``, or its last meaning; empty if none did."""
        periods = self._periods.get(self._known(code), [])
        meant = [row for row in periods if day is None or row.in_force(day)]
        if not meant:
            raise self._unknown(code, day)
        return meant[-1].successors

    def history(self, code: str) -> tuple[Division, ...]:
        """Return every meaning a code had, the oldest first; ``UnknownDivision`` when it never was one."""
        if self._known(code) not in self._periods:
            raise self._unknown(code, None)
        return tuple(self._periods[self._known(code)])

    def meanings(self, code: str) -> tuple[Division, ...]:
        """Return every meaning of a code just as it is written, the oldest first; none when it never was one."""
        return tuple(self._periods.get(code, ()))

    def predecessors(self, division: Division) -> tuple[Division, ...]:
        """Return the meanings that ended when this one began and went to it, wholly or in part, by code."""
        return self.sources(division.code, division.valid_from)

    def sources(self, code: str, day: date) -> tuple[Division, ...]:
        """Return the meanings that ended on a day and went to a code, wholly or in part, by code."""
        return tuple(self._ended.get((code, day), ()))

    def current(self, code: str, day: date) -> Division:
        """Return what became of a code by that day, along the main heirs; ``UnknownDivision`` when it never was."""
        part = self._known(code)
        found = self._find(part, day)
        if found is not None:
            return found
        past = [
            row for row in self._periods.get(part, []) if row.valid_to is not None and row.valid_to <= day
        ]
        if not past or not past[-1].successors:
            raise self._unknown(code, day)
        return self.current(past[-1].successors[0], day)

    def all_on(self, day: date) -> tuple[Division, ...]:
        """Return every division in force on that day, by code."""
        return tuple(row for row in self.rows if row.in_force(day))

    def towns_of(self, county: str, day: date) -> tuple[Division, ...]:
        """Return the towns of a county on that day, by code; ``UnknownDivision`` when the county was none."""
        parent = self.on(county, day).code
        return tuple(row for row in self._towns if row.parent == parent and row.in_force(day))

    def valid_mask(self, column: Any, day: date) -> Mask:
        """Judge an Arrow column of codes on one day: one bool per row.

        Nulls and codes of other provinces pass, as this table says nothing about them.
        """
        strings = as_strings(column)
        covered = pc.fill_null(pc.match_substring_regex(strings, _COVERED), False)
        in_force = pa.array([row.code for row in self.all_on(day)], pa.string())
        town = pc.replace_substring_regex(pc.utf8_slice_codeunits(strings, 0, 9), r"000\z", "")
        # 500000 itself ends in 000; so do codes of six digits, which need no trimming.
        known = pc.if_else(pc.equal(pc.utf8_length(strings), 6), strings, town)
        valid = pc.fill_null(pc.is_in(known, value_set=in_force), False)
        other = pc.fill_null(pc.invert(pc.starts_with(strings, PROVINCE)), True)
        return np.asarray(pc.or_(other, pc.and_(covered, valid)).to_numpy(zero_copy_only=False))

    @cached_property
    def _ended(self) -> Mapping[tuple[str, date], list[Division]]:
        found: dict[tuple[str, date], list[Division]] = {}
        for row in self.rows:
            if row.valid_to is not None:
                for heir in row.successors:
                    found.setdefault((heir, row.valid_to), []).append(row)
        return found

    @cached_property
    def _towns(self) -> tuple[Division, ...]:
        return tuple(row for row in self.rows if row.level is Level.TOWN)

    def _known(self, code: str) -> str:
        return code if code in self._periods else _known_part(code)

    def _find(self, code: str, day: date) -> Division | None:
        return next((row for row in self._periods.get(self._known(code), []) if row.in_force(day)), None)

    def _unknown(self, code: str, day: date | None) -> UnknownDivision:
        when = f" on {day}" if day else ""
        hint = "" if code.startswith(PROVINCE) else "The table holds Chongqing only."
        return UnknownDivision(f"No division has the code {code!r}{when}.", hint=hint)

    def _check(self) -> None:
        for code, periods in self._periods.items():
            for earlier, later in pairwise(periods):
                if earlier.valid_to is None or earlier.valid_to > later.valid_from:
                    raise DefinitionError(f"Division {code} means two things at once on {later.valid_from}.")
            missing = [heir for row in periods for heir in row.successors if heir not in self._periods]
            if self._whole and missing:
                raise DefinitionError(
                    f"Division {code} has the successor {missing[0]}, which is no division."
                )


def _known_part(code: str) -> str:
    """Cut a code to what the table knows: 12 digits to the town, and padding of ``000`` to the county."""
    town = code[:9]
    return town[:6] if len(town) == 9 and town.endswith("000") else town


@cache
def divisions() -> Divisions:
    """Return the divisions shipped."""
    text = (resources.files("schemas") / "data" / "divisions_chongqing.csv").read_text(encoding="utf-8")
    return Divisions(_parse(row) for row in csv.DictReader(text.splitlines()))


def _parse(row: dict[str, str]) -> Division:
    return Division(
        code=row["code"],
        name=row["name"],
        level=Level(row["level"]),
        parent=row["parent"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        successors=tuple(row["successors"].split()),
    )
