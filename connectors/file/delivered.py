"""The files a department has delivered: which are there, which are ready, in what order, and how they are got."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from connectors.file.formats import Wanted
from connectors.file.places import Found, place_of
from connectors.file.spool import written_to
from schemas.errors import SourceUnreachable

_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Listing:
    """Names of all files, and the files that are ready, in the order of their arrival."""

    names: frozenset[str]
    ready: tuple[Found, ...]


class DeliveredFiles:
    """A source's files, on this machine or on a server.

    Any connector of files reads them so: ``listing`` tells what is there, ``fetched`` gives one at a time as a path, and
    ``require_unchanged``, asked before any rows of a file are handed on, makes sure that nobody wrote to it meanwhile. The
    source's options have ``path``, ``storage``, ``order``, ``settle_seconds``, ``timeout_seconds``, ``tries`` and
    ``largest_mib`` as ``FileOptions`` does.
    """

    def __init__(self, source: Wanted) -> None:
        self._source = source
        self._place = place_of(source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._place.close()

    def listing(self, known: Collection[str]) -> Listing:
        """List the files; raises ``SourceUnreachable`` when there is none, unless some were ``known`` and left."""
        found = self._place.found()
        if not found and not (known and self._place.stands()):
            raise SourceUnreachable(
                f"Source {self._source.code}: there is no file {self._place.shown}.",
                hint="Check options.path, and whether the department has delivered.",
                source=self._source.code,
            )
        ready = [file for file in found if self._is_settled(file)]
        if self._source.option("order") == "modified":
            ready.sort(key=lambda file: (file.modified or _EARLIEST, file.name))
        else:
            ready.sort(key=lambda file: file.name)
        return Listing(frozenset(file.name for file in found), tuple(ready))

    @contextmanager
    def fetched(self, found: Found) -> Iterator[Path]:
        """Give the file as a path of this machine; what was fetched from a server is gone afterwards."""
        with self._place.fetched(found) as path:
            yield path

    def require_unchanged(self, found: Found) -> None:
        """Raise ``TruncatedFile`` when the file was written to since it was listed."""
        if self._place.version(found) != found.version:
            raise written_to(self._source, found.name)

    def _is_settled(self, file: Found) -> bool:
        """A file that changed just now may not be finished; clocks may differ, so one from the near future counts too."""
        seconds = self._source.option("settle_seconds")
        if not seconds or file.modified is None:
            return True
        return abs((datetime.now(tz=UTC) - file.modified).total_seconds()) >= seconds
