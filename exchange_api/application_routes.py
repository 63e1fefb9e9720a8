"""The routes of applications, and of the lives of the agreements that they brought."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI

from catalog.person import Role
from exchange_api.guarded import guarded_for_people, parameter
from exchange_api.works import Works

_OBJECT: Mapping[str, Any] = {"application/json": {"schema": {"type": "object"}}}
_ROLES = (Role.USER, Role.PUBLISHER, Role.CATALOGUE_AUTHORITY)


def add_application_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the routes."""
    add = partial(guarded_for_people, app, opened, roles=_ROLES)
    path, id_, act = "/v1/applications", parameter("id", "path"), parameter("act", "path")
    listed = [
        parameter("state", "query"),
        parameter("after", "query"),
        parameter("limit", "query", "integer"),
    ]
    add(
        ("POST", path),
        "application.draft",
        lambda works: works.applications.draft,
        "Draft an application",
        [],
        _OBJECT,
    )
    add(
        ("GET", path),
        "applications",
        lambda works: works.applications.applications,
        "List applications",
        listed,
    )
    one, events = path + "/{id}", path + "/{id}/events"
    add(
        ("GET", one),
        "application",
        lambda works: works.applications.application,
        "Show an application",
        [id_],
    )
    add(
        ("GET", events),
        "application.events",
        lambda works: works.applications.events,
        "What was done with it",
        [id_],
    )
    told = "Act on an application"
    add(
        ("POST", one + "/{act}"),
        "application.act",
        lambda works: works.applications.act,
        told,
        [id_, act],
        _OBJECT,
    )
    life = "/v1/agreements/{id}/life"
    told = "Show an agreement's life"
    add(("GET", life), "agreement.life", lambda works: works.applications.agreement, told, [id_])
    told = "Act on an agreement"
    add(
        ("POST", life + "/{act}"),
        "agreement.act",
        lambda works: works.applications.act_on_agreement,
        told,
        [id_, act],
        _OBJECT,
    )
