"""What the operations of the API's own document share: problems, the headers of a receipt, the ways to say who one is."""

from collections.abc import Mapping, Sequence
from typing import Any

from exchange_api.admission import SCHEMES
from exchange_api.problems import MEDIA_TYPE

ABOUT = "Data shared between departments under agreements. Every answer under /v1 is on the ledger before it is sent."
_TEXT: Mapping[str, Any] = {"type": "string"}
_RECEIPT: Mapping[str, Any] = {
    "Hub-Request-Id": {"description": "The request: the caller's own UUID, or one given.", "schema": _TEXT},
    "Hub-Entry": {
        "description": "The answer's entry on the ledger.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "Hub-Promise": {"description": "By which the hub recognises what it promised.", "schema": _TEXT},
    "RateLimit": {"description": "What is left of what the agreement allows.", "schema": _TEXT},
    "RateLimit-Policy": {"description": "What the agreement allows.", "schema": _TEXT},
}
_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": _TEXT,
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "See docs/api.md."},
        "hint": {"type": "string", "description": "What to do."},
        "instance": {"type": "string", "format": "uri", "description": "The request, by its id."},
        "agreement": {
            "type": "string",
            "description": "The agreement that came nearest to allowing the call.",
        },
        "term": {"type": "string", "description": "Its term that refuses."},
        "faults": {"type": "array", "items": {"type": "object"}, "description": "What is wrong where."},
    },
}

STATED: Sequence[Mapping[str, Any]] = [
    {"name": name, "in": "header", "required": True, "schema": _TEXT, "description": described}
    for name, described in (
        ("Hub-Purpose", "What the data is for; UTF-8, percent-encoded."),
        ("Hub-Legal-Basis", "The law the caller acts under; UTF-8, percent-encoded."),
        ("Hub-Case-Code", "The case the call belongs to."),
    )
]
"""Why a call is made, where headers alone say it."""


def stated_or(elsewhere: str) -> list[dict[str, Any]]:
    """Describe the same headers where it may be said elsewhere: where, in words."""
    return [{**one, "required": False, "description": elsewhere} for one in STATED]


_RETRY: Mapping[str, Any] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
COMPONENTS: Mapping[str, Any] = {
    "securitySchemes": SCHEMES,
    "headers": {**_RECEIPT, "Retry-After": _RETRY},
    "responses": {
        "Problem": {
            "description": "What is wrong, and what to do about it (RFC 9457).",
            "headers": {"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    },
    "schemas": {"Problem": _PROBLEM},
}
"""What the operations of the API's own document refer to."""

PROBLEMS: Mapping[str, Any] = {"default": {"$ref": "#/components/responses/Problem"}}
"""How every operation answers where it does not as asked."""

RECEIPTED: Mapping[str, Any] = {
    "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _RECEIPT}
}
"""What the answers behind the door carry."""
