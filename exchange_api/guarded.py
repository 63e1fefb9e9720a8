"""Routes behind the door: how they are added, and described in the API's own document."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send


class DoorRoute(APIRoute):
    """A route behind the door: it reads the request itself and answers every error, so nothing stands around it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def parameter(name: str, place: str, kind: str = "string") -> dict[str, Any]:
    """Describe a parameter of a route."""
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": kind}}


def guarded(
    app: FastAPI,
    method: str,
    path: str,
    endpoint: Any,
    summary: str,
    parameters: list[Any],
    body: Mapping[str, Any] | None = None,
) -> None:
    """Add a route that reads its request itself, as all behind the door do."""
    described: dict[str, Any] = {"parameters": parameters, "security": [{"oauth2": []}]}
    if body is not None:
        described["requestBody"] = {"required": True, "content": body}
    app.router.add_api_route(
        path, endpoint, methods=[method], summary=summary, openapi_extra=described, route_class_override=DoorRoute
    )  # fmt: skip
