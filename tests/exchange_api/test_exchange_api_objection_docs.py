"""``docs/objections.md`` tells what may be refused, and every route."""

import re

import documents
from starlette.routing import Route

from exchange_api.app import app
from exchange_api.problems import status_of
from schemas import errors

PAGE = documents.page("objections.md")
KINDS = (
    errors.MalformedObjection, errors.NotSaid, errors.NotYourPart, errors.OwnWork, errors.UnknownAnswer, errors.UnknownMatter,
    errors.UnknownNotice, errors.AlreadyDoubted, errors.ForbiddenTransition, errors.SeveralDepartments,
)  # fmt: skip


def test_every_problem_is_listed_with_its_status():
    told = {
        (code, int(status))
        for status, codes in re.findall(r"^\| (\d{3}) \| (.+) \|$", PAGE, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", codes)
    }
    assert told == {(kind("x").code, int(status_of(kind("x")))) for kind in KINDS}


def test_every_route_is_told():
    told = set(re.findall(r"^\| `(GET|POST) ([^`]+)` \|", PAGE, re.MULTILINE))
    served = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route) and route.path.startswith(("/v1/objections", "/v1/notices"))
        for method in route.methods or ()
    }
    assert told == served
