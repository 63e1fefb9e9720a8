"""Sources through the API: registering them, seeing them, and pushing rows to them.

A body is taken whole into a private file before its first row is judged; see ``exchange_api.spool``.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from connectors.push.body import Body
from connectors.push.options import PushFormat, PushOptions
from connectors.source import Source
from exchange_api.door import Attempt
from exchange_api.source_process import SourceProcess
from exchange_api.spool import Spool, spooled
from hub import push_records, source_registry
from hub.pauses import refuse_paused
from hub.source_registry import Registry
from infra.database import Database, Role
from infra.settings import Settings
from schemas.errors import AccessDenied, BodyTooLarge, MalformedRequest, UnknownSource, UnsupportedBody

LARGEST_DEFINITION = 512 * 1024  # bytes
FORMATS: Mapping[str, PushFormat] = {
    "application/json": "json",
    "application/jsonl": "json",
    "application/x-ndjson": "json",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.arrow.file": "arrow",
}
_KEY = re.compile(r'^"?([A-Za-z0-9._:-]{1,128})"?$')
_MIB = 1 << 20


class SourceDesk:
    """Answers what is asked of sources; an administrator registers them, a source's own systems push to it."""

    def __init__(
        self, settings: Settings, database: Database, registry: Registry, process: SourceProcess
    ) -> None:
        self._settings, self._database = settings, database
        self._registry, self._process = registry, process
        self._spool = Spool(settings.home / "pushed")

    async def sources(self, attempt: Attempt) -> dict[str, Any]:
        """List the sources that the caller may push to, or all for an administrator, and the definitions that are wrong."""
        known = await asyncio.to_thread(self._registry.definitions)
        shown = [source for source in known.sources.values() if _may_see(attempt, source)]
        attempt.records = len(shown)
        told: dict[str, Any] = {"sources": [_told(source) for source in shown]}
        if attempt.system and attempt.system.administrator:
            told["broken"] = [
                {"code": one.code, "from": one.name, "error": str(one.error)} for one in known.broken
            ]
        return told

    async def source(self, attempt: Attempt) -> dict[str, Any]:
        """Describe one source; an administrator sees its definition as it was registered."""
        source = await self._permitted(attempt)
        told = _told(source)
        if attempt.system and attempt.system.administrator:
            told |= await asyncio.to_thread(self._registration, source.code)
        return told

    async def put(self, attempt: Attempt) -> dict[str, Any]:
        """Register a source, or define it anew."""
        if not (attempt.system and attempt.system.administrator):
            raise AccessDenied(
                "Your system may not register sources.",
                hint="An administrator's may: hub client add --administrator.",
            )
        actor = f"system:{attempt.system.id}"
        definition = await _text_of(attempt.request)
        code = attempt.request.path_params["code"]
        source, new = await asyncio.to_thread(self._register, definition, actor, code)
        attempt.resource, attempt.facts = source.resource, {"source": source.code}
        return {**_told(source), "registered": "new" if new else "changed"}

    async def push(self, attempt: Attempt) -> dict[str, Any]:
        """Take rows: stream them to a file, then judge and store them; answers with counts and what was quarantined."""
        source, options = await self._pushed_to(attempt)
        key, kind = _key(attempt.headers.get(b"idempotency-key", b"").decode("latin-1")), _format_of(attempt)
        await asyncio.to_thread(refuse_paused, self._database, source.code)
        with self._spool.room(key) as path:
            body = await spooled(attempt.request, path, options.largest_mib * _MIB)
            attempt.facts = {"source": source.code, "body": body.digest}
            answer = await self._process.take(source.code, Body(path, kind, key), body.digest)
        attempt.records = answer["pulled"]
        return answer

    async def pushed(self, attempt: Attempt) -> dict[str, Any]:
        """Tell what became of a push, for a sender who lost the answer."""
        source, _ = await self._pushed_to(attempt)
        key = _key(attempt.request.path_params["key"])
        return await asyncio.to_thread(self._what_became, source.code, key)

    async def _pushed_to(self, attempt: Attempt) -> tuple[Source, PushOptions]:
        source = await self._permitted(attempt)
        if not isinstance(source.settings, PushOptions):
            raise MalformedRequest(
                f"Source {source.code} is pulled by connector {source.connector}; nothing is pushed to it."
            )
        return source, source.settings

    async def _permitted(self, attempt: Attempt) -> Source:
        code = attempt.request.path_params["code"]
        known = await asyncio.to_thread(self._registry.sources)
        if code in known and _may_see(attempt, known[code]):
            attempt.resource, attempt.facts = known[code].resource, {"source": code}
            return known[code]
        if attempt.system and attempt.system.administrator:
            raise UnknownSource("There is no source of that code.", hint="GET /v1/sources lists them.")
        raise AccessDenied(
            "Your system may not push to a source of that code.", hint="GET /v1/sources lists yours."
        )

    def _register(self, definition: str, actor: str, code: str) -> tuple[Source, bool]:
        with self._database.engine(Role.APPLICATION).begin() as connection:
            return source_registry.register(self._settings, connection, definition, actor, code)

    def _registration(self, code: str) -> dict[str, Any]:
        with self._database.engine(Role.APPLICATION).connect() as connection:
            found = source_registry.registration(connection, code)
        if found is None:
            return {"definition": None}
        return {
            "definition": found.definition,
            "registered_by": found.registered_by,
            "registered_at": found.registered_at,
        }

    def _what_became(self, code: str, key: str) -> dict[str, Any]:
        with self._database.engine(Role.APPLICATION).connect() as connection:
            return push_records.told(connection, code, key)

    def close(self) -> None:
        """Let the process end and sweep up."""
        self._process.close()
        self._spool.close()


def _may_see(attempt: Attempt, source: Source) -> bool:
    system = attempt.system
    return system is not None and (
        system.administrator
        or (isinstance(source.settings, PushOptions) and system.id in source.settings.systems)
    )


def _told(source: Source) -> dict[str, Any]:
    names = ("code", "resource", "department", "title", "ordinal", "connector", "drift", "schedule")
    return {name: getattr(source, name) for name in names} | {"columns": list(source.columns)}


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────


def _key(given: str) -> str:
    found = _KEY.match(given.strip())
    if not found:
        raise MalformedRequest(
            "The idempotency key is missing, or not 1 to 128 letters, digits, dots, colons, dashes or underscores.",
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
