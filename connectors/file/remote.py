"""Files on a department's server, through fsspec: listed, and fetched one at a time, over one connection.

Only the file that is read is fetched, into the spool. A connection that breaks off is opened again, with a growing pause,
and the file gone on with where it stopped; after ``options.tries`` the source is unreachable. Nothing of a server's words
gets into an error: they may quote what it was given.
"""

import glob
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from fsspec import AbstractFileSystem
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from connectors.file.formats import Wanted
from connectors.file.places import Found, is_unfinished
from connectors.file.servers import Server, server_of
from connectors.file.spool import Spool, spooled, too_large, written_to
from connectors.file.stamps import modified_of, stamp_of, tag_of
from schemas.errors import SourceError, SourceLoginFailed, SourceUnreachable

Answer = TypeVar("Answer")
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
_JUST_NOW = timedelta(seconds=2)


class _Lost(Exception):
    """The connection broke off; another may do."""


class RemotePlace:
    """Files of a server, named by a URL with or without wildcards."""

    def __init__(self, source: Wanted, url: str) -> None:
        self._source = source
        self._server: Server = server_of(source, url)
        self._pattern = self._server.path
        self._open: AbstractFileSystem | None = None
        self.shown = self._server.shown

    def found(self) -> list[Found]:
        """Return the files of the pattern."""
        told = self._asked(self._listed)
        found = [self._described(path, info) for path, info in told.items() if info["type"] == "file"]
        return [file for file in found if not (self._server.is_pattern and is_unfinished(file.path))]

    def stands(self) -> bool:
        """Whether the folder is there."""
        folder = _folder(self._pattern)
        return self._server.is_pattern and self._asked(
            lambda files: bool(files.isdir(folder) or files.exists(folder))
        )

    @contextmanager
    def fetched(self, found: Found) -> Iterator[Path]:
        """Fetch the file into the spool; raises ``TruncatedFile`` when it was written to meanwhile."""
        if found.size is not None and found.size > int(self._source.option("largest_mib")) << 20:
            raise too_large(self._source, found.name)
        with spooled(self._source, found.name, found.size) as spool:
            self._asked(lambda files: self._copy(files, found, spool))
            if self._asked(lambda files: self._stamp(files, found)) != found.stamp:
                raise written_to(self._source, found.name)
            yield spool.finish()

    def version(self, found: Found) -> str | None:
        """What was fetched does not change any more."""
        return found.version

    def close(self) -> None:
        """Close the connection."""
        files, self._open = self._open, None
        if files is not None:
            self._server.close(files)

    def _listed(self, files: AbstractFileSystem) -> dict[str, Any]:
        files.invalidate_cache()
        if self._server.is_pattern:
            return self._server.listed(files, self._pattern)
        try:
            return {self._pattern: self._server.info(files, self._pattern)}
        except FileNotFoundError as error:
            if self._server.is_absent(error):
                return {}
            raise

    def _described(self, path: str, info: dict[str, Any]) -> Found:
        modified = modified_of(info)
        stamp = stamp_of(info, modified)
        # a time is told in whole seconds, so what changed just now may change again without showing
        timely = modified is not None and abs(datetime.now(tz=UTC) - modified) >= _JUST_NOW
        version = stamp if timely or tag_of(info) else None
        name = self._server.name(path.removeprefix(_folder(self._pattern)).strip("/"))
        return Found(name or "file", path, info.get("size"), modified, version, stamp)

    def _stamp(self, files: AbstractFileSystem, found: Found) -> str:
        files.invalidate_cache()
        info = self._server.info(files, found.path)
        return stamp_of(info, modified_of(info))

    def _copy(self, files: AbstractFileSystem, found: Found, spool: Spool) -> None:
        """Go on with the copy where it stopped; a copy of another length than told is lost."""
        self._server.copy(files, found.path, spool)
        if found.size is not None and spool.size != found.size:
            if spool.size > found.size:
                spool.start_again()
            raise ConnectionError

    def _asked(self, question: Callable[[AbstractFileSystem], Answer]) -> Answer:
        """Ask the server, again where the connection breaks off; raises a ``SourceError``."""
        tries = int(self._source.option("tries"))
        attempts = Retrying(
            stop=stop_after_attempt(tries),
            wait=wait_exponential_jitter(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE, jitter=FIRST_PAUSE),
            retry=retry_if_exception_type(_Lost),
            reraise=True,
        )
        try:
            return attempts(self._once, question)
        except _Lost:
            raise self._refused(
                SourceUnreachable,
                f"{self.shown} does not answer, or breaks off; asked {tries} times",
                "Check options.path, the network, and whether the server runs.",
            ) from None

    def _once(self, question: Callable[[AbstractFileSystem], Answer]) -> Answer:
        try:
            if self._open is None:
                self._open = self._server.open()
            return question(self._open)
        except SourceError:
            self.close()  # what it was about to say is not waited for
            raise
        except self._server.errors as error:
            self.close()
            if self._server.is_login(error):
                hint = "Check options.storage, and what the department allows."
                raise self._refused(SourceLoginFailed, f"{self.shown} refused the login", hint) from None
            if why := self._server.is_final(error):
                raise self._refused(SourceUnreachable, f"{self.shown} {why}") from None
            raise _Lost from None

    def _refused(self, kind: type[SourceError], what: str, hint: str = "") -> SourceError:
        return kind(f"Source {self._source.code}: {what}.", hint=hint, source=self._source.code)


def _folder(pattern: str) -> str:
    """The deepest folder that is named without wildcards."""
    plain = pattern.partition("?")[0] if "://" in pattern else pattern
    parts = plain.split("/")[:-1]
    named = next((place for place, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return "/".join(parts[:named])
