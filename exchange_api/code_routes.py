"""The routes of code sets."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from fastapi import FastAPI

from exchange_api.guarded import guarded, parameter
from exchange_api.works import Works

_TRANSLATION: Mapping[str, Any] = {
    "type": "object",
    "required": ["codes", "from", "to"],
    "additionalProperties": False,
    "properties": {
        "codes": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1000},
        "from": {"type": "string", "description": "[name:][edition][@date]"},
        "to": {"type": "string", "description": "[name:][edition][@date]"},
        "changes": {
            "type": "string",
            "description": "an edition that tells what happened between the two days",
        },
    },
}
_PAGE = ("after", "limit")


def add_code_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the routes, those of fixed words before those where a code stands."""
    for method, path, reading, summary, asked in (
        ("GET", "", "sets", "List every code set with its editions", ()),
        ("GET", "/{name}", "codes", "The codes of a day", ("edition", "on", "parent", *_PAGE)),
        ("GET", "/{name}/events", "events", "What happened to codes", ("edition", "since", *_PAGE)),
        ("GET", "/{name}/search", "search", "Codes by name, past ones too", ("words", "limit")),
        ("GET", "/{name}/crosswalk", "crosswalk", "Which code of one edition is which of another's",
         ("from", "to", "changes", "outcome", "within", *_PAGE)),
        ("POST", "/{name}/translate", "translate", "Translate up to 1,000 codes between editions", ()),
        ("GET", "/{name}/{code}", "code", "What a code meant on a day, or became", ("edition", "on")),
        ("GET", "/{name}/{code}/history", "history", "Every meaning of a code, and its events", ("edition",)),
    ):  # fmt: skip
        described = [parameter(place, "path") for place in ("name", "code") if f"{{{place}}}" in path]
        described += [parameter(name, "query") for name in asked]
        body = {"application/json": {"schema": _TRANSLATION}} if method == "POST" else None
        told = attrgetter(f"codes.{reading}")
        guarded(app, opened, (method, f"/v1/codes{path}"), f"codes.{reading}", told, summary, described, body)
