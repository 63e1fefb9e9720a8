"""How a CSV file is laid out: its delimiter, where its header is, and whether its quotes hold."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from connectors.file.formats import Wanted
from connectors.file.formats.encoding import Encoding
from connectors.file.formats.headers import (
    SEARCHED_ROWS,
    Header,
    Search,
    asked,
    missing,
    require_unambiguous,
    search,
)
from schemas.errors import TruncatedFile, WrongFormat

DELIMITERS = (",", "\t", ";", "|")


@dataclass(frozen=True)
class Layout:
    """Which delimiter, how many physical lines the header ends after, and where the needed columns stand."""

    delimiter: str
    lines: int
    header: Header


@dataclass(frozen=True)
class FirstRows:
    """The first rows, and after how many physical lines each ends."""

    rows: Sequence[list[str]]
    lines: Sequence[int]


def find_layout(path: Path, wanted: Wanted, encoding: Encoding) -> Layout:
    """Find the delimiter and the row that name the most columns; raises ``MissingColumn`` when none name enough."""
    declared = wanted.option("delimiter")
    best, layout = None, None
    for delimiter in (declared,) if declared else DELIMITERS:
        first = first_rows(path, encoding, delimiter)
        found = search(first.rows, wanted)
        if best is None or found.beats(best):
            best = found
            layout = Layout(delimiter, first.lines[found.header.row], found.header) if found.header else None
        if _complete(best, wanted):
            break
    if best is None or layout is None:
        lacking, shape = (best.lacking, best.shape) if best else (asked(wanted), {})
        raise missing(lacking, wanted, f"file {path.name}", shape)
    require_unambiguous(layout.header, path, wanted)
    return layout


def _complete(found: Search, wanted: Wanted) -> bool:
    return found.header is not None and found.named == len(asked(wanted))


def first_rows(path: Path, encoding: Encoding, delimiter: str, most: int = SEARCHED_ROWS) -> FirstRows:
    """Read the rows among which a header is searched."""
    rows: list[list[str]] = []
    lines: list[int] = []
    with path.open(encoding=encoding.codec, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            for row in islice(reader, most):
                rows.append(row)
                lines.append(reader.line_num)
        except csv.Error:  # a quote never closed; it is named once the header is known
            pass
    return FirstRows(rows, lines)


def refuse_unclosed_quote(path: Path, wanted: Wanted, encoding: Encoding, delimiter: str) -> None:
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
    place = f"Source {wanted.code}, file {path.name}"
    context: dict[str, Any] = {"source": wanted.code, "file": path.name, "line": start + 1}
    if unclosed and last == start + 1:
        raise TruncatedFile(f"{place} ends within a quoted field on line {start + 1}, its last.", **context)
    if unclosed:
        raise WrongFormat(
            f"{place}: a quotation mark opened in the row of line {start + 1} is never closed.", **context
        )
    raise WrongFormat(f"{place}: the quoting on line {last} is broken.", **context)
