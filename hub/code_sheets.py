"""Crosswalks as files for people: a workbook or CSV, row by row."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection

from catalog.crosswalk import Match
from catalog.crosswalk_store import CrosswalkStore
from hub.code_answers import match_told
from infra.whole_file import whole_file
from schemas.errors import CodeTablesTooLarge, NotWritten

COLUMNS = ("outcome", "level", "left", "left_name", "right", "right_name", "evidence")
TITLES = ("结果", "级别", "左表代码", "左表名称", "右表代码", "右表名称", "依据")
KINDS = (".xlsx", ".csv")
_PAGE = 10_000
_MOST_ROWS = 1_048_575  # of a sheet, without its header


def every_match(connection: Connection, number: int, outcomes: Sequence[str], within: str) -> Iterator[Match]:
    """Yield the chosen rows of a crosswalk, a page at a time."""
    store, after = CrosswalkStore(connection), 0
    while page := store.matches(number, outcomes=outcomes, within=within, after=after, limit=_PAGE):
        yield from (match for _, match in page)
        after = page[-1][0]


def write_matches(path: Path, matches: Iterable[Match]) -> int:
    """Write rows into a workbook or a CSV, by the file's name, whole or not at all; return how many."""
    if path.suffix not in KINDS:
        raise NotWritten(f"{path.name} is neither .xlsx nor .csv.")
    rows = ([match_told(match)[name] for name in COLUMNS] for match in matches)
    with whole_file(path) as part:
        return _workbook(part, rows) if path.suffix == ".xlsx" else _csv(part, rows)


def _csv(path: Path, rows: Iterable[Sequence[str | None]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark, or Excel takes it for GBK
        writer = csv.writer(file)
        writer.writerow(TITLES)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _workbook(path: Path, rows: Iterable[Sequence[str | None]]) -> int:
    import xlsxwriter

    count = 0
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet("crosswalk")
        sheet.write_row(0, 0, TITLES, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        for row in rows:
            count += 1
            if count > _MOST_ROWS:
                raise CodeTablesTooLarge("A sheet has no room for so many rows.", hint="Write .csv.")
            for column, cell in enumerate(row):
                sheet.write_string(count, column, cell or "")
    return count
