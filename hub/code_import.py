"""A table of codes on its way into the hub: read, judged as a whole, reported on, stored with its ledger entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from audit.recording import record_administration
from catalog.code_edition import Edition
from catalog.code_intake import CodeIntake
from catalog.code_layouts import TableFile, open_table
from hub.composition import Hub
from infra.database import Role
from schemas.division_events import events_in
from schemas.errors import WrongCodeTable


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
    events: int


def import_code_set(hub: Hub, files: Sequence[Path], labels: Labels, *, actor: str) -> ImportReport:
    """Import files as one edition of a code set; the same content again is reported and changes nothing.

    ``WrongCodeTable`` when a file is of no known layout or a code means two things at once.
    """
    read = [open_table(path) for path in files]
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        intake = CodeIntake(connection)
        for file in read:
            intake.take(file.divisions())
        doubled = intake.settle()
        edition = edition_of(intake, labels, [file.name for file in read], _precision(read))
        events = events_in(intake.dated())
        stored, new = intake.store(edition, events, actor=actor, record=record_administration)
        told = [{"file": f.name, "layout": f.layout.name, "rows": f.rows, "codes": f.codes} for f in read]
        return report_of(intake, stored, new=new, files=told, doubled=doubled, events=len(events))


def _precision(read: Sequence[TableFile]) -> str:
    return "year" if any(file.layout.precision == "year" for file in read) else "day"


def edition_of(intake: CodeIntake, labels: Labels, origin: Sequence[str], precision: str) -> Edition:
    """Describe what was taken in as an edition; ``WrongCodeTable`` where neither it nor the importer tells a day."""
    as_of = labels.as_of or intake.last_change()
    if as_of is None:
        raise WrongCodeTable(
            "The table tells no dates, and a code means nothing without one.", hint="Say --as-of YYYY-MM-DD."
        )
    return Edition(
        name=labels.name,
        edition=labels.edition or as_of.isoformat(),
        title=labels.title or labels.name,
        standard=labels.standard,
        origin=", ".join(origin),
        digest=intake.digest(),
        as_of=as_of,
        precision=precision,
        entries=intake.count(),
    )


def report_of(
    intake: CodeIntake,
    edition: Edition,
    *,
    new: bool,
    files: Sequence[dict[str, Any]],
    doubled: int,
    events: int,
) -> ImportReport:
    """Tell what was stored, and what of it leads nowhere."""
    return ImportReport(
        edition=edition,
        stored=new,
        files=files,
        levels=intake.levels(),
        doubled=doubled,
        reused=intake.reused(),
        parents_unnamed=intake.parents_unnamed(),
        heirs_unknown=intake.heirs_unknown(),
        events=events,
    )
