"""The bare application with one thing more: each call is decided by the caller's agreements, and its record by their rows.

What it costs to decide, and nothing else: no authentication, unsealing or ledger.
"""

import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response

from benchmarks.callers import STATEMENT
from exchange_api.agreed import within
from exchange_api.app import Opened
from exchange_api.calls import Call, Stated
from exchange_api.door import Attempt

STATED = Stated(STATEMENT.purpose, STATEMENT.legal_basis, STATEMENT.case_code)
ITEMS = ("name", "sex", "registered_division", "marital_status", "life_status")


def add_deciding_routes(app: FastAPI, opened: Opened) -> None:
    """Add the record route of ``bare_app``, decided for the system that a header names."""

    @app.get("/v1/resources/{code}/records/{key:path}")
    async def record(request: Request) -> Response:
        works, code, key = opened(), request.path_params["code"], request.path_params["key"]
        attempt = Attempt(request, "record")
        attempt.system = works.directory.snapshot.systems[request.headers["hub-system"]]
        call = Call((key,), ITEMS, None, False, STATED, attempt.organisation)
        agreement = works.door.agreed(attempt, code, call)
        shelf = works.library.shelves[code]
        row = await shelf.by_key.ask(shelf.reader.subject(key))
        if row is None or not within(agreement, shelf, [row]):
            return Response(status_code=404)
        data = {item.name: row[item.name] for item in shelf.resource.open_items}
        return Response(orjson.dumps(data), media_type="application/json")
