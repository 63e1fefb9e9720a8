"""Workbooks of changes of divisions on their way in: read by the file connector, told as events, stored as an edition.

Nothing is dropped: the rows read are those of the events and those refused, each with its reason.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.recording import record_administration
from catalog.change_meanings import meanings_told
from catalog.change_notices import Notice, Refusal, Told, events_told
from catalog.code_edition import Edition
from catalog.code_intake import CodeIntake
from connectors.file.formats import SHEET, reader_of
from connectors.file.look import Glance
from connectors.file.options import FileOptions
from connectors.options import parsed
from hub.code_import import Labels, edition_of
from hub.composition import Hub
from infra.database import Role
from schemas.errors import WrongCodeTable

BEFORE, BEFORE_NAME, REASON, AFTER, AFTER_NAME = "原区划代码", "原名称", "变更原因", "现区划代码", "现名称"
NUMBER, PROVINCE, APPROVAL = "序号", "省份", "批准文件"
# As a source would say it: the header is searched, what stands once for a block is filled down, notes end the data.
OPTIONS: Mapping[str, Any] = {"sheet": "*", "fill_down": [PROVINCE, REASON], "until": "^注"}
_ROWS = 10_000


@dataclass(frozen=True)
class Reading(Glance):
    """What is read of such a file: the number, the province and the document may be missing."""

    code: str = "changes"

    def lacks(self, found: Collection[str]) -> list[str]:
        """Return the columns without which no row tells a change, and which are not among ``found``."""
        return [name for name in (BEFORE, BEFORE_NAME, REASON, AFTER, AFTER_NAME) if name not in found]


@dataclass(frozen=True)
class ChangesReport:
    """What a file told: ``rows`` = those of ``events`` + those ``refused``. ``edition`` is None where nothing was stored."""

    file: str
    rows: int
    events: list[Told]
    refused: list[Refusal]
    edition: Edition | None = None
    stored: bool = False

    @property
    def rows_told(self) -> int:
        """How many rows are in events."""
        return sum(len(told.places) for told in self.events)


def read_notices(path: Path) -> Iterator[Notice]:
    """Read a workbook or CSV of changes; a ``SourceError`` says what is amiss with the file, ``WrongCodeTable`` with its kind."""
    if not path.is_file():
        raise WrongCodeTable(f"{path.name} cannot be read: there is no such file.")
    options = parsed("file", FileOptions, {**OPTIONS, "path": str(path)})
    assert isinstance(options, FileOptions)
    columns = (NUMBER, PROVINCE, BEFORE, BEFORE_NAME, REASON, AFTER, AFTER_NAME, APPROVAL, SHEET)
    wanted = Reading(options, columns)
    number = 0
    for table in reader_of(path, wanted)(path, wanted, _ROWS).tables:
        for row in table.to_pylist():
            number += 1
            yield _notice({name: (value or "").strip() for name, value in row.items()}, number)


def _notice(row: Mapping[str, str], number: int) -> Notice:
    sheet = row.get(SHEET, "")
    place = f"{sheet} row {row.get(NUMBER) or number}".strip()
    told = (row.get(name, "") for name in (BEFORE, BEFORE_NAME, REASON, AFTER, AFTER_NAME, APPROVAL))
    return Notice(place, sheet, *told)


def judge_changes(path: Path) -> ChangesReport:
    """Read a file of changes and tell its events, without storing anything."""
    return _judged(path)[0]


def _judged(path: Path) -> tuple[ChangesReport, list[Any]]:
    notices = list(read_notices(path))
    told, refused = events_told(notices)
    meanings, kept, contradicted = meanings_told(told)
    return ChangesReport(path.name, len(notices), kept, [*refused, *contradicted]), meanings


def import_changes(hub: Hub, path: Path, labels: Labels, *, actor: str) -> ChangesReport:
    """Store what a file of changes tells as an edition of a code set, with its events and their documents."""
    report, meanings = _judged(path)
    if not report.events:
        raise WrongCodeTable(
            f"{path.name} tells no change that can be understood.", hint="See: hub codes changes --check"
        )
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        intake = CodeIntake(connection)
        intake.take(meanings)
        intake.settle()
        edition = edition_of(intake, labels, [path.name], "year")
        events = [told.event for told in report.events]
        stored, new = intake.store(edition, events, actor=actor, record=record_administration)
    return ChangesReport(report.file, report.rows, report.events, report.refused, stored, new)
