"""The application Granian serves: ``granian --interface asgi exchange_api.app:app``.

Nothing is opened at import; the lifespan opens it, and stops the worker with one clear sentence where it cannot.
"""

import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from exchange_api.components import ABOUT, COMPONENTS
from exchange_api.problems import document, problem
from exchange_api.routes import add_routes
from exchange_api.unread import UnreadBodies
from exchange_api.works import Works, open_works
from infra.clock import Clock, now
from infra.settings import Settings, load_settings
from infra.telemetry import configure_logging
from schemas.errors import HubError, MalformedRequest

_log = logging.getLogger(__name__)
Opened = Callable[[], Works]


class _Described(FastAPI):
    """The application, whose own document also says how callers tell who they are."""

    def openapi(self) -> dict[str, Any]:
        described = super().openapi()
        described["components"] = described.get("components", {}) | COMPONENTS
        return described


def create_app(
    settings: Settings | None = None,
    routes: Callable[[FastAPI, Opened], None] = add_routes,
    clock: Clock = now,
) -> FastAPI:
    """Make the application; ``routes`` adds what it answers, given a function that returns the opened works.

    ``clock`` tells the moment at which calls are judged.
    """
    opened: list[Works] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            given = settings or load_settings()
            configure_logging(given.log_level)
            async with open_works(given, clock) as works:
                opened.append(works)
                gc.collect()
                gc.freeze()  # what is open now stays: collecting among it takes a third of a second, in the midst of calls
                yield
        except HubError as error:
            _log.critical("%s: %s", error.title, error)
            raise
        finally:
            opened.clear()

    app = _Described(
        title="Exchange hub",
        version="1",
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,  # what the ledger calls it, too
    )
    app.add_middleware(UnreadBodies)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(Exception, _failed)
    routes(app, lambda: opened[0])
    return app


async def _not_served(_request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
    headers = error.headers if isinstance(error, HTTPException) else None
    code = status.name.lower()
    return document(
        status,
        code,
        status.phrase,
        status.description or status.phrase,
        headers=headers,
        hint="See docs/api.md.",
    )


async def _not_valid(_request: Request, _error: Exception) -> Response:
    return problem(MalformedRequest("The request is not of the documented form.", hint="See docs/api.md."))


async def _failed(_request: Request, error: Exception) -> Response:
    _log.error("A request failed (%s).", type(error).__name__)
    return problem(HubError("The request failed inside the hub."))


app = create_app()
