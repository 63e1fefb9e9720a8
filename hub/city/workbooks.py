"""Write a register as an Excel workbook the way offices do: a title and a line of remarks above the header.

The sheet's XML is joined column by column in Arrow, ten times as fast as cell by cell, and the archive carries a
fixed time: the same rows give the same bytes. Text is inline, dates are serial numbers with a date format.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

OFFICE = "重庆市民政局"
ROWS_A_SHEET = 1_000_000
"""Excel holds 1,048,576 rows a sheet; a longer register goes on in the next sheet."""
ROWS_A_PIECE = 50_000
TITLE_ROWS = 2
EXCEL_DAY_ZERO = 25_569
"""The serial number of 1970-01-01."""

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><fonts count="1"><font><sz val="11"/><name val="宋体"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf xfId="0"/><xf numFmtId="14" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>'
)


def write_workbook(path: Path, title: str, day: str, table: Any) -> None:
    """Write a table of strings and dates; ``day`` (``YYYYMMDD``) is when the office filled it in."""
    starts = range(0, max(table.num_rows, 1), ROWS_A_SHEET)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in _frame(title, len(starts)).items():
            _add(archive, name, [text])
        for number, start in enumerate(starts, start=1):
            _add(
                archive,
                f"xl/worksheets/sheet{number}.xml",
                _sheet(title, day, table.slice(start, ROWS_A_SHEET)),
            )


def _add(archive: zipfile.ZipFile, name: str, pieces: Any) -> None:
    entry = zipfile.ZipInfo(name, (2026, 1, 5, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=True) as file:
        for piece in pieces:
            file.write(piece.encode("utf-8"))


def _frame(title: str, sheets: int) -> dict[str, str]:
    """Return the parts of the package other than sheets, by name."""
    numbers = range(1, sheets + 1)
    tabs = "".join(
        f'<sheet name="{title}{n if n > 1 else ""}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_LINKS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    links += f'<Relationship Id="rId{sheets + 1}" Type="{_LINKS}/styles" Target="styles.xml"/>'
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_KIND}.worksheet+xml"/>'
        for n in numbers
    )
    return {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>{parts}'
        f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/></Types>',
        "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>{tabs}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>',
        "xl/styles.xml": _STYLES,
    }


def _sheet(title: str, day: str, table: Any) -> Any:
    """Yield the sheet's XML in pieces: titles, header, rows."""
    filled = f"填报日期：{int(day[:4])}年{int(day[4:6])}月{int(day[6:])}日"
    yield f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'
    yield _text_row(1, [f"{OFFICE}{title}情况表"])
    yield _text_row(2, [f"填报单位：{OFFICE}", "", filled, "", "内部资料，注意保存"])
    yield _text_row(TITLE_ROWS + 1, table.column_names)
    for start in range(0, table.num_rows, ROWS_A_PIECE):
        yield "".join(_rows(table.slice(start, ROWS_A_PIECE), start + TITLE_ROWS + 2).to_pylist())
    yield "</sheetData></worksheet>"


def _text_row(number: int, values: list[str]) -> str:
    cells = [
        f'<c r="{chr(65 + place)}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
        for place, value in enumerate(values)
        if value
    ]
    return f'<row r="{number}">{"".join(cells)}</row>'


def _rows(table: Any, first: int) -> Any:
    numbers = pc.cast(pa.array(np.arange(table.num_rows) + first), pa.string())
    parts: list[Any] = ['<row r="', numbers, '">']
    parts += [
        _cells(chr(65 + place), numbers, column.combine_chunks())
        for place, column in enumerate(table.columns)
    ]
    return pc.binary_join_element_wise(*parts, "</row>", "")


def _cells(letter: str, numbers: Any, column: Any) -> Any:
    if pa.types.is_date(column.type):
        serial = pc.cast(
            pc.add(pc.cast(pc.cast(column, pa.int32()), pa.int64()), EXCEL_DAY_ZERO), pa.string()
        )
        cells = pc.binary_join_element_wise(f'<c r="{letter}', numbers, '" s="1"><v>', serial, "</v></c>", "")
    else:
        text = column
        for mark, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = pc.replace_substring(text, mark, name)
        cells = pc.binary_join_element_wise(
            f'<c r="{letter}', numbers, '" t="inlineStr"><is><t>', text, "</t></is></c>", ""
        )
    return pc.fill_null(cells, "")
