"""The API's own document: of its routes, and of every resource in use now, each with paths and types of its own."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from exchange_api.answers import JSON
from exchange_api.components import PROBLEMS, RECEIPTED
from exchange_api.formats import FORMATS
from exchange_api.library import Shelf
from exchange_api.verifying import WORDS
from exchange_api.works import Works
from schemas.resource import Resource

_GENERIC = "/v1/resources/{code}"
_READINGS = {"/records/{key}": "record", "/query": "query", "/records": "records", "/verify": "verify"}
_OTHERS = {media_type: {"schema": {"type": "string"}} for media_type in FORMATS if media_type != JSON}


def describe(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Let ``/openapi.json`` tell of the resources in use; it is made anew when others are, and not before."""
    routes = app.openapi
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        shelves = opened().library.shelves
        if made.get("of") is not shelves:
            made.update(of=shelves, document=_with_resources(routes(), shelves))
        document: dict[str, Any] = made["document"]
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _with_resources(routes: Mapping[str, Any], shelves: Mapping[str, Shelf]) -> dict[str, Any]:
    used = [shelf.resource for shelf in shelves.values() if not shelf.resource.withdrawn]
    components = dict(routes.get("components", {}))
    schemas = {name: schema for resource in used for name, schema in _schemas(resource)}
    components["schemas"] = {**components.get("schemas", {}), **schemas}
    paths = {path: told for resource in used for path, told in _paths(routes["paths"], resource)}
    return {**routes, "components": components, "paths": {**routes["paths"], **paths}}


def _schemas(resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
    yield resource.code, {**resource.json_schema(), "x-version": resource.version}
    whole = {"type": "integer"}, {"type": "string", "format": "date-time"}, _reference(resource.code)
    record = dict(zip(("version", "valid_from", "data"), whole, strict=True)) | {
        "provenance": {"type": "object"}
    }
    yield f"{resource.code}.record", _object({"resource": {"const": resource.code}, **record})
    strings = {"type": "array", "items": {"type": "string"}}
    records = {"type": "array", "items": _object({"key": {"type": "string"}, **record})}
    yield (
        f"{resource.code}.query",
        _object({"resource": {"const": resource.code}, "records": records, "missing": strings}),
    )
    verdict = {"enum": [*WORDS.values()]}
    claims = {
        "type": "object",
        "properties": {item.name: verdict for item in resource.items if not item.geometry},
    }
    subjects = {"type": "array", "items": _object({"key": {"type": "string"}, "claims": claims})}
    page = _object(
        {
            "resource": {"const": resource.code},
            "records": {"type": "array", "items": _object(record)},
            "next": {"type": ["string", "null"]},
        }
    )
    yield f"{resource.code}.records", page
    yield f"{resource.code}.verify", _object({"resource": {"const": resource.code}, "subjects": subjects})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    needed = [name for name in properties if name != "provenance"]
    return {"type": "object", "properties": properties, "required": needed}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _paths(routes: Mapping[str, Any], resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the paths by which a resource is read: those of any resource, with its own answers."""
    for tail, name in _READINGS.items():
        generic = routes[_GENERIC + tail]
        yield (
            f"/v1/resources/{resource.code}{tail}",
            {
                method: _of_resource(operation, resource, f"{resource.code}.{name}", method)
                for method, operation in generic.items()
            },
        )


def _of_resource(
    operation: Mapping[str, Any], resource: Resource, answer: str, method: str
) -> dict[str, Any]:
    others = {} if answer.endswith(".verify") else _OTHERS  # which holds no record
    told = {"description": resource.title, "content": {JSON: {"schema": _reference(answer)}, **others}}
    told |= RECEIPTED
    return {
        **operation,
        "operationId": f"{answer.replace('.', '_')}_{method}",
        "summary": f"{operation['summary']}: {resource.title_en}",
        "parameters": [one for one in operation["parameters"] if one["name"] != "code"],
        "responses": {"200": told, **PROBLEMS},
    }
