"""Where files lie: what is found at a place, and the place on this machine; servers are in ``connectors.file.remote``."""

import glob
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from connectors.file.formats import Wanted

_UNFINISHED = ("*.part", "*.partial", "*.filepart", "*.crdownload", "*.tmp", "*.temp", "~$*", ".*")


@dataclass(frozen=True)
class Found:
    """A file at its place; ``name`` is relative to the place's folder.

    ``version`` changes when the file does, as far as can be told without reading it; None where it cannot. ``stamp`` is
    what a server told of it when it was listed, to be compared when it is fetched.
    """

    name: str
    path: str
    size: int | None
    modified: datetime | None
    version: str | None
    stamp: str = ""


class Place(Protocol):
    """A folder of a department's files."""

    @property
    def shown(self) -> str:
        """The place for errors: without user, password or token."""

    def found(self) -> list[Found]:
        """Return the files of the pattern, but for those whose names say that they are not finished."""

    def stands(self) -> bool:
        """Whether the folder is there, if nothing is in it."""

    def fetched(self, found: Found) -> AbstractContextManager[Path]:
        """Make the file readable on this machine, for as long as the context lasts."""

    def version(self, found: Found) -> str | None:
        """Return the file's version as it is now, where it may have changed since it was fetched."""

    def close(self) -> None:
        """Let the place go."""


def place_of(source: Wanted) -> Place:
    """Return the place that ``options.path`` names; a server is asked only when something is wanted of it."""
    path = str(source.option("path"))
    if "://" in path:
        from connectors.file.remote import RemotePlace

        return RemotePlace(source, path)
    return LocalPlace(path)


def is_unfinished(path: str) -> bool:
    """Whether the name says that somebody still writes the file, or that it is hidden."""
    name = path.rpartition("/")[2]
    return any(fnmatchcase(name, unfinished) for unfinished in _UNFINISHED)


class LocalPlace:
    """Files of this machine, or of a folder that is mounted; they are read where they are."""

    def __init__(self, path: str) -> None:
        self._pattern = Path(path).expanduser()
        self._root = _root(self._pattern)
        self.shown = str(self._pattern)

    def found(self) -> list[Found]:
        """Return the files of the pattern."""
        paths = glob.glob(self.shown, recursive=True)  # noqa: PTH207 (absolute patterns)
        chosen = glob.has_magic(self.shown)  # a file that is named without wildcards is taken as it is
        return [
            self._described(Path(path))
            for path in sorted(paths)
            if Path(path).is_file() and not (chosen and is_unfinished(path))
        ]

    def stands(self) -> bool:
        """Whether the folder is there."""
        return self._root.is_dir()

    @contextmanager
    def fetched(self, found: Found) -> Iterator[Path]:
        """Give the file's own path."""
        yield Path(found.path)

    def version(self, found: Found) -> str | None:
        """Return the file's version as it is now."""
        try:
            return self._described(Path(found.path)).version
        except FileNotFoundError:
            return None

    def close(self) -> None:
        """Nothing is held open."""

    def _described(self, path: Path) -> Found:
        status = path.stat()
        return Found(
            path.relative_to(self._root).as_posix(),
            str(path),
            status.st_size,
            datetime.fromtimestamp(status.st_mtime, tz=UTC),
            f"{status.st_size}:{status.st_mtime_ns}",
        )


def _root(pattern: Path) -> Path:
    """The deepest folder that is named without wildcards: file names in the state are relative to it."""
    for parent in (pattern, *pattern.parents):
        if not glob.has_magic(str(parent)):
            return parent if parent != pattern else pattern.parent
    return Path()
