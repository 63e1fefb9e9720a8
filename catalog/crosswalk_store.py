"""Crosswalks that were made, kept: editions never change, so what was matched once holds for everyone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, text

from catalog.crosswalk import RULES, Crosswalk, Match, Outcome
from catalog.recorded import Recorder
from schemas.divisions import Level


@dataclass(frozen=True)
class CrosswalkKey:
    """What a crosswalk is known by: the content of both tables, their days, and of the changes told (empty: none)."""

    left_digest: str
    left_day: date
    right_digest: str
    right_day: date
    changes_digest: str = ""


class CrosswalkStore:
    """The crosswalks, on one connection; the caller commits what ``add`` writes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def number(self, key: CrosswalkKey) -> int | None:
        """Return the number of a crosswalk, or None where it was not made yet by the rules in force."""
        found: int | None = self._connection.execute(text(_FIND), _told(key)).scalar_one_or_none()
        return found

    def wait(self) -> None:
        """Let one crosswalk be made at a time, until the transaction ends: many may ask for the same."""
        self._connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('codes.crosswalk'))"))

    def add(self, key: CrosswalkKey, made: Crosswalk, target: str, *, actor: str, record: Recorder) -> int:
        """Keep a crosswalk; ``target`` says in words what it joins, for the ledger."""
        facts = {
            "left": key.left_digest,
            "right": key.right_digest,
            "matches": len(made.rows),
            "rules": RULES,
        }
        record(self._connection, actor=actor, action="codes.crosswalk", target=target, facts=facts)
        number = int(
            self._connection.execute(text(_ADD), _told(key) | {"now": datetime.now(UTC)}).scalar_one()
        )
        raw: Any = self._connection.connection.driver_connection
        with (
            raw.cursor() as cursor,
            cursor.copy(f"COPY codes.match (crosswalk, number, {_MATCH}) FROM STDIN") as copy,
        ):
            for place, row in enumerate(made.rows, 1):
                level = row.level and row.level.value
                copy.write_row((number, place, row.outcome.value, level, row.left, row.left_name, row.right,
                                row.right_name, row.evidence))  # fmt: skip
        return number

    def counts(self, number: int) -> dict[str, dict[str, int]]:
        """Return per level how many rows of each outcome there are."""
        found: dict[str, dict[str, int]] = {}
        for level, outcome, rows in self._connection.execute(text(_COUNTS), {"crosswalk": number}):
            found.setdefault(level, {})[outcome] = rows
        return found

    def matches(
        self,
        number: int,
        *,
        outcomes: Sequence[str] = (),
        within: str = "",
        after: int = 0,
        limit: int = 1000,
    ) -> list[tuple[int, Match]]:
        """Return the rows behind the number ``after``, of some outcomes (none named: all) and of codes that begin with
        ``within`` on either side.
        """
        told = {
            "crosswalk": number,
            "outcomes": list(outcomes),
            "within": within,
            "after": after,
            "limit": limit,
        }
        rows = self._connection.execute(text(_CHOSEN), told).mappings()
        return [(row["number"], _match(row)) for row in rows]

    def of_codes(self, number: int, codes: Sequence[str]) -> dict[str, list[Match]]:
        """Return the rows of codes of the left table, by code."""
        found: dict[str, list[Match]] = {}
        for row in self._connection.execute(
            text(_OF_CODES), {"crosswalk": number, "codes": list(codes)}
        ).mappings():
            found.setdefault(row["left_code"], []).append(_match(row))
        return found


def _told(key: CrosswalkKey) -> dict[str, Any]:
    return asdict(key) | {"rules": RULES}


def _match(row: Any) -> Match:
    level = Level(row["level"]) if row["level"] else None
    return Match(Outcome(row["outcome"]), level, row["left_code"], row["left_name"], row["right_code"],
                 row["right_name"], row["evidence"])  # fmt: skip


_KEY = "left_digest, left_day, right_digest, right_day, changes_digest, rules"
_VALUES = ":left_digest, :left_day, :right_digest, :right_day, :changes_digest, :rules"
_FIND = f"SELECT number FROM codes.crosswalk WHERE ({_KEY}) = ({_VALUES})"
_ADD = f"INSERT INTO codes.crosswalk ({_KEY}, recorded_at) VALUES ({_VALUES}, :now) RETURNING number"
_MATCH = "outcome, level, left_code, left_name, right_code, right_name, evidence"
_COUNTS = """
SELECT coalesce(level, 'none'), outcome, count(*) FROM codes.match WHERE crosswalk = :crosswalk
GROUP BY 1, 2 ORDER BY min(number)
"""
_CHOSEN = f"""
SELECT number, {_MATCH} FROM codes.match
WHERE crosswalk = :crosswalk AND number > :after
  AND (CAST(:outcomes AS text[]) = '{{}}' OR outcome = ANY(:outcomes))
  AND (starts_with(left_code, :within) OR starts_with(right_code, :within))
ORDER BY number LIMIT :limit
"""
_OF_CODES = f"SELECT {_MATCH} FROM codes.match WHERE crosswalk = :crosswalk AND left_code = ANY(:codes) ORDER BY number"
