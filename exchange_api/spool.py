"""A pushed body on its way in: streamed into a private file, held against its digest, gone when the answer is.

Part of the security boundary: rows lie in that file in the clear. The files of a process are in a folder that it holds
locked, so that the next process to start deletes what a killed one left.
"""

import asyncio
import base64
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from starlette.requests import ClientDisconnect, Request

from infra.place import locked
from schemas.errors import BodyDamaged, BodyTooLarge, SpoolFull

LONGEST_SILENCE = 60.0  # seconds that a sender may say nothing within a body
_MIB = 1 << 20
_LOCK, _SWEEPING = "lock", "sweeping.lock"


@dataclass(frozen=True)
class Spooled:
    """A body that has arrived: its file and its SHA-256 in hexadecimal."""

    path: Path
    digest: str


class Spool:
    """Where a process keeps the bodies that it is taking."""

    def __init__(self, folder: Path) -> None:
        self._shared = folder
        self._own: Path | None = None
        self._lock: IO[str] | None = None
        if folder.exists():
            with locked(folder / _SWEEPING):
                _sweep(folder)

    @contextmanager
    def room(self, key: str) -> Iterator[Path]:
        """Name a file for a body; it is gone afterwards, whatever happens. Raises ``SpoolFull``."""
        try:
            folder = self._folder() / os.urandom(8).hex()
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise _full(error) from None
        try:
            yield folder / f"push-{key}"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Delete what is left."""
        if self._own is not None and self._lock is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._lock.close()

    def _folder(self) -> Path:
        if self._own is None:
            self._shared.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(self._shared / _SWEEPING):  # a folder without its lock would be swept
                own = self._shared / os.urandom(8).hex()
                own.mkdir(mode=0o700)
                self._lock = (own / _LOCK).open("w")
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._own = own
        return self._own


def _sweep(folder: Path) -> None:
    for lock in folder.glob(f"*/{_LOCK}"):
        with lock.open("w") as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)


async def spooled(request: Request, path: Path, largest: int) -> Spooled:
    """Stream the body into the file, a chunk at a time, and hold it against its ``Content-Digest`` (RFC 9530).

    ``largest`` is in bytes. Raises ``BodyTooLarge``, before anything is read where the length is stated, ``BodyDamaged``
    where the sender leaves or falls silent or the digest is another, and ``SpoolFull``.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > largest:
        raise _too_large(largest)
    digest, size = hashlib.sha256(), 0
    with _private(path) as file:
        async for chunk in _chunks(request):
            size += len(chunk)
            if size > largest:
                raise _too_large(largest)
            digest.update(chunk)
            _write(file, chunk)
    _check(request.headers.get("content-digest", ""), digest.digest())
    return Spooled(path, digest.hexdigest())


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    try:
        while True:
            async with asyncio.timeout(LONGEST_SILENCE):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            yield chunk
    except (ClientDisconnect, TimeoutError):
        raise BodyDamaged("The body ended before it was whole; nothing is stored.") from None


def _private(path: Path) -> IO[bytes]:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
    except OSError as error:
        raise _full(error) from None


def _write(file: Any, chunk: bytes) -> None:
    try:
        while chunk:  # unbuffered, so that a full disk is found here
            chunk = chunk[file.write(chunk) :]
    except OSError as error:
        raise _full(error) from None


def _check(given: str, digest: bytes) -> None:
    found = re.search(r"sha-256=:([A-Za-z0-9+/=]+):", given)
    if found and base64.b64encode(digest).decode() != found[1]:
        raise BodyDamaged("The body is not the one its Content-Digest was made of; nothing is stored.")


def _too_large(largest: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The body is larger than the {largest // _MIB} MiB that this source takes; nothing is stored.",
        hint="Send its rows in several bodies, each under a key of its own.",
    )


def _full(error: OSError) -> SpoolFull:
    return SpoolFull(
        f"The hub has no room for the body ({error.strerror}); nothing is stored.",
        hint="Send it again later, under the same key.",
    )
