"""The routes of signing in and out, and of what people do with their own account."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from fastapi import FastAPI

from exchange_api.admission import ANYBODY, UNFINISHED
from exchange_api.guarded import guarded, json_body, parameter
from exchange_api.works import Works

_PATH = "/v1/session"
_ROUTES: Sequence[tuple[str, str, str, str, Mapping[str, Any] | None]] = (
    ("GET", "", "whoami", "Who is signed in", None),
    ("DELETE", "", "sign_out", "Sign out", None),
    ("PUT", "/password", "change_password", "Choose a password", json_body("old", "new")),
    ("POST", "/totp", "begin_totp", "Begin to set up a second factor", None),
    ("PUT", "/totp", "confirm_totp", "Take a new second factor into use", json_body("code")),
)


def add_session_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the routes."""
    body, told = json_body("person", "password", optional=("code",)), attrgetter("session.sign_in")
    guarded(app, opened, ("POST", _PATH), "session.sign_in", told, "Sign in", [], body, by=ANYBODY)
    start, back, asked = (
        _PATH + "/oidc/start",
        _PATH + "/oidc/callback",
        [parameter(name, "query") for name in ("code", "state")],
    )
    guarded(app, opened, ("GET", start), "session.oidc.start", attrgetter("oidc.start"),
            "Sign in by the identity provider", [], by=ANYBODY)  # fmt: skip
    guarded(app, opened, ("GET", back), "session.oidc", attrgetter("oidc.callback"),
            "Come back from the identity provider", asked, by=ANYBODY)  # fmt: skip
    for method, path, reading, summary, content in _ROUTES:
        told, action = attrgetter(f"session.{reading}"), f"session.{reading}"
        guarded(app, opened, (method, _PATH + path), action, told, summary, [], content, by=UNFINISHED)
