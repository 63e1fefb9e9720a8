"""Files fetched or unpacked: each in a folder of its own that goes with it, none larger than allowed."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO

import psutil

from connectors.file.formats import Wanted
from schemas.errors import SourceError, SpoolFull, TruncatedFile, WrongFormat

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_PREFIX = "hub-spool-"  # then the process whose it is
CHUNK = 1 << 20


@contextmanager
def spooled(
    source: Wanted, name: str, told: int | None = None, limit: int | None = None
) -> Iterator["Spool"]:
    """Make an empty file of that name in a folder of its own; both are gone afterwards, whatever happens.

    ``told`` is its length in bytes, where it is known beforehand: one that grows meanwhile is not run after. ``limit`` is
    the most that it may have, without it ``options.largest_mib``.
    """
    _sweep(tempfile.gettempdir())
    try:
        folder = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-")
    except OSError:
        raise _full(source, name) from None
    path = Path(folder.name) / (PurePosixPath(name).name or "file")
    with folder, Spool(source, path, told, limit) as spool:
        yield spool


@cache
def _sweep(place: str) -> None:
    """Remove, once a process, what processes that were killed have left of records in the temporary folder."""
    for folder in Path(place).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


class Spool:
    """A file that is being written, no longer than told and than its limit."""

    def __init__(self, source: Wanted, path: Path, told: int | None = None, limit: int | None = None) -> None:
        self._source, self._told = source, told
        self.path = path
        self.size = 0
        self._limit = int(source.option("largest_mib")) << 20 if limit is None else limit
        try:
            self._file: IO[bytes] = path.open("wb")
        except OSError:
            raise _full(source, path.name) from None

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(OSError):  # a full disk is told by ``finish`` or by the write before
            self._file.close()

    def write(self, content: bytes) -> None:
        """Add to the file; raises ``SpoolFull``, or what is said of a file that is larger than told or allowed."""
        if self._told is not None and self.size + len(content) > self._told:
            raise written_to(self._source, self.path.name)
        if self.size + len(content) > self._limit:
            raise too_large(self._source, self.path.name)
        try:
            self._file.write(content)
        except OSError as error:
            raise self._refusal(error) from None
        self.size += len(content)

    def unname(self) -> None:
        """Keep the file by its descriptor alone, where the system can give it a path: a killed process leaves nothing of it."""
        held = Path(f"/proc/self/fd/{self._file.fileno()}")
        link = self.path.with_name("link")
        with suppress(OSError):
            if held.exists():
                link.symlink_to(held)
                link.replace(self.path)

    def start_again(self) -> None:
        """Drop what was written."""
        self._file.seek(0)
        self._file.truncate()
        self.size = 0

    def finish(self) -> Path:
        """Bring everything to the disk and give the path."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._refusal(error) from None
        return self.path

    def _refusal(self, error: OSError) -> SourceError:
        if error.errno in _FULL:
            return _full(self._source, self.path.name)
        return SpoolFull(
            f"Source {self._source.code}: the hub cannot write the file {self.path.name} it fetched.",
            hint="Check the disk that holds the temporary folder (TMPDIR).",
            source=self._source.code,
            file=self.path.name,
        )


def written_to(source: Wanted, name: str) -> TruncatedFile:
    """Make the error for a file that was written to while it was read."""
    return TruncatedFile(
        f"Source {source.code}, file {name} was written to while it was read.",
        hint="Run again when the department has finished delivering; options.settle_seconds waits for it.",
        source=source.code,
        file=name,
    )


def too_large(source: Wanted, name: str) -> WrongFormat:
    """Make the error for a file that is larger than allowed."""
    return WrongFormat(
        f"Source {source.code}, file {name} is larger, unpacked, than {source.option('largest_mib'):,} MiB.",
        hint="Raise options.largest_mib if the department really delivers so much.",
        source=source.code,
        file=name,
    )


def _full(source: Wanted, name: str) -> SpoolFull:
    return SpoolFull(
        f"Source {source.code}: there is no room to fetch or unpack the file {name}.",
        hint="Make room in the temporary folder (TMPDIR) and run again; nothing of the file is stored.",
        source=source.code,
        file=name,
    )
