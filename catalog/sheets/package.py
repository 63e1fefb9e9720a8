"""Looking a workbook over before it is read: what it is, how large it would be unpacked, and what it must not hold.

A workbook is a ZIP of XML files. Sizes are those the archive states, beyond which nothing is unpacked; one whose parts are too large,
packed too densely, or declare a document type is refused before a parser sees it.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from schemas.errors import WorkbookTooLarge, WrongWorkbook

LARGEST_PART = 64 << 20
LARGEST_WHOLE = 128 << 20
DENSEST = 200
"""So many times may a part be larger than it is packed; sheets are about 10 to 50 times."""
MOST_PARTS = 1_000
LONGEST_ROW = 4 << 20
_CHUNK = 1 << 20
_SMALL = 1 << 20
_ENCRYPTED = 0x1
_OLD = b"\xd0\xcf\x11\xe0"  # of .xls, and of workbooks under a password
_DOCTYPE = (b"<!DOCTYPE", "<!DOCTYPE".encode("utf-16-le"), "<!DOCTYPE".encode("utf-16-be"))
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
_OVERLAP = 64
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)


@dataclass(frozen=True)
class Looked:
    """What was seen: the merged ranges of each part, as ``A1:B2``."""

    merged: Mapping[str, tuple[str, ...]]


def look_over(path: Path) -> Looked:
    """Look a workbook over; ``WrongWorkbook`` says why it is not read, ``WorkbookTooLarge`` what is too large."""
    _check_kind(path)
    try:
        with zipfile.ZipFile(path) as package:
            _check_sizes(path, package.infolist())
            return Looked(
                {
                    part.filename: tuple(_merged(path, package, part))
                    for part in package.infolist()
                    if _is_text(part)
                }
            )
    except BROKEN:
        raise WrongWorkbook(f"{path.name} is broken.", hint="Save it anew, as .xlsx.") from None


def _check_kind(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise WrongWorkbook(f"{path} cannot be read ({error.strerror}).") from None
    if head == _OLD:
        raise WrongWorkbook(
            f"{path.name} is an old workbook (.xls), or one under a password.",
            hint="Open it, and save it as .xlsx without a password.",
        )
    if head[:2] != b"PK":
        raise WrongWorkbook(f"{path.name} is no workbook.", hint="Save the table as .xlsx.")


def _check_sizes(path: Path, parts: list[zipfile.ZipInfo]) -> None:
    if not any(part.filename == "[Content_Types].xml" for part in parts):
        raise WrongWorkbook(f"{path.name} is an archive, but no workbook.", hint="Save the table as .xlsx.")
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise WrongWorkbook(f"{path.name} is under a password.", hint="Save it without one.")
    whole, dense = sum(part.file_size for part in parts), [part for part in parts if _is_dense(part)]
    large = [part for part in parts if part.file_size > LARGEST_PART]
    if len(parts) > MOST_PARTS or large or dense or whole > LARGEST_WHOLE:
        raise WorkbookTooLarge(
            f"{path.name} would be {whole >> 20} MiB in {len(parts)} parts when it is unpacked; nothing of it was.",
            hint=f"At most {LARGEST_PART >> 20} MiB a part, {LARGEST_WHOLE >> 20} MiB in all are read. Divide the workbook.",
        )


def _is_dense(part: zipfile.ZipInfo) -> bool:
    return part.file_size > _SMALL and part.file_size > DENSEST * max(part.compress_size, 1)


def _is_text(part: zipfile.ZipInfo) -> bool:
    return part.filename.lower().endswith((".xml", ".rels"))


def _merged(path: Path, package: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[str]:
    sheet, since_row = "worksheets/" in part.filename, 0
    with package.open(part) as content:
        for chunk, new in _overlapping(content):
            if any(mark in chunk for mark in _DOCTYPE):
                raise WrongWorkbook(
                    f"{path.name} declares a document type, which workbooks do not.", hint="Save it anew."
                )
            since_row = 0 if b"</row" in chunk or b":row" in chunk else since_row + new
            if sheet and since_row > LONGEST_ROW:
                raise WorkbookTooLarge(f"{path.name} has a row of more than {LONGEST_ROW >> 20} MiB.")
            if sheet:
                yield from (found.decode() for found in _MERGED.findall(chunk))


def _overlapping(content: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield chunks each of which begins with the end of the one before, and how much of it is new."""
    kept = b""
    while chunk := content.read(_CHUNK):
        yield kept + chunk, len(chunk)
        kept = chunk[-_OVERLAP:]
