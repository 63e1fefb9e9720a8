"""The routes of OGC API – Features."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from fastapi import FastAPI

from exchange_api.components import stated_or
from exchange_api.features.documents import PATH
from exchange_api.features.encoding import FORMS, SHORT
from exchange_api.features.parameters import MOST, USUAL
from exchange_api.guarded import guarded, parameter
from exchange_api.works import Works

_TEXT: Mapping[str, Any] = {"type": "string"}
_STATED = stated_or("May be stated by the token instead.")


def _asked(name: str, described: str, schema: Mapping[str, Any] = _TEXT) -> Mapping[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": described}


_FORM = _asked("f", "the form, over the Accept header", {"type": "string", "enum": list(SHORT)})
_CRS = _asked("crs", "the reference system of what is answered, by URI")
_OF_ITEMS: Sequence[Mapping[str, Any]] = (
    _asked("bbox", "west, south, east, north"),
    _asked("bbox-crs", "the reference system of bbox"),
    _asked("datetime", "a moment, or an interval, of which the record in force is valid"),
    _asked(
        "limit", "features of a page", {"type": "integer", "minimum": 1, "default": USUAL, "x-most": MOST}
    ),
    _asked("filter", "CQL2"),
    _asked(
        "filter-lang", "how the filter is written", {"type": "string", "enum": ["cql2-text", "cql2-json"]}
    ),
    _asked("filter-crs", "the reference system of the filter's geometries"),
    _asked("cursor", "of the link to the next page"),
    _CRS,
    _FORM,
)
_CODE = parameter("code", "path")


def add_feature_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the landing page, conformance, collections, queryables, items and features."""
    add, one = partial(guarded, app, opened), PATH + "/collections/{code}"
    features = {form: {"schema": {"type": "object"} if "json" in form else {}} for form in FORMS}
    for path, name, summary, asked in (
        (one + "/items", "items", "Read features", [_CODE, *_OF_ITEMS, *_STATED]),
        (one + "/items/{id:path}", "feature", "Read a feature", [_CODE, parameter("id", "path"), _CRS, _FORM, *_STATED]),
        (one + "/queryables", "queryables", "What features can be filtered by", [_CODE]),
        (one, "collection", "Describe a collection", [_CODE]),
        (PATH + "/collections", "collections", "List the collections that you may read", []),
        (PATH + "/conformance", "conformance", "What of OGC API - Features is conformed to", []),
        (PATH, "landing", "Where everything is", []),
    ):  # fmt: skip
        answers = features if name in ("items", "feature") else None
        add(("GET", path), f"ogc.{name}", attrgetter(f"features.{name}"), summary, asked, answers=answers)
