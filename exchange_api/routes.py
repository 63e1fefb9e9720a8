"""The routes, and nothing but the routes: what is under ``/v1`` goes through the door, the rest is named public."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response

from exchange_api.code_routes import add_code_routes
from exchange_api.guarded import guarded as _guarded
from exchange_api.guarded import parameter as _parameter
from exchange_api.sources import FORMATS
from exchange_api.works import Works

PUBLIC = frozenset(
    {
        "/healthz",
        "/openapi.json",
        "/oauth/token",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    }
)

_STATED = [
    {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": described}
    for name, described in (
        ("Hub-Purpose", "What the data is for; UTF-8, percent-encoded."),
        ("Hub-Legal-Basis", "The law the caller acts under; UTF-8, percent-encoded."),
        ("Hub-Case-Code", "The case the call belongs to."),
    )
]
_QUERY: Mapping[str, Any] = {
    "type": "object",
    "required": ["keys"],
    "additionalProperties": False,
    "properties": {
        "keys": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1000},
        "items": {"type": "array", "items": {"type": "string"}},
        "by": {"type": "string", "description": "key (the default) or a lookup item of the resource"},
        "provenance": {"type": "boolean"},
        "purpose": {"type": "string"},
        "legal_basis": {"type": "string"},
        "case_code": {"type": "string"},
    },
}


_TEXT: Mapping[str, Any] = {"schema": {"type": "string"}}
_DEFINITION = {"application/yaml": _TEXT, "application/json": {"schema": {"type": "object"}}}
_ROWS = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMATS}


def add_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add every route of the hub, the busiest first: they are tried in this order."""
    code = _parameter("code", "path")

    async def resources(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "resources", works.readings.resources)

    async def resource(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "resource", works.readings.resource)

    async def record(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "record", works.readings.record)

    async def query(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "query", works.readings.query)

    async def explain(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "explain", works.readings.explain)

    chosen = [
        code,
        _parameter("key", "path"),
        _parameter("items", "query"),
        _parameter("provenance", "query", "boolean"),
    ]
    _guarded(
        app, "GET", "/v1/resources/{code}/records/{key:path}", record, "Read one record", [*chosen, *_STATED]
    )
    _guarded(
        app,
        "POST",
        "/v1/resources/{code}/query",
        query,
        "Read up to 1,000 records",
        [code, *_STATED],
        {"application/json": {"schema": _QUERY}},
    )
    _guarded(
        app,
        "POST",
        "/v1/resources/{code}/explain",
        explain,
        "Say why a query would be allowed or refused, and read nothing",
        [code, *_STATED],
        {"application/json": {"schema": _QUERY}},
    )
    _guarded(app, "GET", "/v1/resources", resources, "List the catalogue", [])
    _guarded(app, "GET", "/v1/resources/{code}", resource, "Describe a resource", [code])
    _add_sources(app, opened, code)
    _add_lineage(app, opened, code)
    add_code_routes(app, opened)
    _add_public(app, opened)


def _add_sources(app: FastAPI, opened: Callable[[], Works], code: Mapping[str, Any]) -> None:
    async def sources(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "sources", works.desk.sources)

    async def source(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "source", works.desk.source)

    async def put(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "source.put", works.desk.put)

    async def push(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "push", works.desk.push)

    async def pushed(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "pushed", works.desk.pushed)

    key = _parameter("Idempotency-Key", "header") | {"required": True}
    _guarded(app, "GET", "/v1/sources", sources, "List the sources you may push to", [])
    _guarded(app, "GET", "/v1/sources/{code}", source, "Describe a source", [code])
    _guarded(app, "PUT", "/v1/sources/{code}", put, "Register a source", [code], _DEFINITION)
    _guarded(app, "POST", "/v1/sources/{code}/batches", push, "Push rows to a source", [code, key], _ROWS)
    one = [code, _parameter("key", "path")]
    _guarded(app, "GET", "/v1/sources/{code}/batches/{key}", pushed, "Tell what became of a push", one)


def _add_lineage(app: FastAPI, opened: Callable[[], Works], code: Mapping[str, Any]) -> None:
    async def record(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "lineage.record", works.lineage.record)

    async def resource(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "lineage.resource", works.lineage.resource)

    async def source(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "lineage.source", works.lineage.source)

    async def column(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, "lineage.column", works.lineage.column)

    of_record = [_parameter(name, "query") for name in ("items", "version", "as_of", "values")]
    pages = [_parameter(name, "query") for name in ("since", "after", "limit")]
    path, key, name = "/v1/lineage/", _parameter("key", "path"), _parameter("column", "path")
    asked = [code, key, *of_record, *_STATED]
    _guarded(app, "GET", path + "resources/{code}/records/{key:path}", record, "Where items came from", asked)
    _guarded(
        app,
        "GET",
        path + "sources/{code}/columns/{column:path}",
        column,
        "What a column feeds",
        [code, name, *pages],
    )
    _guarded(
        app,
        "GET",
        path + "resources/{code}",
        resource,
        "What depends on a resource",
        [code, _parameter("item", "query"), *pages],
    )
    _guarded(app, "GET", path + "sources/{code}", source, "What depends on a source", [code, *pages])


def _add_public(app: FastAPI, opened: Callable[[], Works]) -> None:
    @app.get("/healthz", summary="Whether this process serves")
    async def health() -> Response:
        return _json({"status": "ok"})

    @app.get("/.well-known/oauth-authorization-server", summary="Where and how to get a token (RFC 8414)")
    async def metadata() -> Response:
        return _json(opened().oauth.metadata())

    @app.get("/.well-known/jwks.json", summary="The keys that sign tokens")
    async def keys() -> Response:
        return _json(opened().tokens.public_keys())

    @app.post("/oauth/token", summary="Get a token: client credentials with private_key_jwt (RFC 7523)")
    async def token(request: Request) -> Response:
        return await opened().oauth.token(request)


def _json(told: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(told), media_type="application/json")
