"""The connector for files a department delivers: new and changed ones are read, in batches, resumably.

The state keeps per file its version, SHA-256 and how many rows are committed. A file that is done is read again, whole,
when its content changed; one that was interrupted goes on behind the last committed batch. Where the source names a
watermark column, a re-delivered file's rows below the highest value seen in its former content are left out: only for
registers that stamp every change.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.batch import Delivery, rechunk, with_last
from connectors.file.archives import Archive, Member, is_archive, unpacked
from connectors.file.dating import told_by_name
from connectors.file.delivered import DeliveredFiles
from connectors.file.formats import FILE, Reading, reader_of
from connectors.file.places import Found
from connectors.file.progress import MEMBER, Progress
from connectors.file.spool import CHUNK
from connectors.file.watermarks import comparable, highest, not_below
from connectors.references import row_references
from connectors.source import Source
from infra.prefetch import beside
from schemas.errors import DefinitionError

_NUMBER = "_number"


@dataclass(frozen=True)
class _Document:
    """A file, or a member of one, to be read: ``path`` holds it unpacked, ``found`` is what was delivered.

    ``sha256`` waits for the digest, which is taken while the file is opened.
    """

    name: str
    version: str | None
    sha256: Callable[[], str]
    path: Path
    found: Found


class FileConnector:
    """A department's deliveries of files."""

    def __init__(self, source: Source, files: DeliveredFiles | None = None) -> None:
        self._source = source
        self._files = files or DeliveredFiles(source)

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield what is new in the source's files, in the order of their arrival."""
        progress = Progress(state)
        listing = self._files.listing(progress.names)
        progress.keep(listing.names)
        for found in listing.ready:
            if progress.is_done(found.name, found.version):
                continue
            with self._files.fetched(found) as path:
                read = self._archive if is_archive(found.name) else self._single
                yield from read(found, path, progress, batch_rows)

    def references(self) -> Iterator[pa.Array]:
        """A file tells what changed, not what is gone."""
        raise DefinitionError(
            f"Source {self._source.code}: deletions cannot be found by comparison in files."
        )

    def acknowledge(self, state: dict[str, Any]) -> None:
        """Files stay where the department put them."""

    def close(self) -> None:
        """Let the server go."""
        self._files.__exit__()

    def _single(self, found: Found, path: Path, progress: Progress, batch_rows: int) -> Iterator[Delivery]:
        with beside(partial(self.digest, path)) as sha256:
            if progress.has_read(found.name, found.version, sha256):
                return
            with unpacked(path, self._source) as content:
                document = _Document(found.name, found.version, sha256, content, found)
                yield from self._document(document, progress, batch_rows)

    def _archive(self, found: Found, path: Path, progress: Progress, batch_rows: int) -> Iterator[Delivery]:
        """Read the members that are new; only with the last of them is the archive done."""
        entry = progress.begin(found.name, found.version, "")
        done = entry | {"done": True}
        progress.note(found.name, entry | {"done": False})
        for delivery, last in with_last(self._members(found, path, progress, batch_rows)):
            if last:
                progress.note(found.name, done)
                yield replace(delivery, watermark=progress.state())
            else:
                yield delivery
        progress.note(found.name, done)

    def _members(self, found: Found, path: Path, progress: Progress, batch_rows: int) -> Iterator[Delivery]:
        with Archive(path, self._source) as archive:
            for member in self.documents(archive, found.name):
                name = f"{found.name}{MEMBER}{member.name}"
                if progress.is_done(name, member.version):
                    continue
                with (
                    self.extracted(archive, member) as content,
                    beside(partial(self.digest, content)) as sha256,
                ):
                    document = _Document(name, member.version, sha256, content, found)
                    if not progress.has_read(name, member.version, sha256):
                        yield from self._document(document, progress, batch_rows)

    # ── what other connectors of files do in their own way ───────────────────────────────────────────

    def documents(self, archive: Archive, name: str) -> list[Member]:
        """Return the members of an archive, of that name, that are read."""
        return archive.members()

    def extracted(self, archive: Archive, member: Member) -> AbstractContextManager[Path]:
        """Unpack a member."""
        return archive.extracted(member)

    def opened(self, path: Path, batch_rows: int) -> Reading:
        """Open a file for reading."""
        return reader_of(path, self._source)(path, self._source, batch_rows)

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of all that is read of a file."""
        return digest_of([path])

    def _document(self, document: _Document, progress: Progress, batch_rows: int) -> Iterator[Delivery]:
        source, name = self._source, document.name
        reading = self.opened(document.path, batch_rows)
        entry = progress.begin(name, document.version, document.sha256())
        tables = _above_floor(_numbered(reading.tables, name, source, entry["rows"]), source, entry["floor"])
        as_of = told_by_name(name, source) or document.found.modified or datetime.now(tz=UTC)
        progress.note(name, entry | {"done": True})  # holds when no row is left to deliver
        for table, last in with_last(rechunk(tables, batch_rows)):
            self._files.require_unchanged(
                document.found
            )  # what is read is what was digested, and seen to be text
            entry = _advanced(entry, table, source, last)
            progress.note(name, entry)
            yield Delivery(table.drop_columns([_NUMBER]), name, progress.state(), as_of, reading.shape)


def digest_of(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of the files' contents, one after another."""
    digest, piece = hashlib.sha256(), memoryview(bytearray(CHUNK))
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while size := file.readinto(piece):
                digest.update(piece[:size])
    return digest.hexdigest()


def _advanced(entry: dict[str, Any], table: pa.Table, source: Source, last: bool) -> dict[str, Any]:
    entry = entry | {"rows": table.column(_NUMBER)[-1].as_py(), "done": last}
    if source.watermark:
        column = comparable(table.column(source.watermark.column), source.watermark)
        entry["high"] = highest(column, entry["high"], source.watermark)
    return entry


def _numbered(tables: Iterator[pa.Table], name: str, source: Source, done: int) -> Iterator[pa.Table]:
    """Add row references and numbers (from 1), and leave out the first ``done`` rows, which are committed."""
    count = 0
    for table in tables:
        numbers = pa.array(np.arange(count + 1, count + 1 + table.num_rows))
        count += table.num_rows
        if count <= done:
            continue
        if FILE in source.columns:
            table = table.append_column(FILE, pa.repeat(pa.scalar(name, pa.string()), table.num_rows))  # noqa: PLW2901
        fallback = partial(_numbered_names, name, numbers)
        full = table.append_column("_row", row_references(table, source.row_id, fallback)).append_column(
            _NUMBER, numbers
        )
        yield full.slice(max(0, done - (count - table.num_rows)))


def _numbered_names(name: str, numbers: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(f"{name}:", numbers.cast(pa.string()), "")


def _above_floor(tables: Iterator[pa.Table], source: Source, floor: Any) -> Iterator[pa.Table]:
    for table in tables:
        if source.watermark is None or floor is None:
            yield table
            continue
        kept = not_below(
            comparable(table.column(source.watermark.column), source.watermark), floor, source.watermark
        )
        yield table.filter(kept)
