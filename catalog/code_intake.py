"""A table of codes on its way in: laid down in a temporary table, judged as a whole there, and stored as an edition.

The rows are in the database from the first on, so memory does not grow with the table.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, text

from catalog.code_edition import SHIPPED, Edition
from catalog.code_sets import DATED, ENTRY, division_of
from catalog.recorded import Recorder
from schemas.division_events import Event
from schemas.divisions import Division, Divisions
from schemas.errors import AlreadyRegistered, WrongCodeTable

EXAMPLES = 10


class CodeIntake:
    """The rows of one table, until the caller's transaction ends, which drops them or, after ``store``, keeps them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.execute(text(_LAY))

    def take(self, rows: Iterable[Division]) -> None:
        """Lay rows down; the same one twice counts once."""
        raw: Any = self._connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(f"COPY incoming ({ENTRY}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(_stored(row))

    def settle(self) -> int:
        """End the taking: drop what came twice, and return how many rows that were. ``WrongCodeTable`` where a code means
        two things at once, or nothing came.
        """
        doubled = self._connection.execute(text(_DROP_DOUBLED)).rowcount
        self._connection.execute(text("ANALYZE incoming"))
        if not self.count():
            raise WrongCodeTable("The table holds no code.", hint="Look whether it is the right file.")
        self._refuse_doubted()
        return int(doubled)

    def _refuse_doubted(self) -> None:
        found = self._texts(_DOUBTED)
        if found:
            raise WrongCodeTable(
                f"{len(found)} codes mean two things at once: {_shown(found)}.",
                hint="A code may have one meaning a day; give the table valid_from and valid_to, or mend it.",
            )

    def count(self) -> int:
        """Return how many rows there are."""
        return int(self._connection.execute(text("SELECT count(*) FROM incoming")).scalar_one())

    def digest(self) -> str:
        """Return the SHA-256 of the content, whatever the order it came in."""
        return str(self._connection.execute(text(_DIGEST)).scalar_one())

    def last_change(self) -> date | None:
        """Return the last day on which something began or ended, or None where nothing is dated."""
        found: date | None = self._connection.execute(text(_LAST)).scalar_one()
        return found

    def levels(self) -> dict[str, int]:
        """Count the rows of each level."""
        return {row[0]: row[1] for row in self._connection.execute(text(_LEVELS))}

    def reused(self) -> list[str]:
        """Return the codes with several meanings."""
        return self._texts("SELECT code FROM incoming GROUP BY code HAVING count(*) > 1 ORDER BY code")

    def parents_unnamed(self) -> list[str]:
        """Return the parents that have no row."""
        return self._texts(_PARENTS)

    def heirs_unknown(self) -> list[str]:
        """Return the successors that have no row."""
        return self._texts(_HEIRS)

    def dated(self) -> Divisions:
        """Return the rows that tell of a beginning, an end or a part given away: all that events are told by."""
        query = text(f"SELECT {ENTRY} FROM incoming WHERE {DATED}")
        return Divisions(
            (division_of(row) for row in self._connection.execute(query).mappings()), whole=False
        )

    def _texts(self, query: str) -> list[str]:
        return list(self._connection.execute(text(query)).scalars())

    def store(
        self, edition: Edition, events: Sequence[Event], *, actor: str, record: Recorder
    ) -> tuple[Edition, bool]:
        """Store the rows as an edition and tell whether it is new: the same content again changes nothing.

        ``AlreadyRegistered`` when the edition is there with other content.
        """
        if edition.edition == SHIPPED:
            raise WrongCodeTable("The edition 'shipped' is the program's own.", hint="Name another one.")
        told = {name: getattr(edition, name) for name in _HEAD.split(", ")}
        there = self._connection.execute(text(_THERE), told).mappings().one_or_none()
        if there and there["digest"] != edition.digest:
            raise AlreadyRegistered(
                f"Code set {edition.name} has an edition {edition.edition} of other content.",
                hint="Editions never change; give the new content a name of its own.",
            )
        if there:
            return Edition(**there), False
        facts = {"edition": edition.edition, "digest": edition.digest, "entries": edition.entries}
        record(self._connection, actor=actor, action="codes.import", target=edition.name, facts=facts)
        number = self._connection.execute(text(_ADD), {**told, "now": datetime.now(UTC)}).scalar_one()
        self._connection.execute(text(_KEEP), {"edition": number})
        self._keep_events(number, events)
        return replace(edition, number=number), True

    def _keep_events(self, number: int, events: Sequence[Event]) -> None:
        raw: Any = self._connection.connection.driver_connection
        columns = "edition, number, day, change, before, after, approval"
        with raw.cursor() as cursor, cursor.copy(f"COPY codes.event ({columns}) FROM STDIN") as copy:
            for place, one in enumerate(sorted(events), 1):
                told = (one.day, one.change.value, list(one.before), list(one.after), one.approval)
                copy.write_row((number, place, *told))


def _stored(row: Division) -> tuple[Any, ...]:
    transfers = (
        json.dumps({part.to: part.on.isoformat() for part in row.transfers}) if row.transfers else "{}"
    )
    return (row.code, row.name, row.level and row.level.value, row.parent, row.valid_from, row.valid_to,
            list(row.successors), transfers)  # fmt: skip


def _shown(codes: Sequence[str]) -> str:
    more = f" and {len(codes) - EXAMPLES} more" if len(codes) > EXAMPLES else ""
    return ", ".join(codes[:EXAMPLES]) + more


_LAY = f"""
CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {ENTRY} FROM codes.entry WITH NO DATA
"""
_DROP_DOUBLED = f"""
DELETE FROM incoming WHERE ctid IN (
    SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY {ENTRY}) AS time FROM incoming) AS row WHERE time > 1
)
"""
_DOUBTED = """
SELECT DISTINCT code FROM (
    SELECT code, valid_to, lead(valid_from) OVER each AS next, lead(code) OVER each AS again FROM incoming
    WINDOW each AS (PARTITION BY code ORDER BY valid_from)
) AS row WHERE again IS NOT NULL AND (valid_to IS NULL OR valid_to > next) ORDER BY code
"""
_DIGEST = f"""
SELECT encode(sha256(string_agg(sha256(convert_to(CAST(ROW({ENTRY}) AS text), 'UTF8')), ''::bytea
                                ORDER BY code COLLATE "C", valid_from)), 'hex') FROM incoming
"""
_LAST = "SELECT max(day) FROM incoming, LATERAL (VALUES (valid_from), (valid_to)) AS told (day) WHERE day > '0001-01-01'"
_LEVELS = "SELECT coalesce(level, 'none'), count(*) FROM incoming GROUP BY 1 ORDER BY 1"
_PARENTS = """
SELECT DISTINCT parent FROM incoming AS row
WHERE parent <> '' AND NOT EXISTS (SELECT FROM incoming AS other WHERE other.code = row.parent) ORDER BY parent
"""
_HEIRS = """
SELECT DISTINCT heir FROM incoming AS row, unnest(successors) AS heir
WHERE NOT EXISTS (SELECT FROM incoming AS other WHERE other.code = heir) ORDER BY heir
"""
_HEAD = "name, edition, title, standard, origin, digest, as_of, precision, entries"
_THERE = f"SELECT number, {_HEAD} FROM codes.edition WHERE name = :name AND edition = :edition"
_ADD = (
    f"INSERT INTO codes.edition ({_HEAD}, recorded_at) VALUES (:name, :edition, :title, :standard, :origin, :digest, "
    ":as_of, :precision, :entries, :now) RETURNING number"
)
_KEEP = f"INSERT INTO codes.entry (edition, {ENTRY}) SELECT :edition, {ENTRY} FROM incoming ORDER BY code, valid_from"
