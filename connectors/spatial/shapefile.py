"""Shapefiles: several files of one name, of which each can be missing, cut off, or silent about its text's encoding.

ESRI Shapefile Technical Description (1998); the header of the table is dBASE III's.
"""

from pathlib import Path

import numpy as np

SUFFIX = ".shp"
COMPANIONS = (".shx", ".dbf", ".prj", ".cpg")
_NEEDED = (".shx", ".dbf")
_HEADER = 100
_CODE_PAGE = 29  # place of the table's code page mark in its header
_SILENT = (0x00, 0x57)  # no mark, or "ANSI", which is whatever the writer's machine had


def beside(path: Path) -> list[Path]:
    """Return the files that belong to it and are there, in whatever case their names are."""
    found = {other.suffix.lower(): other for other in path.parent.glob("*") if other.stem == path.stem}
    return [found[suffix] for suffix in COMPANIONS if suffix in found]


def fault(path: Path) -> str | None:
    """Say what is missing or cut off: the files must be as long as they say, and have as many rows as shapes."""
    files = {other.suffix.lower(): other for other in beside(path)}
    if lacking := [suffix for suffix in _NEEDED if suffix not in files]:
        return f"came without its {' and '.join(lacking)}"
    for file in (path, files[".shx"]):
        if file.stat().st_size < max(_HEADER, _length(file)):
            return f"is cut off: {file.name} is shorter than its header says"
    rows, start, width = _layout(files[".dbf"])
    if files[".dbf"].stat().st_size < start + rows * width:
        return f"is cut off: {files['.dbf'].name} is shorter than its header says"
    shapes = (_length(files[".shx"]) - _HEADER) // 8
    return f"has {shapes:,} shapes and {rows:,} rows" if shapes != rows else None


def count(path: Path) -> int:
    """Return how many rows are not marked as deleted."""
    table = next(other for other in beside(path) if other.suffix.lower() == ".dbf")
    rows, start, width = _layout(table)
    if not rows:
        return 0
    marks = np.memmap(table, dtype=np.uint8, mode="r", offset=start, shape=(rows * width,))[::width]
    return rows - int(np.count_nonzero(marks == ord("*")))


def is_of_unknown_encoding(path: Path) -> bool:
    """Tell whether there is text beyond ASCII, and nothing says in which encoding."""
    files = {other.suffix.lower(): other for other in beside(path)}
    if ".cpg" in files and files[".cpg"].read_bytes().strip():
        return False
    with files[".dbf"].open("rb") as file:
        if file.read(_CODE_PAGE + 1)[-1] not in _SILENT:
            return False
        return any(not chunk.isascii() for chunk in iter(lambda: file.read(1 << 20), b""))


def _length(path: Path) -> int:
    with path.open("rb") as file:
        return int.from_bytes(file.read(_HEADER)[24:28], "big") * 2


def _layout(table: Path) -> tuple[int, int, int]:
    """Return how many rows the table says it has, where they start, and how many bytes each takes."""
    with table.open("rb") as file:
        head = file.read(32)
    rows, start, width = (int.from_bytes(head[at:to], "little") for at, to in ((4, 8), (8, 10), (10, 12)))
    return rows, start, width
