"""The connector for files a department delivers: new and changed ones are read, in batches, resumably.

The state keeps per file its size, modification time, SHA-256 and how many rows are committed. A file that is
done is read again, whole, when its content changed; one that was interrupted goes on behind the last committed
batch. Where the source names a watermark column, a re-delivered file's rows below the highest value seen in
its former content are left out: only for registers that stamp every change.
"""

import glob
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.batch import Delivery, rechunk, with_last
from connectors.file.formats import reader_of
from connectors.file.watermarks import comparable, highest, not_below
from connectors.references import row_references
from connectors.source import Source
from schemas.errors import DefinitionError, SourceUnreachable, TruncatedFile

_NUMBER = "_number"


class FileConnector:
    """A department's deliveries of files."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield what is new in the source's files, oldest name first."""
        known: dict[str, dict[str, Any]] = dict((state or {}).get("files", {}))
        found = _files(self._source, known)
        known = {name: entry for name, entry in known.items() if name in found}
        for name, path in found.items():
            entry = _entry(path, known.get(name))
            known[name] = entry
            if not entry["done"]:
                yield from _read_file(self._source, path, name, known, batch_rows)

    def references(self) -> Iterator[pa.Array]:
        """A file tells what changed, not what is gone."""
        raise DefinitionError(
            f"Source {self._source.code}: deletions cannot be found by comparison in files."
        )

    def acknowledge(self, state: dict[str, Any]) -> None:
        """Files stay where the department put them."""

    def close(self) -> None:
        """Nothing is held open between files."""


def _files(source: Source, known: dict[str, Any]) -> dict[str, Path]:
    pattern = Path(source.option("path")).expanduser()
    root = _root(pattern)
    paths = sorted(Path(path) for path in glob.glob(str(pattern), recursive=True))  # noqa: PTH207 (absolute patterns)
    files = {path.relative_to(root).as_posix(): path for path in paths if path.is_file()}
    if not files and not (known and root.is_dir()):
        raise SourceUnreachable(
            f"Source {source.code}: there is no file {pattern}.",
            hint="Check options.path, and whether the department has delivered.",
            source=source.code,
        )
    return files


def _root(pattern: Path) -> Path:
    """The deepest folder of the pattern that is named without wildcards: file names in the state are relative to it."""
    for parent in (pattern, *pattern.parents):
        if not glob.has_magic(str(parent)):
            return parent if parent != pattern else pattern.parent
    return Path()


def _entry(path: Path, former: dict[str, Any] | None) -> dict[str, Any]:
    """Compare the file with what is known of it: the same, to be gone on with, or to be read from its start."""
    status = path.stat()
    size, modified = status.st_size, status.st_mtime_ns
    if former and former["done"] and (former["size"], former["mtime_ns"]) == (size, modified):
        return former
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    if former and former["sha256"] == content:
        return former | {"size": size, "mtime_ns": modified}
    high = former["high"] if former and former["done"] else None
    fresh = {"size": size, "mtime_ns": modified, "sha256": content, "rows": 0, "done": False}
    return fresh | {"floor": high, "high": high}


def _read_file(
    source: Source, path: Path, name: str, known: dict[str, dict[str, Any]], batch_rows: int
) -> Iterator[Delivery]:
    entry = known[name]
    as_of = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    tables = _numbered(
        reader_of(source.option("format"))(path, source, batch_rows), name, source, entry["rows"]
    )
    known[name] = entry | {"done": True}  # holds when no row is left to deliver
    wanted = _above_floor(tables, source, entry["floor"])
    for table, last in with_last(rechunk(wanted, batch_rows)):
        if last:
            _require_unchanged(source, path, entry)
        entry = entry | {"rows": table.column(_NUMBER)[-1].as_py(), "done": last}
        if source.watermark:
            column = comparable(table.column(source.watermark.column), source.watermark)
            entry["high"] = highest(column, entry["high"], source.watermark)
        known[name] = entry
        yield Delivery(table.drop_columns([_NUMBER]), name, {"files": dict(known)}, as_of)


def _numbered(tables: Iterator[pa.Table], name: str, source: Source, done: int) -> Iterator[pa.Table]:
    """Add row references and numbers (from 1), and leave out the first ``done`` rows, which are committed."""
    count = 0
    for table in tables:
        numbers = pa.array(np.arange(count + 1, count + 1 + table.num_rows))
        count += table.num_rows
        if count <= done:
            continue
        fallback = pc.binary_join_element_wise(f"{name}:", numbers.cast(pa.string()), "")
        full = table.append_column("_row", row_references(table, source.row_id, fallback)).append_column(
            _NUMBER, numbers
        )
        yield full.slice(max(0, done - (count - table.num_rows)))


def _above_floor(tables: Iterator[pa.Table], source: Source, floor: Any) -> Iterator[pa.Table]:
    for table in tables:
        if source.watermark is None or floor is None:
            yield table
            continue
        kept = not_below(
            comparable(table.column(source.watermark.column), source.watermark), floor, source.watermark
        )
        yield table.filter(kept)


def _require_unchanged(source: Source, path: Path, entry: dict[str, Any]) -> None:
    status = path.stat()
    if (status.st_size, status.st_mtime_ns) != (entry["size"], entry["mtime_ns"]):
        raise TruncatedFile(
            f"Source {source.code}, file {path.name} was written to while it was read.",
            hint="Run again when the department has finished delivering.",
            source=source.code,
            file=path.name,
        )
