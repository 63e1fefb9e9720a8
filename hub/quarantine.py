"""The quarantine as a workplace: out to the publishing department in a workbook, back in repaired, replayed exactly once."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa

from audit.recording import record_administration
from base_libraries import quarantine
from base_libraries.quarantine import Entry, Quarantine
from connectors.batch import Batch, content_digest
from connectors.source import Source
from hub.calendar import calendar_in
from hub.composition import Hub
from hub.ingest import ingest_offered
from hub.source_report import SourceReport
from infra.database import Role
from schemas.errors import WrongFormat
from schemas.fixed_width import today

NUMBER, REASON, ROW = "隔离编号", "退回原因", "部门行号"
WORKING_DAYS = 10  # as long as a department has to answer an objection: Decree 809, article 26
_EVERYTHING = 1_000_000


@dataclass(frozen=True)
class Taken:
    """What became of a workbook's rows: those that were still open and were tried, those settled before, and the run."""

    tried: int
    settled_before: int
    report: SourceReport | None


def export(hub: Hub, source: Source, path: Path, actor: str) -> int:
    """Write the source's open entries into a workbook for its department, and say so on the ledger; returns how many.

    The rows are as delivered: the file is for the department that wrote them, and readable by its owner alone.
    """
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        found = quarantine.entries(connection, source.code, limit=_EVERYTHING)
        rows = Quarantine(source.code, source.resource, hub.keyring).originals(found)
        facts = {"entries": len(found), "department": source.department}
        record_administration(
            connection, actor=actor, action="quarantine.export", target=source.code, facts=facts
        )
        _write(path, source, found, rows)
    return len(found)


def _write(path: Path, source: Source, found: Sequence[Entry], rows: Sequence[Mapping[str, Any]]) -> None:
    import xlsxwriter

    path.touch(mode=0o600)
    columns = list(source.columns)
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("隔离数据")
        wrong = book.add_format({"bg_color": "#FFD9D9"})
        sheet.freeze_panes(1, 3)
        sheet.write_row(0, 0, [NUMBER, REASON, ROW, *columns], book.add_format({"bold": True}))
        for place, (entry, row) in enumerate(zip(found, rows, strict=True), start=1):
            sheet.write_row(place, 0, [entry.number, _reasons(entry), entry.row_reference])
            marked = _columns_at_fault(source, entry)
            for offset, name in enumerate(columns, start=3):
                sheet.write_string(place, offset, _cell(row.get(name)), wrong if name in marked else None)


def _reasons(entry: Entry) -> str:
    return "; ".join(f"{told['item']} {told['reason']}" for told in entry.reasons)


def _columns_at_fault(source: Source, entry: Entry) -> set[str]:
    named = {told["item"] for told in entry.reasons}
    return {column for item in named & set(source.mapping) for column in source.mapping[item].source_columns}


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def take_back(hub: Hub, source: Source, path: Path) -> Taken:
    """Take the repaired rows of a workbook in; rows whose entries are settled already are left alone.

    Raises ``WrongFormat`` where the workbook is none that ``export`` made for this source.
    """
    given = _read(path, source)
    entries = {entry.number: entry for entry in _open_entries(hub, source)}
    tried = {number: row for number, row in given.items() if number in entries}
    rows = [{name: row.get(name, "") for name in source.columns} for row in tried.values()]
    report = _ingest(
        hub, source, [entries[number] for number in tried], rows, f"repaired: {path.name}", datetime.now(UTC)
    )
    return Taken(len(tried), len(given) - len(tried), report)


def replay(hub: Hub, source: Source) -> Taken:
    """Judge the open entries anew, as they were delivered: for after a definition, code map or drift was put right.

    They count as observed when they first came, so nothing that was said since is overwritten.
    """
    entries = _open_entries(hub, source)
    rows = Quarantine(source.code, source.resource, hub.keyring).originals(entries)
    since = min((entry.recorded_at for entry in entries), default=datetime.now(UTC))
    return Taken(len(entries), 0, _ingest(hub, source, entries, rows, "replayed from quarantine", since))


def escalate(hub: Hub, working_days: int, actor: str) -> dict[str, int]:
    """Escalate open entries older than so many working days, once each, on the ledger; returns how many by source."""
    calendar = calendar_in(hub.settings).lenient()
    before = datetime.combine(calendar.add(today(), -working_days), time(), UTC)
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        late = dict(quarantine.escalate(connection, before))
        for source, number in late.items():
            facts = {"entries": number, "working_days": working_days}
            record_administration(
                connection, actor=actor, action="quarantine.escalate", target=source, facts=facts
            )
    return late


def dismiss(hub: Hub, numbers: Sequence[int], reason: str, actor: str) -> int:
    """Give entries up for good, with the reason on the ledger; returns how many were open."""
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        done = quarantine.dismiss(connection, numbers)
        facts = {"entries": done, "reason": reason}
        record_administration(
            connection, actor=actor, action="quarantine.dismiss", target="quarantine", facts=facts
        )
    return done


def _open_entries(hub: Hub, source: Source) -> list[Entry]:
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return quarantine.entries(connection, source.code, limit=_EVERYTHING)


def _ingest(
    hub: Hub,
    source: Source,
    entries: Sequence[Entry],
    rows: Sequence[Mapping[str, Any]],
    window: str,
    as_of: datetime,
) -> SourceReport | None:
    if not entries:
        return None
    columns = {name: _column(hub, source, name, [row.get(name) for row in rows]) for name in source.columns}
    table = pa.table({**columns, "_row": pa.array([entry.row_reference for entry in entries], pa.string())})
    batch = Batch(source.code, table, content_digest(table), window, {}, as_of)
    return ingest_offered(hub, source.code, lambda _: (one for one in (batch,)), "corrected")


def _column(hub: Hub, source: Source, name: str, values: Sequence[Any]) -> pa.Array:
    resource = hub.resources[source.resource]
    fed = (resource.item(item) for item, mapped in source.mapping.items() if name in mapped.source_columns)
    if any(item.geometry for item in fed):
        return pa.array([bytes.fromhex(value) if value else None for value in values], pa.binary())
    return pa.array([None if value is None else _cell(value) for value in values], pa.string())


def _read(path: Path, source: Source) -> dict[int, dict[str, str]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except (CalamineError, OSError, ValueError):
        raise WrongFormat(
            f"{path.name} is not a workbook of Excel.", hint="Give back the file that was exported."
        ) from None
    header = [str(cell) for cell in sheet[0]] if sheet else []
    if lacking := [name for name in (NUMBER, *source.columns) if name not in header]:
        raise WrongFormat(
            f"{path.name} has no column {lacking[0]!r}: it is no export of source {source.code}.",
            hint="Give back the file that was exported, with all its columns.",
        )
    rows = [
        dict(zip(header, map(_text, row), strict=False))
        for row in sheet[1:]
        if any(cell != "" for cell in row)
    ]
    numbers = [row[NUMBER] for row in rows]
    if wrong := [number for number, times in Counter(numbers).items() if times > 1 or not number.isdigit()]:
        raise WrongFormat(f"{path.name}: the number {wrong[0]!r} in {NUMBER} is there twice, or is none.")
    return {int(row[NUMBER]): row for row in rows}


def _text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
