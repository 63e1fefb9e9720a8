"""The route of what stands undone."""

from collections.abc import Callable

from fastapi import FastAPI

from exchange_api.guarded import guarded_for_people, parameter
from exchange_api.paging import PARAMETERS
from exchange_api.works import Works


def add_duty_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the route."""
    told = "List what stands undone by the sharing law: your organisation's, or all for the authority"
    asked = [parameter("duty", "query"), *PARAMETERS]
    guarded_for_people(
        app, opened, ("GET", "/v1/duties"), "duties", lambda works: works.duties.duties, told, asked
    )
