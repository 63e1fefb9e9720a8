"""The routes of administration, as a table: what each does, and in which role."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from fastapi import FastAPI

from catalog.person import Role
from exchange_api.guarded import guarded_for_people, parameter
from exchange_api.paging import PARAMETERS
from exchange_api.works import Works

EVERYBODY: frozenset[Role] = frozenset()
SECURITY = frozenset({Role.SECURITY_ADMINISTRATOR})
CATALOGUE = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.CATALOGUE_AUTHORITY})
_TEXT: Mapping[str, Any] = {"type": "string"}
_TEXTS: Mapping[str, Any] = {"type": "array", "items": _TEXT}
_STATUS: Mapping[str, Any] = {"type": "string", "enum": ["active", "suspended"]}
_KEY: Mapping[str, Any] = {
    "key": {"type": "object", "description": "a JWK (RFC 7517): Ed25519, P-256 or RSA of 2048 bits or more"},
    "pem": {"type": "string", "description": "a public key or an X.509 certificate"},
}
_OR_NULL: Mapping[str, Any] = {"type": ["string", "null"]}


@dataclass(frozen=True, slots=True)
class Line:
    """One route; of ``fields``, those in ``required`` have to be there."""

    method: str
    path: str
    reading: str
    roles: frozenset[Role]
    summary: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    required: Sequence[str] = ()
    asked: Sequence[Mapping[str, Any]] = ()


_ONE, _PERSON, _SYSTEM = "/v1/organisations/{code}", "/v1/people/{id}", "/v1/systems/{id}"
LINES = (
    Line("GET", "/v1/organisations", "organisations", EVERYBODY, "List organisations", asked=PARAMETERS),
    Line("GET", _ONE, "organisation", EVERYBODY, "Describe an organisation with its offices"),
    Line("POST", "/v1/organisations", "add_organisation", CATALOGUE, "Register an organisation",
         {"code": _TEXT, "name": _TEXT, "division": _OR_NULL, "parent": _OR_NULL}, ("code", "name")),
    Line("PATCH", _ONE, "change_organisation", CATALOGUE, "Rename or move an organisation",
         {"name": _TEXT, "parent": _OR_NULL}),
    Line("POST", _ONE + "/offices", "add_office", CATALOGUE, "Register an office",
         {"code": _TEXT, "name": _TEXT}, ("code", "name")),
    Line("GET", _ONE + "/contacts", "contacts.listed", CATALOGUE, "List who is told of an organisation's duties"),
    Line("POST", _ONE + "/contacts", "contacts.add", CATALOGUE, "Have an address told of duties",
         {"address": _TEXT, "bearers": _TEXTS}, ("address",)),
    Line("DELETE", _ONE + "/contacts/{id}", "contacts.remove", CATALOGUE, "Have an address told no more"),
    Line("GET", "/v1/people", "people", SECURITY, "List people", asked=PARAMETERS),
    Line("GET", _PERSON, "person", SECURITY, "Describe a person"),
    Line("POST", "/v1/people", "add_person", SECURITY, "Register a person",
         {"id": _TEXT, "name": _TEXT, "organisation": _TEXT, "office": _OR_NULL, "roles": _TEXTS},
         ("id", "name", "organisation", "roles")),
    Line("PATCH", _PERSON, "change_person", SECURITY, "Change a person's roles, suspend or resume them",
         {"roles": _TEXTS, "status": _STATUS}),
    Line("PUT", _PERSON + "/password", "give_password", SECURITY, "Give a person a first password"),
    Line("DELETE", _PERSON + "/lock", "unlock", SECURITY, "Unlock a person's account"),
    Line("DELETE", _PERSON + "/totp", "reset_totp", SECURITY, "Take a person's second factor away"),
    Line("GET", "/v1/systems", "systems", SECURITY, "List systems", asked=PARAMETERS),
    Line("GET", _SYSTEM, "system", SECURITY, "Describe a system with its keys"),
    Line("POST", "/v1/systems", "add_system", SECURITY, "Register a system with its key",
         {"system": _TEXT, "organisation": _TEXT, "title": _OR_NULL, **_KEY}, ("system", "organisation")),
    Line("PATCH", _SYSTEM, "change_system", SECURITY, "Suspend or resume a system", {"status": _STATUS}, ("status",)),
    Line("POST", _SYSTEM + "/keys", "add_key", SECURITY, "Let a system sign with one more key", _KEY),
    Line("DELETE", _SYSTEM + "/keys/{kid}", "retire_key", SECURITY, "Retire a key, at once or in some days",
         asked=(parameter("days", "query", "integer"),)),
)  # fmt: skip


def add_administration_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the routes."""
    for line in LINES:
        places = [parameter(name, "path") for name in re.findall(r"\{(\w+)\}", line.path)]
        schema = {"type": "object", "additionalProperties": False, "properties": line.fields}
        body = {"application/json": {"schema": {**schema, "required": list(line.required)}}}
        reading = attrgetter(f"administration.{line.reading}")
        guarded_for_people(
            app, opened, (line.method, line.path), f"administration.{line.reading}", reading, line.summary,
            [*places, *line.asked], body if line.fields else None, line.roles,
        )  # fmt: skip
