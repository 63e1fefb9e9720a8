"""Sources through the API: registering them, seeing them, and pushing rows to them.

A body is taken whole into a private file before its first row is judged; the file is gone when the answer is. Part of
the security boundary: rows lie in that file in the clear.
"""

import asyncio
import base64
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request

from connectors.push.body import Body
from connectors.push.options import PushFormat, PushOptions
from connectors.source import Source
from exchange_api.door import Attempt
from exchange_api.source_process import SourceProcess
from hub.source_registry import every_source, register
from infra.database import Database, Role
from infra.settings import Settings
from schemas.errors import (
    AccessDenied,
    BodyDamaged,
    BodyTooLarge,
    MalformedRequest,
    SpoolFull,
    UnknownSource,
    UnsupportedBody,
)

LARGEST_DEFINITION = 512 * 1024  # bytes
FORMATS: Mapping[str, PushFormat] = {
    "application/json": "json",
    "application/jsonl": "json",
    "application/x-ndjson": "json",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
}
_KEY = re.compile(r'^"?([A-Za-z0-9._:-]{1,128})"?$')
_MIB = 1 << 20


@dataclass(frozen=True)
class Spooled:
    """A body that has arrived: its file and its SHA-256."""

    path: Path
    digest: str


class SourceDesk:
    """Answers what is asked of sources; an administrator registers them, a source's own systems push to it."""

    def __init__(self, settings: Settings, database: Database, process: SourceProcess) -> None:
        self._settings, self._database, self._process = settings, database, process
        self._folder = settings.home / "pushed" / str(os.getpid())
        _sweep(self._folder.parent)

    async def sources(self, attempt: Attempt) -> dict[str, Any]:
        """List the sources that the caller may push to, or all for an administrator."""
        known = await asyncio.to_thread(self._known)
        shown = [source for source in known.values() if _may_see(attempt, source)]
        attempt.records = len(shown)
        return {"sources": [_told(source) for source in shown]}

    async def source(self, attempt: Attempt) -> dict[str, Any]:
        """Describe one source."""
        return _told(await self._permitted(attempt))

    async def put(self, attempt: Attempt) -> dict[str, Any]:
        """Register a source, or define it anew."""
        if not (attempt.system and attempt.system.administrator):
            raise AccessDenied(
                "Your system may not register sources.",
                hint="An administrator's may: hub client add --administrator.",
            )
        definition = await _text_of(attempt.request)
        source, new = await asyncio.to_thread(self._registered, attempt, definition)
        return {**_told(source), "registered": "new" if new else "changed"}

    async def push(self, attempt: Attempt) -> dict[str, Any]:
        """Take rows: stream them to a file, then judge and store them; answers with counts and what was quarantined."""
        source = await self._permitted(attempt)
        if not isinstance(source.settings, PushOptions):
            raise MalformedRequest(
                f"Source {source.code} is pulled by connector {source.connector}; nothing is pushed to it."
            )
        key, kind = _key_of(attempt), _format_of(attempt)
        with self._room(key) as path:
            spooled = await _spooled(attempt.request, path, source.settings.largest_mib * _MIB)
            _check_digest(attempt, spooled)
            answer = await self._process.take(source.code, Body(path, kind, key), spooled.digest)
        attempt.records = answer["pulled"]
        return answer

    def _known(self) -> Mapping[str, Source]:
        return every_source(self._settings, self._database, _Written())

    async def _permitted(self, attempt: Attempt) -> Source:
        code = attempt.request.path_params["code"]
        known = await asyncio.to_thread(self._known)
        if code in known and _may_see(attempt, known[code]):
            attempt.resource = known[code].resource
            return known[code]
        if attempt.system and attempt.system.administrator:
            raise UnknownSource("There is no source of that code.", hint="GET /v1/sources lists them.")
        raise AccessDenied(
            "Your system may not push to a source of that code.", hint="GET /v1/sources lists yours."
        )

    def _registered(self, attempt: Attempt, definition: str) -> tuple[Source, bool]:
        actor = f"system:{attempt.system.id}" if attempt.system else "system"
        with self._database.engine(Role.APPLICATION).begin() as connection:
            source, new = register(connection, definition, self._known(), _Written(), actor)
            if source.code != attempt.request.path_params["code"]:
                raise MalformedRequest("The definition's code is not that of the path.")
        return source, new

    @contextmanager
    def _room(self, key: str) -> Iterator[Path]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{os.urandom(8).hex()}-{key.replace(':', '_')[-60:]}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let the process end and sweep up."""
        self._process.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Written(dict[str, str | Path]):
    """Variables of definitions stay as they are written: nothing is opened here."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"${{{name}}}"


def _may_see(attempt: Attempt, source: Source) -> bool:
    system = attempt.system
    return system is not None and (
        system.administrator
        or (isinstance(source.settings, PushOptions) and system.id in source.settings.systems)
    )


def _told(source: Source) -> dict[str, Any]:
    names = ("code", "resource", "department", "title", "ordinal", "connector", "drift", "schedule")
    return {name: getattr(source, name) for name in names} | {"columns": list(source.columns)}


def _sweep(folder: Path) -> None:
    """Delete what processes that were killed left behind."""
    for left in folder.glob("*") if folder.exists() else ():
        if not Path(f"/proc/{left.name}").exists():
            shutil.rmtree(left, ignore_errors=True)


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────


def _key_of(attempt: Attempt) -> str:
    given = attempt.headers.get(b"idempotency-key", b"").decode("latin-1").strip()
    found = _KEY.match(given)
    if not found:
        raise MalformedRequest(
            "The request has no Idempotency-Key of 1 to 128 letters, digits, dots, colons, dashes or underscores.",
            hint="Choose one for each body, and send the body again under the same one when the answer is lost.",
        )
    return found[1]


def _format_of(attempt: Attempt) -> PushFormat:
    kind = attempt.headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if kind not in FORMATS:
        raise UnsupportedBody(
            "The body is of a media type that is not taken.", hint=f"Send {', '.join(FORMATS)}."
        )
    if attempt.headers.get(b"content-encoding", b"identity") != b"identity":
        raise UnsupportedBody(
            "The body has a content encoding.", hint="Send it plain; Parquet and Arrow compress inside."
        )
    return FORMATS[kind]


async def _text_of(request: Request) -> str:
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > LARGEST_DEFINITION:
            raise BodyTooLarge(f"A definition may have {LARGEST_DEFINITION} bytes.")
    try:
        return read.decode()
    except UnicodeDecodeError:
        raise MalformedRequest("The definition is not UTF-8.") from None


async def _spooled(request: Request, path: Path, largest: int) -> Spooled:
    """Stream the body into the file, a chunk at a time."""
    digest, size = hashlib.sha256(), 0
    private = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(private, "wb", buffering=0) as file:
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > largest:
                    raise BodyTooLarge(
                        f"The body is larger than the {largest // _MIB} MiB this source takes.",
                        hint="Send it in parts.",
                    )
                digest.update(chunk)
                _write(file, chunk)
        except ClientDisconnect:
            raise BodyDamaged("The body ended before it was whole; nothing is stored.") from None
    return Spooled(path, digest.hexdigest())


def _write(file: Any, chunk: bytes) -> None:
    try:
        while chunk:  # unbuffered, so that a full disk is found here
            chunk = chunk[file.write(chunk) :]
    except OSError as error:
        raise SpoolFull(
            f"The hub has no room for the body ({error.strerror}); nothing is stored.",
            hint="Send it again later.",
        ) from None


def _check_digest(attempt: Attempt, spooled: Spooled) -> None:
    """Hold the body against its ``Content-Digest`` (RFC 9530), where it has one of SHA-256."""
    given = attempt.headers.get(b"content-digest", b"").decode("latin-1")
    if (found := re.search(r"sha-256=:([A-Za-z0-9+/=]+):", given)) is None:
        return
    if base64.b64encode(bytes.fromhex(spooled.digest)).decode() != found[1]:
        raise BodyDamaged("The body is not the one its Content-Digest was made of; nothing is stored.")
