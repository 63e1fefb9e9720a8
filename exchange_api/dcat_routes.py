"""The routes of the catalogue in its neighbours' words."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from catalog.dcat.formats import FORMATS
from exchange_api.admission import EITHER
from exchange_api.components import PROBLEMS
from exchange_api.guarded import guarded, parameter
from exchange_api.works import Works

PATH = "/v1/catalogue/dcat"


def add_dcat_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the public page, and what a registered system or person may ask of one resource."""
    content = {one.media_type: {"schema": {"type": "string"}} for one in FORMATS}
    described: dict[str, Any] = {
        "parameters": [parameter(name, "query") for name in ("format", "after", "limit")],
        "responses": {"200": {"description": "A page of the catalogue", "content": content}, **PROBLEMS},
        "tags": ["catalogue"],
        "security": [],
    }

    @app.get(PATH, summary="The published catalogue as DCAT-AP 3, in pages", openapi_extra=described)
    async def catalogue(request: Request) -> Response:
        return await opened().dcat.page(request)

    for name, summary in (
        ("contract", "The data contract of a resource, by ODCS"),
        ("policy", "What a resource offers to whom, in ODRL"),
    ):
        route = ("GET", f"/v1/resources/{{code}}/{name}")
        told, here = attrgetter(f"dcat.{name}"), [parameter("code", "path")]
        guarded(app, opened, route, f"catalogue.{name}", told, summary, here, by=EITHER)
