"""CSV and its kin, streamed: memory is bounded by a block of 4 MiB and the batch."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from connectors.file.formats.encoding import Encoding, tell_encoding
from connectors.file.formats.headers import SEARCHED_ROWS, Header, match, missing, require_unambiguous
from connectors.source import Source
from schemas.errors import TruncatedFile, WrongFormat

_BLOCK = 4 << 20
_DELIMITERS = (",", "\t", ";", "|")


@dataclass(frozen=True)
class _Layout:
    """Which delimiter, how many physical lines the header ends after, and where the needed columns stand."""

    delimiter: str
    lines: int
    header: Header


def read_delimited(path: Path, source: Source, rows: int) -> Iterator[pa.Table]:
    """Stream the needed columns as strings, in blocks of Arrow's; every row must have as many fields as the header."""
    encoding = tell_encoding(path, source)
    layout = _layout(path, source, encoding)
    if encoding.quotes % 2:
        _refuse_unclosed_quote(path, source, encoding, layout.delimiter)
    bad: list[arrow_csv.InvalidRow] = []
    try:
        with _open(path, encoding, layout, bad) as stream:
            names = list(layout.header.positions)
            for block in stream:
                yield pa.Table.from_batches([block]).rename_columns(names)
    except pa.ArrowInvalid:
        raise _refusal(path, source, encoding, bad) from None


def _open(path: Path, encoding: Encoding, layout: _Layout, bad: list[Any]) -> arrow_csv.CSVStreamingReader:
    def refuse(row: arrow_csv.InvalidRow) -> str:
        bad.append(row)
        return "error"

    # Columns are numbered, not named: a file may hold a name twice among those that are not needed.
    numbered = [f"c{position}" for position in range(layout.header.width)]
    wanted = [numbered[position] for position in layout.header.positions.values()]
    return arrow_csv.open_csv(
        str(path),
        read_options=arrow_csv.ReadOptions(
            encoding="utf8" if encoding.codec == "utf-8-sig" else encoding.codec,
            skip_rows=layout.lines,
            column_names=numbered,
            block_size=_BLOCK,
            use_threads=False,  # only then is a wrong row's number known
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=layout.delimiter, newlines_in_values=encoding.quotes > 0, invalid_row_handler=refuse
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in wanted},
            include_columns=wanted,
            strings_can_be_null=False,
        ),
    )


def _layout(path: Path, source: Source, encoding: Encoding) -> _Layout:
    declared = source.option("delimiter")
    best, lacking = -1, list(source.columns)
    for delimiter in (declared,) if declared else _DELIMITERS:
        rows, lines = _first_rows(path, encoding, delimiter)
        header, named, without = match(rows, source)
        if header:
            require_unambiguous(header, rows[header.row], path, source)
            return _Layout(delimiter, lines[header.row], header)
        if named > best:
            best, lacking = named, without
    raise missing(lacking, source, f"file {path.name}")


def _first_rows(path: Path, encoding: Encoding, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """Return the first rows and after how many physical lines each ends."""
    with path.open(encoding=encoding.codec, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        rows: list[list[str]] = []
        lines: list[int] = []
        try:
            for row in islice(reader, SEARCHED_ROWS):
                rows.append(row)
                lines.append(reader.line_num)
        except csv.Error:  # a quote never closed; it is named once the header is known
            pass
        return rows, lines


def _refuse_unclosed_quote(path: Path, source: Source, encoding: Encoding, delimiter: str) -> None:
    """Arrow takes an unclosed quote to close at the end of the file, swallowing every row on the way: refuse it."""
    start = 0
    with path.open(encoding=encoding.codec, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for _ in reader:
                start = reader.line_num
            return  # the odd quotation mark stands within a field and opens nothing
        except csv.Error as error:
            unclosed = "unexpected end" in str(error) or "field larger" in str(error)
            last = reader.line_num
    place = f"Source {source.code}, file {path.name}"
    context: dict[str, Any] = {"source": source.code, "file": path.name, "line": start + 1}
    if unclosed and last == start + 1:
        raise TruncatedFile(f"{place} ends within a quoted field on line {start + 1}, its last.", **context)
    if unclosed:
        raise WrongFormat(
            f"{place}: a quotation mark opened in the row of line {start + 1} is never closed.", **context
        )
    raise WrongFormat(f"{place}: the quoting on line {last} is broken.", **context)


def _refusal(path: Path, source: Source, encoding: Encoding, bad: list[arrow_csv.InvalidRow]) -> Exception:
    place = f"Source {source.code}, file {path.name}"
    if not bad:
        return WrongFormat(f"{place} cannot be read as CSV.", source=source.code, file=path.name)
    row = bad[-1]
    where = f"line {row.number}" if not encoding.quotes else f"row {row.number}"
    counts = f"{row.actual_columns} fields where the header has {row.expected_columns}"
    context: dict[str, Any] = {"source": source.code, "file": path.name, "line": row.number}
    if (
        row.actual_columns < row.expected_columns
        and not encoding.ends_in_newline
        and _is_last(path, encoding, row.text)
    ):
        hint = "Ask the department to deliver the file again."
        return TruncatedFile(f"{place} ends within its last row, {where}: {counts}.", hint=hint, **context)
    return WrongFormat(f"{place}, {where} has {counts}.", **context)


def _is_last(path: Path, encoding: Encoding, text: str) -> bool:
    tail = text.encode(encoding.codec if encoding.codec not in ("utf-16", "utf-8-sig") else "utf-8")
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - len(tail) * 2 - 2))
        end = file.read()
    if encoding.codec == "utf-16":
        return end.endswith((text.encode("utf-16-le"), text.encode("utf-16-be")))
    return end.endswith(tail)
