"""The routes that verify what is claimed of subjects, and answer defined questions about them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exchange_api.guarded import parameter
from exchange_api.verify_call import MOST_CLAIMS

_CLAIM = {"type": ["string", "number", "boolean"]}
_SUBJECT: Mapping[str, Any] = {
    "type": "object",
    "required": ["key", "claims"],
    "additionalProperties": False,
    "properties": {
        "key": {"type": "string"},
        "claims": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MOST_CLAIMS,
            "additionalProperties": _CLAIM,
            "description": "item → what is claimed of it",
        },
    },
}
_VERIFY: Mapping[str, Any] = {
    "type": "object",
    "required": ["subjects"],
    "additionalProperties": False,
    "properties": {
        "subjects": {"type": "array", "items": _SUBJECT, "minItems": 1, "maxItems": 1000},
        "by": {"type": "string", "description": "key (the default) or a lookup item of the resource"},
        "purpose": {"type": "string"},
        "legal_basis": {"type": "string"},
        "case_code": {"type": "string"},
    },
}
_ASK: Mapping[str, Any] = {
    "type": "object",
    "required": ["keys"],
    "additionalProperties": False,
    "properties": {
        "keys": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1000},
        "purpose": {"type": "string"},
        "legal_basis": {"type": "string"},
        "case_code": {"type": "string"},
    },
}


def add_verify_routes(add: Callable[..., None], parameters: Sequence[Mapping[str, Any]]) -> None:
    """Add ``POST /v1/resources/{code}/verify`` and ``…/questions/{name}``; both take the parameters of a query."""
    add(
        ("POST", "/v1/resources/{code}/verify"),
        "verify",
        lambda works: works.verifying.verify,
        "Verify what is claimed of up to 1,000 records, and disclose none",
        parameters,
        {"application/json": {"schema": _VERIFY}},
    )
    add(
        ("POST", "/v1/resources/{code}/questions/{name}"),
        "derive",
        lambda works: works.deriving.derive,
        "Answer a defined question about up to 1,000 subjects with yes, no or not known",
        [*parameters, parameter("name", "path")],
        {"application/json": {"schema": _ASK}},
    )
