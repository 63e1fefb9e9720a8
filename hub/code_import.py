"""A table of codes on its way into the hub: read, judged as a whole, reported on, stored with its ledger entry."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from audit.recording import record_administration
from catalog.code_layouts import TableFile, read_table
from catalog.code_sets import CodeSets, Edition, digest_of
from hub.composition import Hub
from infra.database import Role
from schemas.divisions import ALWAYS, Division
from schemas.errors import WrongCodeTable

EXAMPLES = 10


@dataclass(frozen=True)
class Labels:
    """What the importer says of a table; ``as_of`` may be left to a table that tells its own dates."""

    name: str
    edition: str | None = None
    title: str | None = None
    standard: str = ""
    as_of: date | None = None


@dataclass(frozen=True)
class ImportReport:
    """What an import did. ``parents_unnamed``: parents that have no row; ``heirs_unknown``: successors that have none."""

    edition: Edition
    stored: bool
    files: Sequence[dict[str, Any]]
    levels: dict[str, int]
    doubled: int
    reused: Sequence[str]
    parents_unnamed: Sequence[str]
    heirs_unknown: Sequence[str]


def import_code_set(hub: Hub, files: Sequence[Path], labels: Labels, *, actor: str) -> ImportReport:
    """Import files as one edition of a code set; the same content again is reported and changes nothing.

    ``WrongCodeTable`` when a file is of no known layout or a code means two things at once.
    """
    read = [read_table(path) for path in files]
    given = [division for file in read for division in file.divisions]
    rows = sorted(set(given), key=lambda row: (row.code, row.valid_from))
    _check(rows, read)
    edition = _edition(labels, read, rows)
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        stored, new = CodeSets(connection).add(edition, rows, actor=actor, record=record_administration)
    return _report(stored, new, read, rows, len(given) - len(rows))


def _check(rows: Sequence[Division], read: Sequence[TableFile]) -> None:
    if not rows:
        raise WrongCodeTable(f"{', '.join(file.name for file in read)} holds no code.")
    doubted = [
        later.code
        for earlier, later in pairwise(rows)
        if earlier.code == later.code and (earlier.valid_to is None or earlier.valid_to > later.valid_from)
    ]
    if doubted:
        raise WrongCodeTable(
            f"{len(doubted)} codes mean two things at once: {_shown(doubted)}.",
            hint="A code may have one meaning a day; give the table valid_from and valid_to, or mend it.",
        )


def _edition(labels: Labels, read: Sequence[TableFile], rows: Sequence[Division]) -> Edition:
    as_of = labels.as_of or _last_change(rows)
    if as_of is None:
        raise WrongCodeTable(
            "The table tells no dates, and a code means nothing without one.", hint="Say --as-of YYYY-MM-DD."
        )
    precision = "year" if any(file.layout.precision == "year" for file in read) else "day"
    origin = ", ".join(file.name for file in read)
    return Edition(
        labels.name, labels.edition or as_of.isoformat(), labels.title or labels.name, labels.standard, origin,
        digest_of(rows), as_of, precision, len(rows),
    )  # fmt: skip


def _last_change(rows: Sequence[Division]) -> date | None:
    days = [day for row in rows for day in (row.valid_from, row.valid_to) if day not in (None, ALWAYS)]
    return max(days, default=None)


def _report(
    edition: Edition, new: bool, read: Sequence[TableFile], rows: Sequence[Division], doubled: int
) -> ImportReport:
    codes = Counter(row.code for row in rows)
    parents = {row.parent for row in rows if row.parent} - codes.keys()
    heirs = {heir for row in rows for heir in row.successors} - codes.keys()
    levels = Counter(row.level.value if row.level else "none" for row in rows)
    return ImportReport(
        edition=edition,
        stored=new,
        files=[
            {"file": f.name, "layout": f.layout.name, "rows": f.rows, "codes": len(f.divisions)} for f in read
        ],
        levels=dict(levels),
        doubled=doubled,
        reused=sorted(code for code, times in codes.items() if times > 1),
        parents_unnamed=sorted(parents),
        heirs_unknown=sorted(heirs),
    )


def _shown(codes: Sequence[str]) -> str:
    more = f" and {len(codes) - EXAMPLES} more" if len(codes) > EXAMPLES else ""
    return ", ".join(codes[:EXAMPLES]) + more
