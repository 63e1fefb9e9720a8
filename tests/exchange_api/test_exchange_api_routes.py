"""Guards of the architecture: every route is named public or refuses without a token; every error has a status."""

import asyncio
from inspect import signature

import httpx
import pytest
from starlette.routing import Route

from exchange_api.app import app, create_app
from exchange_api.problems import STATUS, problem, status_of
from exchange_api.routes import PUBLIC
from exchange_api.works import open_works
from schemas import errors
from schemas.errors import DatabaseNotReady, DatabaseUnavailable, HubError


def _routes():
    return [route for route in app.routes if isinstance(route, Route)]


def test_there_are_routes():
    assert {"/v1/resources/{code}/query", "/v1/resources/{code}/records/{key:path}"} <= {
        route.path for route in _routes()
    }
    assert {(method, route.path) for route in _routes() for method in route.methods or ()} >= PUBLIC


@pytest.mark.server
def test_every_route_that_is_not_named_public_refuses_without_a_token(hub_settings):
    async def story():
        served = create_app(hub_settings)
        transport = httpx.ASGITransport(app=served)
        asked = 0
        async with (
            served.router.lifespan_context(served),
            httpx.AsyncClient(transport=transport, base_url="http://hub") as http,
        ):
            for route in _routes():
                path = route.path.replace("{code}", "natural_person").replace("{key:path}", "1")
                for method in (route.methods or set()) - {"HEAD"}:
                    if (method, route.path) in PUBLIC:
                        continue
                    answer = await http.request(method, path)
                    assert answer.status_code == 401, f"{method} {route.path} answers without a token"
                    assert answer.headers["www-authenticate"].startswith("Bearer")
                    asked += 1
        return asked

    assert asyncio.run(story()) >= 4


def _all_errors(root=HubError):
    for kind in root.__subclasses__():
        yield kind
        yield from _all_errors(kind)


def test_every_error_has_a_status_and_a_document():
    for kind in _all_errors():
        listing = "faults" in signature(kind).parameters  # it tells everything that is wrong at once
        error = kind("e-1", []) if listing else kind("Something happened.")
        answer = problem(error, "r-1")
        assert answer.status_code == status_of(error) >= 400
        assert answer.media_type == "application/problem+json"


def test_faults_of_the_hub_show_nothing_of_its_inside():
    assert b"secret" not in problem(errors.SealBroken("secret of the inside", hint="secret")).body
    assert problem(errors.SealBroken("secret")).status_code == 500


def test_the_table_names_errors_only():
    assert all(issubclass(kind, HubError) for kind in STATUS)


@pytest.mark.server
def test_a_database_without_schema_is_told_at_the_start(settings, empty_database_url):
    async def start():
        async with open_works(settings.model_copy(update={"database_url": empty_database_url})):
            raise AssertionError("it started")

    with pytest.raises(DatabaseNotReady, match="hub db upgrade"):
        asyncio.run(start())


def test_a_database_that_is_not_there_is_told_at_the_start(settings):
    async def start():
        async with open_works(
            settings.model_copy(update={"database_url": "postgresql://u@127.0.0.1:9/none"})
        ):
            raise AssertionError("it started")

    with pytest.raises(DatabaseUnavailable):
        asyncio.run(start())
