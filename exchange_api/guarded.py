"""Routes behind the door: how they are added, and described in the API's own document."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from catalog.person import Role
from exchange_api.admission import SYSTEMS, Admission, people
from exchange_api.components import PROBLEMS, RECEIPTED
from exchange_api.door import Reading
from exchange_api.works import Works


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


def json_body(*required: str, optional: Sequence[str] = ()) -> Mapping[str, Any]:
    """Describe a body that is a JSON object of texts."""
    fields = {name: {"type": "string"} for name in (*required, *optional)}
    schema = {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": fields,
    }
    return {"application/json": {"schema": schema}}


def guarded(
    app: FastAPI,
    opened: Callable[[], Works],
    route: tuple[str, str],
    action: str,
    reading: Callable[[Works], Reading],
    summary: str,
    parameters: Sequence[Mapping[str, Any]],
    body: Mapping[str, Any] | None = None,
    by: Admission = SYSTEMS,
    answers: Mapping[str, Any] | None = None,
    named: str | None = None,
) -> None:
    """Add a route, its method and path, that answers with what the ``reading`` of the opened works does.

    ``action`` is what the ledger calls it, ``body`` and ``answers`` are its contents by media type, ``by`` who may take it.
    ``named`` is its operation's id where two routes have one action.
    """

    async def endpoint(request: Request) -> Response:
        works = opened()
        return await works.door.passed(request, action, reading(works), by)

    endpoint.__name__ = named or action.replace(
        ".", "_"
    )  # the operation's id in the API's document is made from it
    method, path = route
    described: dict[str, Any] = {
        "parameters": [*parameters],
        "security": by.described(),
        "responses": {"200": {**RECEIPTED, **({"content": answers} if answers else {})}, **PROBLEMS},
        "tags": [path.split("/")[2]],
    }
    if body is not None:
        described["requestBody"] = {"required": True, "content": body}
    app.router.add_api_route(
        path, endpoint, methods=[method], summary=summary, openapi_extra=described, route_class_override=DoorRoute
    )  # fmt: skip


def guarded_for_people(
    app: FastAPI,
    opened: Callable[[], Works],
    route: tuple[str, str],
    action: str,
    reading: Callable[[Works], Reading],
    summary: str,
    parameters: Sequence[Mapping[str, Any]],
    body: Mapping[str, Any] | None = None,
    roles: Collection[Role] = (),
) -> None:
    """Add a route for people who are signed in, in one of the ``roles`` where any are named."""
    guarded(app, opened, route, action, reading, summary, parameters, body, people(*roles))
