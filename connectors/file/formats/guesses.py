"""Guessing how a file is read of which nothing is known: header, delimiter, sheets, record paths.

A guess is shown to a person, who says whether it is right; nothing is read into the hub by one.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from connectors.file.formats import Wanted
from connectors.file.formats.headers import SEARCHED_ROWS, plain
from schemas.errors import WrongFormat

FOOTER = r"^(合计|总计|共计|注[:：]|备注[:：]|说明[:：]|制表|填表|审核|Source:|Notes?:)"
_NUMBER = re.compile(r"[+-]?[\d,.]+%?|\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}.*")
_ENOUGH = 0.6
_MOSTLY = 0.8
_TAIL = 10
_LONG_TAIL = 60
_READ_ROWS = 2_000


@dataclass(frozen=True)
class Guess:
    """A table in a file: its part (sheet, record path), its columns, the options for it, and what only this reading needs."""

    part: str = ""
    columns: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)


def guesses(kind: str, path: Path, wanted: Wanted) -> list[Guess]:
    """Return a guess for each table in the file; raises ``WrongFormat`` where none can be made out."""
    kinds: Mapping[str, Callable[[Path, Wanted], Iterator[Guess]]] = {
        "csv": _of_delimited,
        "excel": _of_workbook,
        "json": _of_json,
        "xml": _of_xml,
        "parquet": _of_parquet,
    }
    found = list(kinds[kind](path, wanted))
    if not found:
        raise WrongFormat(
            f"File {path.name}: no table can be made out.",
            hint="Say where it is: options.header, delimiter, sheet or record_path.",
            file=path.name,
        )
    return found


def header_row(rows: Sequence[Sequence[Any]]) -> int | None:
    """Return the row (0-based) that looks like the header: wide, its cells all different, and words rather than numbers."""
    widest = max((_filled(row) for row in rows), default=0)
    if not widest:
        return None
    wide = [
        number
        for number, row in enumerate(rows)
        if _filled(row) >= _ENOUGH * widest and _are_different(row) and (widest == 1 or _filled(row) > 1)
    ]
    worded = [number for number in wide if _words(rows[number]) >= _MOSTLY * _filled(rows[number])]
    return next(iter(worded or wide), None)


def _filled(row: Sequence[Any]) -> int:
    return sum(1 for cell in row if cell is not None and plain(cell))


def _are_different(row: Sequence[Any]) -> bool:
    names = [plain(cell) for cell in row if cell is not None and plain(cell)]
    return len(set(names)) == len(names)


def _words(row: Sequence[Any]) -> int:
    return sum(
        1 for cell in row if isinstance(cell, str) and plain(cell) and not _NUMBER.fullmatch(plain(cell))
    )


def _named(row: Sequence[Any]) -> tuple[str, ...]:
    return tuple(name for cell in row if cell is not None and (name := plain(cell)))


def _footer(rows: Sequence[Sequence[Any]], width: int | None = None) -> dict[str, Any]:
    """Propose where the data ends, if the last rows say so in words, or have another width than the header."""
    filled = [row for row in rows if _filled(row)]
    said = [place for place, row in enumerate(filled) if re.search(FOOTER, _named(row)[0])]
    if said and said[0] >= len(filled) - _TAIL:
        return {"until": FOOTER}
    other = [place for place, row in enumerate(filled) if width is not None and len(row) != width]
    if other and other[0] >= len(filled) - _LONG_TAIL:
        return {"footer_rows": len(filled) - other[0]}
    return {}


def _of_delimited(path: Path, wanted: Wanted) -> Iterator[Guess]:
    from connectors.file.formats.encoding import tell_encoding
    from connectors.file.formats.headers import declared_row
    from connectors.file.formats.layout import DELIMITERS, first_rows

    encoding = tell_encoding(path, wanted)
    declared = wanted.option("delimiter")
    read = {
        delimiter: first_rows(path, encoding, delimiter, _READ_ROWS).rows
        for delimiter in ((declared,) if declared else DELIMITERS)
    }
    delimiter = max(read, key=lambda one: _regularity(read[one]))
    rows = read[delimiter]
    stated = declared_row(wanted)
    header = stated if stated is not None else header_row(rows[:SEARCHED_ROWS])
    if header is None or header >= len(rows):
        return
    footer = _footer(rows[header + 1 :], len(rows[header])) if len(rows) < _READ_ROWS else {}
    yield Guess("", _named(rows[header]), footer, {"delimiter": delimiter, "header": header + 1})


def _regularity(rows: Sequence[Sequence[str]]) -> float:
    """How many fields a row mostly has beyond one, times the share of rows that have as many."""
    widths = Counter(len(row) for row in rows if row)
    if not widths:
        return 0
    width, count = max(widths.items(), key=lambda found: (found[0] - 1) * found[1])
    return (width - 1) * count / len(rows)


def _of_workbook(path: Path, wanted: Wanted) -> Iterator[Guess]:
    from connectors.file.formats.headers import declared_row
    from connectors.file.formats.sheets import open_workbook, sheet_of, sheets_named

    with open_workbook(path, wanted) as workbook:
        for name in sheets_named(workbook, path, wanted):
            rows = list(islice(sheet_of(workbook, name, path, wanted).iter_rows(), _READ_ROWS))
            stated = declared_row(wanted)
            header = stated if stated is not None else header_row(rows[:SEARCHED_ROWS])
            if header is None or header >= len(rows) - 1:
                continue
            footer = _footer(rows[header + 1 :]) if len(rows) < _READ_ROWS else {}
            yield Guess(name, _named(rows[header]), {"sheet": name, **footer}, {"header": header + 1})


def _of_json(path: Path, wanted: Wanted) -> Iterator[Guess]:
    from connectors.file.formats.encoding import tell_encoding
    from connectors.file.formats.json_records import names_of, record_paths

    declared = wanted.option("record_path")
    for found in [declared] if declared else record_paths(path, tell_encoding(path, wanted).codec):
        columns = names_of(path, wanted, tuple(found.split(".")) if found else ())
        yield Guess(found, columns, {"record_path": found} if found else {})


def _of_xml(path: Path, wanted: Wanted) -> Iterator[Guess]:
    from connectors.file.formats.xml_records import names_of, record_paths

    declared = wanted.option("record_path")
    for found in [declared] if declared else record_paths(path, wanted):
        columns = names_of(path, wanted, tuple(found.split(".")))
        yield Guess(found, columns, {"record_path": found})


def _of_parquet(path: Path, wanted: Wanted) -> Iterator[Guess]:
    from connectors.file.formats.columnar import described

    yield Guess("", tuple(described(path, wanted)))
