"""The routes of objections and recall notices: for systems and for people, whose part it is being the table's to say."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI

from catalog.objection import ObjectionKind
from exchange_api.admission import EITHER
from exchange_api.guarded import guarded, parameter
from exchange_api.works import Works

_TEXT: Mapping[str, Any] = {"type": "string"}
_RAISED: Mapping[str, Any] = {
    "type": "object",
    "required": ["kind", "resource", "claim"],
    "additionalProperties": False,
    "properties": {
        "kind": {"type": "string", "enum": [kind.value for kind in ObjectionKind]},
        "resource": _TEXT,
        "key": {"type": "string", "description": "Key of the record that is doubted."},
        "items": {"type": "array", "items": _TEXT, "description": "None: the whole record."},
        "answer": {
            "type": "string",
            "format": "uuid",
            "description": "Hub-Entry of the answer that is doubted.",
        },
        "claim": {"type": "string", "maxLength": 2000, "description": "What is thought wrong."},
        "proof": {"type": "string", "maxLength": 2000, "description": "What shows it."},
        "case_code": {
            "type": "string",
            "description": "The case it came up in; with key or answer it is required.",
        },
    },
}
_SAID: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "reason": {"type": "string", "maxLength": 2000},
        "organisation": _TEXT,
        "office": _TEXT,
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
        "solved": {"type": "boolean"},
    },
}


def add_objection_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the routes."""
    add = partial(guarded, app, opened, by=EITHER)
    path, id_ = "/v1/objections", parameter("id", "path")
    pages = [parameter("after", "query"), parameter("limit", "query", "integer")]
    listed = [parameter("state", "query"), parameter("late", "query", "boolean"), *pages]
    raised, said = ({"application/json": {"schema": schema}} for schema in (_RAISED, _SAID))
    add(
        ("POST", path),
        "objection.raise",
        lambda works: works.objections.raise_,
        "Raise an objection",
        [],
        raised,
    )
    add(
        ("GET", path), "objections", lambda works: works.objections.objections, "List your objections", listed
    )
    add(
        ("GET", path + "/{id}"),
        "objection",
        lambda works: works.objections.objection,
        "Show an objection",
        [id_],
    )
    told, act = "Act on an objection", [id_, parameter("act", "path")]
    add(("POST", path + "/{id}/{act}"), "objection.act", lambda works: works.objections.act, told, act, said)
    told, pending = "List your recall notices", [parameter("pending", "query", "boolean"), *pages]
    add(("GET", "/v1/notices"), "notices", lambda works: works.objections.notices, told, pending)
    told, number = "Acknowledge a recall notice", [parameter("number", "path")]
    one = "/v1/notices/{number}/acknowledge"
    add(("POST", one), "notice.acknowledge", lambda works: works.objections.acknowledge, told, number)
