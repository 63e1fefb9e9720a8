"""The routes of the catalogue's search and coverage."""

from collections.abc import Callable

from fastapi import FastAPI

from exchange_api.admission import EITHER
from exchange_api.guarded import guarded, parameter
from exchange_api.search_desk import PARAMETERS
from exchange_api.works import Works


def add_search_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the routes."""
    counted = "Count what of the catalogue is published, has a source and is read"
    path = "/v1/catalogue/coverage"
    guarded(
        app,
        opened,
        ("GET", path),
        "catalogue.coverage",
        lambda works: works.search.coverage,
        counted,
        [],
        by=EITHER,
    )
    asked = [parameter(name, "query", "integer" if name == "limit" else "string") for name in PARAMETERS]
    told = "Find entries of the catalogue by words"
    guarded(
        app,
        opened,
        ("GET", "/v1/catalogue"),
        "catalogue.search",
        lambda works: works.search.found,
        told,
        asked,
        by=EITHER,
    )
