"""The routes of subscriptions."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI

from exchange_api.changes import LONGEST_WAIT
from exchange_api.components import stated_or
from exchange_api.delivery import MOST_TOLD
from exchange_api.guarded import guarded, parameter
from exchange_api.paging import PARAMETERS
from exchange_api.works import Works

PATH = "/v1/subscriptions"
_TEXT: Mapping[str, Any] = {"type": "string"}
_SUBSCRIBED: Mapping[str, Any] = {
    "type": "object",
    "required": ["resource"],
    "additionalProperties": False,
    "properties": {
        "resource": _TEXT,
        "items": {
            "type": "array",
            "items": _TEXT,
            "description": "none: all that the agreement covers at each delivery",
        },
        "agreement": {"type": "string", "description": "default: the first of yours that allows it"},
        "purpose": _TEXT,
        "legal_basis": _TEXT,
        "case_code": _TEXT,
    },
}
_PUSHED: Mapping[str, Any] = {
    "type": "object",
    "required": ["url", "after"],
    "additionalProperties": False,
    "properties": {
        "url": {"type": "string", "format": "uri"},
        "after": {"type": "string", "description": "a cursor of changes"},
        "tells": {"enum": ["changes", "notice"]},
    },
}
_RESUMED: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"from": {"enum": ["here", "behind"]}, "message": _TEXT},
}
_STATED = stated_or("May be in the body instead.")
_LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MOST_TOLD}}
_WAIT = {
    "name": "wait",
    "in": "query",
    "schema": {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT},
    "description": "seconds to wait for changes where there are none",
}


def add_subscription_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add every route of subscriptions, the busiest first."""
    add, id_, one = partial(guarded, app, opened), parameter("id", "path"), PATH + "/{id}"
    after = parameter("after", "query")
    add(
        ("GET", one + "/changes"),
        "subscription.changes",
        lambda works: works.changes.changes,
        "Read changes behind a cursor",
        [id_, {**after, "required": True}, _LIMIT, _WAIT],
    )
    add(
        ("GET", one + "/snapshot"),
        "subscription.snapshot",
        lambda works: works.changes.snapshot,
        "Read the records as they stand, and the cursor of the changes since",
        [id_, after, _LIMIT],
    )
    push = one + "/push"
    add(
        ("PUT", push),
        "subscription.push.set",
        lambda works: works.pushes.set_,
        "Have changes pushed to an address, from a cursor on",
        [id_],
        {"application/json": {"schema": _PUSHED}},
    )
    add(
        ("GET", push),
        "subscription.push.show",
        lambda works: works.pushes.show,
        "Show how a push stands, and what was not taken",
        [id_],
    )
    add(
        ("DELETE", push),
        "subscription.push.remove",
        lambda works: works.pushes.remove,
        "Have changes pushed no more",
        [id_],
    )
    add(
        ("POST", push + "/resume"),
        "subscription.push.resume",
        lambda works: works.pushes.resume,
        "Go on with a push that stopped, or back to a dead letter",
        [id_],
        {"application/json": {"schema": _RESUMED}},
    )
    add(
        ("POST", PATH),
        "subscription.add",
        lambda works: works.subscriptions.subscribe,
        "Subscribe to a resource",
        _STATED,
        {"application/json": {"schema": _SUBSCRIBED}},
    )
    add(
        ("GET", PATH),
        "subscriptions",
        lambda works: works.subscriptions.subscriptions,
        "List your subscriptions",
        [*PARAMETERS],
    )
    add(
        ("GET", one),
        "subscription",
        lambda works: works.subscriptions.subscription,
        "Show one of your subscriptions",
        [id_],
    )
    add(
        ("DELETE", one),
        "subscription.cancel",
        lambda works: works.subscriptions.cancel,
        "Cancel one of your subscriptions",
        [id_],
    )
