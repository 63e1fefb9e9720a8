"""Where the data of a file ends: what stands below it — totals, notes, signatures — is no row."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.file.formats import Wanted
from connectors.file.formats.encoding import UTF_8
from connectors.file.formats.headers import plain
from connectors.file.formats.layout import Layout

_MARK = b"\xef\xbb\xbf"


def has_footer(wanted: Wanted) -> bool:
    """Whether the definition says that something stands below the data."""
    return bool(wanted.option("until") or wanted.option("footer_rows"))


def above_footer(rows: Iterable[list[Any]], wanted: Wanted) -> Iterator[list[Any]]:
    """Hand on the rows that have a value, up to the one that ends the data and without those below it."""
    below: deque[list[Any]] = deque()
    kept = int(wanted.option("footer_rows"))
    for row in rows:
        first = first_filled(row)
        if first is None:
            continue
        if _ends(first, wanted):
            return
        below.append(row)
        if len(below) > kept:
            yield below.popleft()


@contextmanager
def before_footer(path: Path, wanted: Wanted, layout: Layout) -> Iterator[str | io.RawIOBase]:
    """Give what a CSV reader is to read: the file, in UTF-8, or its part above the footer."""
    if not has_footer(wanted):
        yield str(path)
        return
    with _Part(path, _end_of_data(path, wanted, layout)) as part:
        yield part


class _Part(io.RawIOBase):
    """The first bytes of a file, as a file."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = path.open("rb")
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(content)
        return content

    def close(self) -> None:
        self._file.close()
        super().close()


def _end_of_data(path: Path, wanted: Wanted, layout: Layout) -> int:
    """Count the bytes up to the footer and the empty rows above it, row by row, for a field may span lines."""
    end = place = _mark_length(path)  # ``end`` is that of the last row with a value
    kept = int(wanted.option("footer_rows"))
    starts: deque[int] = deque(maxlen=kept or 1)
    with path.open(encoding=UTF_8, newline="") as file:
        lines = _Counted(file)
        reader = csv.reader(lines, delimiter=layout.delimiter)
        for row in reader:
            place += lines.taken()
            first = first_filled(row)
            if reader.line_num <= layout.lines:
                end = place
                continue
            if first is None:
                continue
            if _ends(first, wanted):
                place = end
                break
            starts.append(end)
            end = place
    return starts[0] if kept and len(starts) == kept else place


class _Counted:
    """Lines of a text, and how many bytes those handed on since the last asking have."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines, self._bytes = iter(lines), 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._bytes += len(line.encode())
        return line

    def taken(self) -> int:
        taken, self._bytes = self._bytes, 0
        return taken


def _mark_length(path: Path) -> int:
    with path.open("rb") as file:
        return len(_MARK) if file.read(len(_MARK)) == _MARK else 0


def first_filled(row: Sequence[Any]) -> str | None:
    """Return what the first cell with a value says; None for a row that is blank."""
    return next((text for cell in row if cell is not None and (text := plain(cell))), None)


def _ends(first: str, wanted: Wanted) -> bool:
    until = wanted.option("until")
    return bool(until) and re.search(until, first) is not None
