"""The routes of signing in and out."""

from collections.abc import Callable

from fastapi import FastAPI

from exchange_api.admission import UNFINISHED
from exchange_api.guarded import guarded
from exchange_api.works import Works

_PATH = "/v1/session"


def add_session_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the routes."""
    for method, action, summary, reading in (
        ("GET", "session.who", "Who is signed in", lambda works: works.session.whoami),
        ("DELETE", "session.sign_out", "Sign out", lambda works: works.session.sign_out),
    ):
        guarded(app, opened, (method, _PATH), action, reading, summary, [], by=UNFINISHED)
