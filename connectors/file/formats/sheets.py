"""Opening a workbook, and choosing the sheets that hold the data."""

import zipfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, ZipError

from connectors.file.formats import FILE, SHEET, Wanted
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

_ZIP = b"PK\x03\x04"
_END_OF_ZIP = b"PK\x05\x06"
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")
_SECTOR = 512
_HALF = 0.5


@dataclass(frozen=True)
class Found:
    """A sheet with data, and its header."""

    name: str
    content: CalamineSheet
    header: Header


def open_workbook(path: Path, wanted: Wanted) -> CalamineWorkbook:
    """Open a workbook; raises ``TruncatedFile`` or ``WrongFormat`` when it is none, under a password, or too large."""
    place = f"Source {wanted.code}, file {path.name}"
    context = {"source": wanted.code, "file": path.name}
    _refuse_cut_file(path, place, wanted)
    _refuse_bomb(path, place, wanted)
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        hint = "Ask the department for it without a password."
        raise WrongFormat(f"{place} is a workbook under a password.", hint=hint, **context) from None
    except (CalamineError, ZipError, OSError, ValueError):
        raise WrongFormat(f"{place} is not a workbook of Excel.", **context) from None


def chosen_sheets(workbook: CalamineWorkbook, path: Path, wanted: Wanted) -> list[Found]:
    """Return the sheets that ``options.sheet`` names, each with its header; without it the one with the most columns."""
    named = wanted.option("sheet")
    if named is None:
        return [_best(workbook, list(workbook.sheet_names), path, wanted)]
    found: list[Found] = []
    for entry in named if isinstance(named, tuple | list) else (named,):
        found += _matching(workbook, entry, path, wanted)
    return list({sheet.name: sheet for sheet in found}.values())


def sheets_named(workbook: CalamineWorkbook, path: Path, wanted: Wanted) -> list[str]:
    """Return the names of the sheets that ``options.sheet`` names or takes in; without it all."""
    named = wanted.option("sheet")
    if named is None:
        return list(workbook.sheet_names)
    entries = named if isinstance(named, tuple | list) else (named,)
    found = [name for entry in entries for name in _named(list(workbook.sheet_names), entry)]
    if not found:
        raise _no_sheet(entries[0], path, wanted)
    return list(dict.fromkeys(found))


def _named(names: list[str], entry: str | int) -> list[str]:
    if isinstance(entry, int):
        return [names[entry - 1]] if 1 <= entry <= len(names) else []
    return [entry] if entry in names else [name for name in names if fnmatchcase(name, entry)]


def sheet_of(workbook: CalamineWorkbook, name: str, path: Path, wanted: Wanted) -> CalamineSheet:
    """Load one sheet; raises ``WrongFormat`` when it is broken."""
    try:
        return workbook.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError):
        raise WrongFormat(
            f"Source {wanted.code}, file {path.name}: sheet {name!r} is broken.",
            source=wanted.code,
            file=path.name,
        ) from None


def _matching(workbook: CalamineWorkbook, entry: str | int, path: Path, wanted: Wanted) -> list[Found]:
    """Return the sheets of a name or number, or those of a pattern that hold data.

    A sheet that a pattern takes in is passed over when it names fewer than half of the columns: it explains, or is empty.
    """
    names = _named(list(workbook.sheet_names), entry)
    if names and (isinstance(entry, int) or entry in names):
        return [_best(workbook, names, path, wanted)]
    taken = []
    for name in names:
        found, searched = _searched(workbook, name, path, wanted)
        if found:
            taken.append(found)
        elif searched.named >= max(1, _HALF * len(asked(wanted))):
            raise missing(searched.lacking, wanted, f"file {path.name}, sheet {name!r}", searched.shape)
    if not taken:
        raise _no_sheet(entry, path, wanted)
    return taken


def _best(workbook: CalamineWorkbook, names: list[str], path: Path, wanted: Wanted) -> Found:
    best, chosen = None, None
    for name in names:
        found, searched = _searched(workbook, name, path, wanted)
        if best is None or searched.beats(best):
            best, chosen = searched, found
        if chosen and best.named == len(asked(wanted)):
            break
    if best is None or chosen is None:
        lacking, shape = (best.lacking, best.shape) if best else (asked(wanted), {})
        raise missing(lacking, wanted, f"file {path.name}", shape)
    return chosen


def _searched(
    workbook: CalamineWorkbook, name: str, path: Path, wanted: Wanted
) -> tuple[Found | None, Search]:
    sheet = sheet_of(workbook, name, path, wanted)
    searched = search(list(islice(sheet.iter_rows(), SEARCHED_ROWS)), wanted, (FILE, SHEET))
    if searched.header is None:
        return None, searched
    return Found(name, sheet, require_unambiguous(searched.header, path, wanted)), searched


def _no_sheet(entry: str | int, path: Path, wanted: Wanted) -> WrongFormat:
    return WrongFormat(
        f"Source {wanted.code}, file {path.name}: there is no sheet {entry!r} with the columns.",
        source=wanted.code,
        file=path.name,
    )


def _refuse_cut_file(path: Path, place: str, wanted: Wanted) -> None:
    """A workbook is a ZIP, whose directory is at its end, or a compound file of whole sectors."""
    with path.open("rb") as file:
        head = file.read(8)
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557))  # the longest end record: 22 bytes and a comment of 65,535
        end = file.read()
    cut = head.startswith(_ZIP) and _END_OF_ZIP not in end
    cut |= head.startswith(_COMPOUND) and size % _SECTOR != 0
    if cut or not head:
        raise TruncatedFile(
            f"{place} ends before the workbook does.",
            hint="Ask the department to deliver the file again.",
            source=wanted.code,
            file=path.name,
        )


def _refuse_bomb(path: Path, place: str, wanted: Wanted) -> None:
    """A workbook of Excel is unpacked in memory, so what it says it holds is limited like a file."""
    limit = int(wanted.option("largest_mib"))
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return  # not a ZIP, or a broken one, which calamine tells
    if size > limit << 20:
        raise WrongFormat(
            f"{place} unpacks to {size >> 20:,} MiB, more than {limit:,}.",
            hint="Raise options.largest_mib if the department really delivers so much.",
            source=wanted.code,
            file=path.name,
        )
