"""One reader per file format; each streams Arrow tables of the columns a source needs, and tells what else a file has.

Columns come as strings, exactly as written, except those of Parquet, which have types of their own. A reader raises
``WrongFormat``, ``TruncatedFile``, ``UnknownEncoding`` or ``MissingColumn``, naming source, file and place.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from connectors.batch import Shape
from schemas.errors import WrongFormat

FILE, SHEET = "_file", "_sheet"
TEXT = "text"


class Wanted(Protocol):
    """What is to be read of a file, and how: a ``Source``, or somebody who looks at a file for the first time."""

    @property
    def code(self) -> str:
        """Who asks, for errors."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read, where the file has them."""

    def lacks(self, found: Collection[str]) -> list[str]:
        """Return the columns without which the file cannot be read, and which are not among ``found``."""

    def option(self, name: str) -> Any:
        """Return an option of ``FileOptions``."""


@dataclass(frozen=True)
class Reading:
    """A file, opened: every column it has with its type, and its rows; all tables have the same columns."""

    shape: Shape
    tables: Iterator[pa.Table]


Reader = Callable[[Path, Wanted, int], Reading]


def reader_of(path: Path, wanted: Wanted) -> Reader:
    """Return the reader of ``options.format``, or of what the file's first bytes tell; loads its libraries only now."""
    declared = str(wanted.option("format"))
    name = told_format(path) if declared == "auto" else declared
    if name == "csv":
        from connectors.file.formats.delimited import read_delimited

        return read_delimited
    if name == "excel":
        from connectors.file.formats.excel import read_workbook

        return read_workbook
    if name == "json":
        from connectors.file.formats.json_records import read_json

        return read_json
    if name == "xml":
        from connectors.file.formats.xml_records import read_xml

        return read_xml
    if name == "parquet":
        from connectors.file.formats.columnar import read_parquet

        return read_parquet
    raise WrongFormat(
        f"Source {wanted.code}, file {path.name} is a GeoPackage, or another SQLite database.",
        hint="Connect layers with connector spatial, a database with connector sql.",
        source=wanted.code,
        file=path.name,
    )


_MAGIC = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "excel"),
    (bytes.fromhex("d0cf11e0a1b11ae1"), "excel"),
    (b"SQLite format 3\0", "geopackage"),
)


def told_format(path: Path) -> str:
    """Tell the format from the first bytes; what is nothing else is taken for CSV, and found out by its reader if it is not."""
    with path.open("rb") as file:
        head = file.read(4096)
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return {b"{": "json", b"[": "json", b"<": "xml"}.get(text[:1], "csv")
