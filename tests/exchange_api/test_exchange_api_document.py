"""The API's own document: held to its standard and to the house's rules, and every operation in it to what it says.

Each is called with what fits it and with what does not, by those it is for. Whatever comes: no fault of the hub's own, an answer of
the documented form, and nothing that is not on the ledger.
"""

import os
import re
from collections import Counter
from contextlib import suppress
from itertools import cycle

import pytest
import schemathesis
from exchange_api_hub import CASE, PERSON, citizen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import text

from catalog.person import Role
from exchange_api.routes import PUBLIC
from infra.database import Role as Login

CHECKS = (
    *(not_a_server_error, status_code_conformance, content_type_conformance),
    *(response_schema_conformance, response_headers_conformance),
)
CASES = int(os.environ.get("FUZZ_CASES", "3"))  # of each operation, fitting and not
PARTS = 4  # so that several workers share the work
REAL = {
    "code": [PERSON, "legal_person", "11500000009275123M", "sex", "public_security"],
    "key": [citizen(1), citizen(2)],
    "id": ["permits", "business-officer", "a-1", "1"],
    "items": ["name", "name,sex"],
    "limit": [1, 1000],
    "entry": ["1"],
}
"""What there is, by the name of a parameter: of generated ids none would ever be met."""

ENDS_SESSIONS = {"DELETE /v1/session", "PUT /v1/session/password"}


@pytest.fixture(scope="module")
def operations(served_hub):
    schema = schemathesis.openapi.from_url(f"{served_hub.url}/openapi.json")
    return [found.ok() for found in schema.get_all_operations()]


@pytest.fixture(scope="module")
def document(served_hub):
    return served_hub.http.get("/openapi.json").json()


def test_the_document_is_of_its_standard(document):
    OpenAPIV31SpecValidator(document).validate()


RULES = {
    "has a summary of its own words": lambda path, told: len(told["summary"]) > 5 and told["summary"][-1] != ".",
    "is named in snake case": lambda path, told: re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", told["operationId"]),
    "has one tag": lambda path, told: len(told["tags"]) == 1,
    "says who it is for": lambda path, told: "security" in told,
    "says how it answers what is wrong": lambda path, told: told["responses"]["default"] == {
        "$ref": "#/components/responses/Problem"
    },
    "says how it answers": lambda path, told: any(status[0] == "2" for status in told["responses"]),
    "describes what its path names": lambda path, told: set(re.findall(r"{(\w+)}", path)) == {
        one["name"] for one in told.get("parameters", ()) if one["in"] == "path"
    },
    "names parameters in snake case, or as their standard does": lambda path, told: all(
        re.fullmatch(r"[a-z]+(-[a-z]+)*" if path.startswith("/v1/ogc/") else r"[a-z]+(_[a-z]+)*", one["name"]) for one in told.get("parameters", ()) if one["in"] != "header"
    ),
    "names headers in train case": lambda path, told: all(
        re.fullmatch(r"[A-Z][a-z]+(-[A-Z][a-z]+)*", one["name"])
        for one in told.get("parameters", ()) if one["in"] == "header"
    ),
    "gives its body a type": lambda path, told: all(
        content["schema"] for content in told.get("requestBody", {}).get("content", {}).values()
    ),
    "has a receipt behind the door": lambda path, told: not told["security"]
    or "Hub-Entry" in told["responses"]["200"]["headers"],
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_every_operation(document, rule):
    told = [
        (f"{method.upper()} {path}", path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    assert len(told) >= 100
    assert [label for label, path, operation in told if not RULES[rule](path, operation)] == []


def test_operations_have_names_of_their_own_and_versioned_paths(document):
    named = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(named) == len(set(named))
    versioned = [path for path in document["paths"] if not path.startswith("/v1/")]
    assert {("GET", path) for path in versioned if path != "/oauth/token"} < PUBLIC
    assert [path for path in document["paths"] if not re.fullmatch(r"(/[a-z0-9._-]+|/{\w+})+", path)] == []


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_is_sent_is_answered_as_documented_and_is_on_the_ledger(served_hub, operations, part):
    callers, entries, statuses, failed = Callers(served_hub), set(), Counter(), {}
    mine = operations[part::PARTS]
    for operation in mine:
        for mode in GenerationMode:
            try:
                fuzzed(operation, mode, callers, (entries, statuses))
            except (FailureGroup, AssertionError, KeyError) as failure:
                failed[f"{operation.label}, {mode.name.lower()}"] = failure
    assert not failed, "\n".join(
        f"{label}: {list(map(str, getattr(failure, 'exceptions', [failure])))}"
        for label, failure in failed.items()
    )
    assert statuses.keys() >= {200, 400, 404}
    assert len(entries) > CASES * len(mine)
    with served_hub.database.engine(Login.AUDITOR).connect() as connection:
        query = text("SELECT count(*) FROM ledger.entry WHERE id = ANY(CAST(:ids AS uuid[]))")
        assert connection.execute(query, {"ids": sorted(entries)}).scalar_one() == len(entries)


def fuzzed(operation, mode, callers, seen):
    """Call an operation, and note the ledger entries that its answers name, and their statuses."""
    entries, statuses = seen
    number = cycle(range(2 * 3 * 5 * 7))

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case):
        turn = next(number)
        if turn % 2:
            _meet(case, turn)
        answer = case.call(headers=callers.headers(operation, turn))
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)
        if (operation.method.upper(), operation.path) not in PUBLIC and not _is_of_no_route(answer):
            entries.add(answer.headers["hub-entry"][0])

    with suppress(Unsatisfiable):  # where nothing is asked for, nothing does not fit
        call()


def _is_of_no_route(answer):
    """A path with a line break leads nowhere: it meets no route, and nobody is asked who they are."""
    return answer.status_code == 404 and answer.json()["code"] == "not_found"


def _meet(case, turn):
    for place in (case.path_parameters, case.query):
        for name in (place or {}).keys() & REAL.keys():
            place[name] = REAL[name][turn // 2 % len(REAL[name])]


class Callers:
    """Who calls: a system where the operation is for systems, else people of each role in turn."""

    def __init__(self, served_hub):
        self._hub = served_hub
        self._system = served_hub.headers(served_hub.token())
        self._people = [served_hub.person(role) for role in Role]

    def headers(self, operation, turn):
        schemes = {name for one in operation.definition.raw.get("security", []) for name in one}
        if "oauth2" in schemes and (turn % 3 or "session" not in schemes):
            return self._system
        if operation.label in ENDS_SESSIONS:
            return self._hub.person(list(Role)[turn % len(Role)])
        return self._people[turn % len(self._people)] | {"Hub-Case-Code": CASE}
