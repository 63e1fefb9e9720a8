"""The hub's application with the door taken out: what the guarded call is measured against, and nothing else.

The same FastAPI, database, blind index and coalesced read; no authentication, agreement, unsealing or ledger. It lives
here so that no such route can exist in the hub itself. ``granian --interface asgi benchmarks.bare_app:app``
"""

import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response

from exchange_api.app import Opened, create_app


def add_bare_routes(app: FastAPI, opened: Opened) -> None:
    """Add the one record route, answering the items that are stored in the clear."""

    @app.get("/healthz")
    async def health() -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    @app.get("/v1/resources/{code}/records/{key:path}")
    async def record(request: Request) -> Response:
        shelf = opened().library.shelves[request.path_params["code"]]
        row = await shelf.by_key.ask(shelf.reader.subject(request.path_params["key"]))
        if row is None:
            return Response(status_code=404)
        data = {item.name: row[item.name] for item in shelf.resource.open_items}
        return Response(orjson.dumps(data), media_type="application/json")


app = create_app(routes=add_bare_routes)
