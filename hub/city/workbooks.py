"""Write a register as Excel workbooks the way offices do: a title and a line of remarks above the header."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

OFFICE = "重庆市民政局"
ROWS_A_SHEET = 1_000_000
"""Excel holds 1,048,576 rows a sheet."""


def write_workbooks(folder: Path, title: str, day: str, table: Any, by_year_of: str | None) -> None:
    """Write ``title_DAY.xlsx``, or one workbook a year of the date column ``by_year_of``."""
    for label, part in _parts(table, by_year_of):
        name = f"{title}_{label}_{day}.xlsx" if label else f"{title}_{day}.xlsx"
        _write_workbook(folder / name, title, day, part)


def _parts(table: Any, by_year_of: str | None) -> Iterator[tuple[str, Any]]:
    if by_year_of is None:
        for start in range(0, max(table.num_rows, 1), ROWS_A_SHEET):
            yield (f"{start // ROWS_A_SHEET + 1}" if start else ""), table.slice(start, ROWS_A_SHEET)
        return
    years = pc.year(table[by_year_of])
    for year in sorted(pc.unique(years).to_pylist()):
        yield f"{year}年", table.filter(pc.equal(years, year))


def _write_workbook(path: Path, title: str, day: str, table: Any) -> None:
    import xlsxwriter

    written = datetime.strptime(day, "%Y%m%d")  # noqa: DTZ007 - a day, no time
    with xlsxwriter.Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy/m/d"}) as book:
        book.set_properties({"author": OFFICE, "created": written})
        sheet = book.add_worksheet(title)
        bold = book.add_format({"bold": True, "font_size": 14})
        sheet.write_row(0, 0, [f"{OFFICE}{title}情况表"], bold)
        sheet.write_row(
            1,
            0,
            [
                f"填报单位：{OFFICE}",
                "",
                f"填报日期：{written.year}年{written.month}月{written.day}日",
                "",
                "内部资料，注意保存",
            ],
        )
        sheet.write_row(2, 0, table.column_names, book.add_format({"bold": True, "border": 1}))
        plain = book.add_format({"num_format": "yyyy/m/d"})
        columns = [column.to_pylist() for column in table.columns]
        dates = [pa.types.is_date(column.type) for column in table.columns]
        for number, row in enumerate(zip(*columns, strict=True), start=3):
            for place, value in enumerate(row):
                if value is None:
                    continue
                if dates[place]:
                    sheet.write_datetime(number, place, value, plain)
                else:
                    sheet.write_string(number, place, value)


__all__ = ["write_workbooks"]
