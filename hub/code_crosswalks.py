"""Crosswalks between editions of code sets, made when first asked for and kept; and codes translated by them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from audit.recording import record_administration
from catalog.code_edition import Edition
from catalog.code_sets import CodeSets, spellings
from catalog.crosswalk import Match, Outcome, crosswalk, successions_told
from catalog.crosswalk_store import CrosswalkKey, CrosswalkStore
from catalog.matching import Following
from hub.code_answers import match_told
from hub.code_sheets import every_match, write_matches
from infra.database import Database, Role
from schemas.divisions import Divisions
from schemas.errors import CodeTablesTooLarge, MalformedEdition
from schemas.succession import became
from schemas.update_cycles import CHINA

MOST_CODES = 1000
MOST_AT_ONCE = 150_000  # codes of both tables that are matched while a caller waits: about 20 seconds
_WRITTEN = re.compile(r"(?:(?P<name>[^:@]+):)?(?P<edition>[^:@]*)(?:@(?P<day>[0-9-]+))?")


@dataclass(frozen=True)
class Standing:
    """An edition on one day."""

    edition: Edition
    day: date

    def __str__(self) -> str:
        return f"{self.edition.name}:{self.edition.edition}@{self.day}"


def standing(code_sets: CodeSets, written: str, name: str | None = None) -> Standing:
    """Read ``[name:][edition][@date]``; without a name it is of the code set ``name``, without a date of the edition's day.

    ``MalformedEdition`` when it is not so written, ``UnknownCodeSet`` when there is none.
    """
    found = _WRITTEN.fullmatch(written)
    if found is None or not (found["name"] or name):
        raise MalformedEdition(
            "An edition is not written as name:edition@date.", hint="Such as division:shipped@2026-02-01."
        )
    edition = code_sets.edition(found["name"] or name or "", found["edition"] or None)
    return Standing(edition, _day(found["day"]) if found["day"] else day_of(edition))


def day_of(edition: Edition) -> date:
    """Return the day an edition is asked for when none is said: its own, or today for what is shipped."""
    if edition.number is None or edition.as_of is None:
        return datetime.now(CHINA).date()
    return edition.as_of


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise MalformedEdition("A date is not written as YYYY-MM-DD.") from None


@dataclass(frozen=True)
class Made:
    """A crosswalk that is kept: its number, and what it was known by."""

    number: int
    key: CrosswalkKey
    new: bool


def made_crosswalk(
    database: Database,
    left: Standing,
    right: Standing,
    changes: Edition | None,
    *,
    actor: str,
    at_most: int | None = None,
) -> Made:
    """Find the crosswalk of two editions, or make it and keep it with its ledger entry.

    ``changes`` is an edition that tells what happened between the two days, beside the two themselves. ``CodeTablesTooLarge``
    when it is to be made and both tables have more than ``at_most`` codes together.
    """
    key = CrosswalkKey(
        left.edition.digest, left.day, right.edition.digest, right.day, changes.digest if changes else ""
    )
    with database.engine(Role.APPLICATION).begin() as connection:
        store = CrosswalkStore(connection)
        number = store.number(key)
        if number is not None:
            return Made(number, key, new=False)
        if at_most is not None and left.edition.entries + right.edition.entries > at_most:
            raise CodeTablesTooLarge(
                f"The tables have more than {at_most:,} codes and were not matched yet.",
                hint=f"An operator may do it once: hub codes crosswalk {left} {right}",
            )
        store.wait()
        number = store.number(key)  # another one may have made it while this one waited
        if number is not None:
            return Made(number, key, new=False)
        code_sets = CodeSets(connection)
        here, there = (code_sets.everything(side.edition, side.day) for side in (left, right))
        made = crosswalk(here, there, _successions(code_sets, left, right, changes))
        target = f"{left} {right}"
        return Made(store.add(key, made, target, actor=actor, record=record_administration), key, new=True)


def _successions(
    code_sets: CodeSets, left: Standing, right: Standing, changes: Edition | None
) -> dict[object, Following]:
    told: dict[object, Following] = {}
    if left.day >= right.day:
        return told
    for edition in (
        right.edition,
        left.edition,
        changes,
    ):  # the later one wins: what was named for it, then the left's own
        if edition is not None:
            origin = f"{edition.name}:{edition.edition}"
            told |= successions_told(code_sets.dated(edition), left.day, right.day, origin)
    return told


# ── translation ──────────────────────────────────────────────────────────────────────────────────────


def translated(connection: Connection, number: int, codes: Sequence[str]) -> list[dict[str, Any]]:
    """Tell of each code what it is in the other table: a code, several, candidates, none; never a guess."""
    spelled = {code: spellings(code) for code in codes}
    found = CrosswalkStore(connection).of_codes(number, [one for known in spelled.values() for one in known])
    return [
        _translated(code, next((found[one] for one in spelled[code] if one in found), [])) for code in codes
    ]


_ANSWERS = {
    Outcome.SAME_CODE: "code",
    Outcome.OTHER_CODE: "code",
    Outcome.MERGED: "code",
    Outcome.SPLIT: "split",
    Outcome.AMBIGUOUS: "ambiguous",
    Outcome.ONLY_LEFT: "no_successor",
}


def _translated(code: str, rows: Sequence[Match]) -> dict[str, Any]:
    told = [row for row in rows if row.outcome in _ANSWERS]
    if not told:
        return {"code": code, "answer": "unknown", "codes": []}
    first = told[0]
    answer: dict[str, Any] = {
        "code": code,
        "name": first.left_name,
        "answer": _ANSWERS[first.outcome],
        "codes": [{"code": row.right, "name": row.right_name} for row in told if row.right],
        "evidence": first.evidence,
    }
    if first.outcome is Outcome.MERGED:
        answer["merged"] = True
    conflict = next((row for row in rows if row.outcome is Outcome.CONFLICT), None)
    return answer | ({"conflict": f"there the code means {conflict.right_name}"} if conflict else {})


def followed(
    code_sets: CodeSets, edition: Edition, codes: Sequence[str], since: date, day: date
) -> list[dict[str, Any]]:
    """Tell of each code what it became within one edition, from one day to a later one."""
    if day < since:
        raise MalformedEdition(
            "Codes are followed to a later day only.", hint="Ask for the history of a code to go back."
        )
    table = code_sets.heirs(edition, codes)
    return [_followed(code, table, since, day) for code in codes]


def _followed(code: str, table: Divisions, since: date, day: date) -> dict[str, Any]:
    known = next(
        (one for one in spellings(code) if any(row.in_force(since) for row in table.meanings(one))), None
    )
    if known is None:
        return {"code": code, "answer": "unknown", "codes": []}
    meant = next(row for row in table.meanings(known) if row.in_force(since))
    path = became(table, known, since, day)
    answer = "split" if len(path.found) > 1 else "code" if path.found else "no_successor"
    told: dict[str, Any] = {"code": code, "name": meant.name, "answer": answer}
    told["codes"] = [{"code": row.code, "name": row.name} for row in path.found]
    return told | {name: list(codes) for name, codes in (("lost", path.lost), ("parts", path.parts)) if codes}


def translation(
    database: Database,
    written: tuple[str, str, str | None],
    codes: Sequence[str],
    *,
    name: str | None = None,
    actor: str,
    at_most: int | None = None,
) -> dict[str, Any]:
    """Translate codes between two editions, or within one from a day to a later one."""
    left, right, changes = sides(database, written, name)
    if left.edition == right.edition:
        with database.engine(Role.APPLICATION).connect() as connection:
            told = followed(CodeSets(connection), left.edition, codes, left.day, right.day)
    else:
        made = made_crosswalk(database, left, right, changes, actor=actor, at_most=at_most)
        with database.engine(Role.APPLICATION).connect() as connection:
            told = translated(connection, made.number, codes)
    return {"from": str(left), "to": str(right), "codes": told}


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


def sides(
    database: Database, written: tuple[str, str, str | None], name: str | None
) -> tuple[Standing, Standing, Edition | None]:
    """Read what is to be joined: the left, the right, and what tells the changes between."""
    with database.engine(Role.APPLICATION).connect() as connection:
        code_sets = CodeSets(connection)
        left, right = (standing(code_sets, one, name) for one in written[:2])
        changes = standing(code_sets, written[2], name).edition if written[2] else None
    return left, right, changes


def crosswalk_page(
    database: Database,
    written: tuple[str, str, str | None],
    *,
    name: str | None = None,
    outcomes: Sequence[str] = (),
    within: str = "",
    after: int = 0,
    limit: int = MOST_CODES,
    out: Path | None = None,
    actor: str,
    at_most: int | None = None,
) -> dict[str, Any]:
    """Answer a page of the crosswalk of two editions as written, or write it all to ``out``; made first where it is not there."""
    if set(outcomes) - {one.value for one in Outcome}:
        raise MalformedEdition(
            "There is no such outcome.", hint=f"There are: {', '.join(one.value for one in Outcome)}."
        )
    left, right, changes = sides(database, written, name)
    made = made_crosswalk(database, left, right, changes, actor=actor, at_most=at_most)
    with database.engine(Role.APPLICATION).connect() as connection:
        store = CrosswalkStore(connection)
        told: dict[str, Any] = {"from": str(left), "to": str(right), "counts": store.counts(made.number)}
        if out is not None:
            written_rows = write_matches(out, every_match(connection, made.number, outcomes, within))
            return told | {"out": str(out), "written": written_rows}
        found = store.matches(made.number, outcomes=outcomes, within=within, after=after, limit=limit + 1)
    told["matches"] = [{"number": number, **match_told(match)} for number, match in found[:limit]]
    return told | {"next": found[limit - 1][0] if len(found) > limit else None}
