"""Finding, among a file's first rows, the one that names the columns."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.source import Source
from schemas.errors import DefinitionError, MissingColumn, WrongFormat

SEARCHED_ROWS = 50
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True)
class Header:
    """Where the header is (0-based row) and at which position each needed column stands."""

    row: int
    positions: dict[str, int]
    width: int


def plain(name: Any) -> str:
    """Reduce a column name to what people mean by it: no blanks or line breaks, half-width."""
    return _BLANK.sub("", unicodedata.normalize("NFKC", str(name))).strip("\ufeff")


def declared_row(source: Source) -> int | None:
    """Return ``options.header`` as a 0-based row, or None for ``auto``."""
    declared = source.option("header")
    if declared == "auto":
        return None
    if not isinstance(declared, int) or isinstance(declared, bool) or declared < 1:
        raise DefinitionError(
            f"Source {source.code}: options.header is neither auto nor a row number from 1."
        )
    return declared - 1


def match(rows: Sequence[Sequence[Any]], source: Source) -> tuple[Header | None, int, list[str]]:
    """Search the row that names every needed column.

    Returns the header or None, how many columns the best row names, and which ones it lacks.
    """
    only = declared_row(source)
    wanted = {column: plain(column) for column in source.columns}
    best, lacking = 0, list(wanted)
    for number, row in enumerate(rows):
        if only is not None and number != only:
            continue
        names = [plain(cell) for cell in row]
        missing = [column for column, name in wanted.items() if name not in names]
        if not missing:
            return (
                Header(number, {column: names.index(name) for column, name in wanted.items()}, len(row)),
                len(wanted),
                [],
            )
        if len(wanted) - len(missing) > best:
            best, lacking = len(wanted) - len(missing), missing
    return None, best, lacking


def require_unambiguous(header: Header, row: Sequence[Any], path: Path, source: Source) -> Header:
    """Return the header, or raise ``WrongFormat`` when a needed column is there twice."""
    names = [plain(cell) for cell in row]
    for column in header.positions:
        if names.count(plain(column)) > 1:
            raise WrongFormat(
                f"Source {source.code}, file {path.name}: column {column!r} is there twice.",
                source=source.code,
                file=path.name,
                column=column,
            )
    return header


def missing(columns: Sequence[str], source: Source, place: str) -> MissingColumn:
    """Make the error that names source, place and columns."""
    named = ", ".join(repr(column) for column in columns)
    return MissingColumn(
        f"Source {source.code}: {place} has no column {named}.",
        hint="Correct the mapping of the source, or ask the department what it renamed.",
        source=source.code,
        column=columns[0],
    )
