"""The route of the catalogue for neighbours."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from catalog.dcat.formats import FORMATS
from exchange_api.guarded import parameter
from exchange_api.works import Works

PATH = "/v1/catalogue/dcat"


def add_dcat_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the one route; it is public."""
    content = {one.media_type: {"schema": {"type": "string"}} for one in FORMATS}
    described: dict[str, Any] = {
        "parameters": [parameter(name, "query") for name in ("format", "after", "limit")],
        "responses": {"200": {"description": "A page of the catalogue", "content": content}},
    }

    @app.get(PATH, summary="The published catalogue as DCAT-AP 3, in pages", openapi_extra=described)
    async def catalogue(request: Request) -> Response:
        return await opened().dcat.page(request)
