"""One edition of a code set: what it is called, where it is from, and what its content is known by."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date

from schemas.divisions import ALWAYS, Division
from schemas.errors import WrongCodeTable

SHIPPED = "shipped"
DIVISION = "division"
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


def digest_of(rows: Iterable[Division]) -> str:
    """Return the SHA-256 of a table's content, whatever the order of its rows."""
    lines = sorted(json.dumps(asdict(row), ensure_ascii=False, default=str) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def last_change(rows: Iterable[Division]) -> date | None:
    """Return the last day on which something began or ended, or None where nothing is dated."""
    days = [day for row in rows for day in (row.valid_from, row.valid_to) if day not in (None, ALWAYS)]
    return max(days, default=None)
