"""The routes, and nothing but the routes: what is under ``/v1`` goes through the door, the rest is named public."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response

from exchange_api.administration_routes import add_administration_routes
from exchange_api.application_routes import add_application_routes
from exchange_api.assertions import ASSERTION_TYPE
from exchange_api.catalogue_routes import add_catalogue_routes
from exchange_api.code_routes import add_code_routes
from exchange_api.components import PROBLEMS, STATED
from exchange_api.dcat_routes import PATH as DCAT
from exchange_api.dcat_routes import add_dcat_routes
from exchange_api.described import describe
from exchange_api.duty_routes import add_duty_routes
from exchange_api.features.routes import add_feature_routes
from exchange_api.guarded import guarded, parameter
from exchange_api.moments import NAMES
from exchange_api.objection_routes import add_objection_routes
from exchange_api.question_routes import add_question_routes
from exchange_api.search_routes import add_search_routes
from exchange_api.selection import LIMIT, SELECTION
from exchange_api.session_routes import add_session_routes
from exchange_api.sources import FORMATS
from exchange_api.subscription_routes import add_subscription_routes
from exchange_api.verify_routes import add_verify_routes
from exchange_api.works import Works

PUBLIC = frozenset(
    {
        ("GET", "/healthz"),
        ("GET", "/openapi.json"),
        ("POST", "/oauth/token"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/.well-known/answer-keys.json"),
        ("POST", "/v1/session"),
        ("GET", "/v1/session/oidc/start"),
        ("GET", "/v1/session/oidc/callback"),
        ("GET", DCAT),
    }
)
"""What answers who does not say who they are: method and path."""

_QUERY: Mapping[str, Any] = {
    "type": "object",
    "required": ["keys"],
    "additionalProperties": False,
    "properties": {
        "keys": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1000},
        "items": {"type": "array", "items": {"type": "string"}},
        "by": {"type": "string", "description": "key (the default) or a lookup item of the resource"},
        "provenance": {"type": "boolean"},
        **{name: {"type": "string", "description": "a day or a time"} for name in NAMES},
        "purpose": {"type": "string"},
        "legal_basis": {"type": "string"},
        "case_code": {"type": "string"},
    },
}


_CODE = parameter("code", "path")
_TEXT: Mapping[str, Any] = {"schema": {"type": "string"}}
_DEFINITION = {"application/yaml": _TEXT, "application/json": {"schema": {"type": "object"}}}
_OPEN: dict[str, Any] = {"tags": ["public"], "security": [], "responses": PROBLEMS}
_GRANT = {
    "application/x-www-form-urlencoded": {
        "schema": {
            "type": "object",
            "required": ["grant_type", "client_assertion_type", "client_assertion"],
            "properties": {
                "grant_type": {"const": "client_credentials"},
                "client_assertion_type": {"const": ASSERTION_TYPE},
                "client_assertion": {"type": "string"},
            },
        }
    }
}
_ROWS = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMATS}


def add_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add every route of the hub, the busiest first: they are tried in this order."""
    behind_the_door = partial(guarded, app, opened)
    _add_resources(behind_the_door)
    add_verify_routes(behind_the_door, [_CODE, *STATED])
    _add_sources(behind_the_door)
    _add_lineage(behind_the_door)
    add_code_routes(app, opened)
    add_search_routes(app, opened)
    add_dcat_routes(app, opened)
    add_catalogue_routes(app, opened)
    add_session_routes(app, opened)
    add_objection_routes(app, opened)
    add_administration_routes(app, opened)
    add_application_routes(app, opened)
    add_duty_routes(app, opened)
    add_feature_routes(app, opened)
    add_subscription_routes(app, opened)
    add_question_routes(app, opened)
    _add_public(app, opened)
    describe(app, opened)


def _add_resources(add: Callable[..., None]) -> None:
    one, query = "/v1/resources/{code}", {"application/json": {"schema": _QUERY}}
    chosen = [
        _CODE,
        parameter("key", "path"),
        parameter("items", "query"),
        parameter("provenance", "query", "boolean"),
        *(parameter(name, "query") for name in NAMES),
    ]
    add(
        ("GET", one + "/records/{key:path}"),
        "record",
        lambda works: works.readings.record,
        "Read one record",
        [*chosen, *STATED],
    )
    add(
        ("POST", one + "/query"),
        "query",
        lambda works: works.readings.query,
        "Read up to 1,000 records",
        [_CODE, *STATED],
        query,
    )
    selecting: list[Mapping[str, Any]] = [
        parameter("filter", "query") | {"description": "CQL2 text"},
        parameter("items", "query"),
        {"name": "limit", "in": "query", "schema": LIMIT},
        parameter("cursor", "query"),
        parameter("provenance", "query", "boolean"),
    ]
    add(
        ("GET", one + "/records"),
        "records",
        lambda works: works.selections.by_parameters,
        "Read records by a filter, page by page or as a stream",
        [_CODE, *selecting, *STATED],
    )
    add(
        ("POST", one + "/records"),
        "records",
        lambda works: works.selections.by_body,
        "Read records by a filter in the body",
        [_CODE, *STATED],
        {"application/json": {"schema": SELECTION}},
        named="records_by_body",
    )
    told = "Say why a query would be allowed or refused, and read nothing"
    add(
        ("POST", one + "/explain"),
        "explain",
        lambda works: works.readings.explain,
        told,
        [_CODE, *STATED],
        query,
    )
    add(
        ("GET", "/v1/resources"),
        "resources",
        lambda works: works.readings.resources,
        "List the catalogue",
        [],
    )
    add(("GET", one), "resource", lambda works: works.readings.resource, "Describe a resource", [_CODE])


def _add_sources(add: Callable[..., None]) -> None:
    one, key = "/v1/sources/{code}", parameter("Idempotency-Key", "header") | {"required": True}
    add(
        ("GET", "/v1/sources"),
        "sources",
        lambda works: works.desk.sources,
        "List the sources you may push to",
        [],
    )
    add(("GET", one), "source", lambda works: works.desk.source, "Describe a source", [_CODE])
    add(("PUT", one), "source.put", lambda works: works.desk.put, "Register a source", [_CODE], _DEFINITION)
    add(
        ("POST", one + "/batches"),
        "push",
        lambda works: works.desk.push,
        "Push rows to a source",
        [_CODE, key],
        _ROWS,
    )
    told, place = "Tell what became of a push", [_CODE, parameter("key", "path")]
    add(("GET", one + "/batches/{key}"), "pushed", lambda works: works.desk.pushed, told, place)


def _add_lineage(add: Callable[..., None]) -> None:
    path, pages = "/v1/lineage/", [parameter(name, "query") for name in ("since", "after", "limit")]
    asked = [
        _CODE,
        parameter("key", "path"),
        *(parameter(name, "query") for name in ("items", "version", "as_of", "values")),
    ]
    record, column = (
        path + "resources/{code}/records/{key:path}",
        path + "sources/{code}/columns/{column:path}",
    )
    add(
        ("GET", record),
        "lineage.record",
        lambda works: works.lineage.record,
        "Where items came from",
        [*asked, *STATED],
    )
    feeds = [_CODE, parameter("column", "path"), *pages]
    add(("GET", column), "lineage.column", lambda works: works.lineage.column, "What a column feeds", feeds)
    told, depends = "What depends on a resource", [_CODE, parameter("item", "query"), *pages]
    add(
        ("GET", path + "resources/{code}"),
        "lineage.resource",
        lambda works: works.lineage.resource,
        told,
        depends,
    )
    told = "What depends on a source"
    add(
        ("GET", path + "sources/{code}"),
        "lineage.source",
        lambda works: works.lineage.source,
        told,
        [_CODE, *pages],
    )


def _add_public(app: FastAPI, opened: Callable[[], Works]) -> None:
    @app.get("/healthz", summary="Whether this process serves", openapi_extra=_OPEN)
    async def health() -> Response:
        return _json({"status": "ok"})

    @app.get(
        "/.well-known/oauth-authorization-server",
        summary="Where and how to get a token (RFC 8414)",
        openapi_extra=_OPEN,
    )
    async def metadata() -> Response:
        return _json(opened().oauth.metadata())

    @app.get("/.well-known/jwks.json", summary="The keys that sign tokens", openapi_extra=_OPEN)
    async def keys() -> Response:
        return _json(opened().tokens.public_keys())

    @app.get(
        "/.well-known/answer-keys.json",
        summary="The keys that sign answers; each is kept",
        openapi_extra=_OPEN,
    )
    async def answer_keys() -> Response:
        return _json(opened().proofs.public_keys())

    @app.post(
        "/oauth/token",
        summary="Get a token: client credentials with private_key_jwt (RFC 7523)",
        openapi_extra={**_OPEN, "requestBody": {"required": True, "content": _GRANT}},
    )
    async def token(request: Request) -> Response:
        return await opened().oauth.token(request)


def _json(told: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(told), media_type="application/json")
