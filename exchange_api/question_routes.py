"""The routes by which questions are listed, described and, by those who administer the catalogue, registered."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from catalog.person import Role
from exchange_api.admission import EITHER, people
from exchange_api.guarded import guarded, parameter
from exchange_api.works import Works

_TEXT = {"type": "string"}
_QUESTION: dict[str, Any] = {
    "type": "object",
    "required": ["name", "version", "title", "resource", "legal_basis", "asks"],
    "additionalProperties": False,
    "properties": {
        "name": _TEXT,
        "version": {"type": "integer", "minimum": 1},
        "title": _TEXT,
        "title_en": _TEXT,
        "resource": _TEXT,
        "legal_basis": _TEXT,
        "by": _TEXT,
        "of": {"enum": ["record", "any", "none"]},
        "asks": {"type": "object"},
    },
}


def add_question_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add ``/v1/questions`` and below."""
    path, one = "/v1/questions", "/v1/questions/{name}"
    administrators = people(Role.SYSTEM_ADMINISTRATOR, Role.CATALOGUE_AUTHORITY)
    listed, shown, added = (
        "List defined questions",
        "Describe a question",
        "Register a question, or its next version",
    )
    guarded(
        app, opened, ("GET", path), "questions", lambda works: works.deriving.questions, listed, [], by=EITHER
    )
    guarded(
        app,
        opened,
        ("GET", one),
        "question",
        lambda works: works.deriving.question,
        shown,
        [parameter("name", "path")],
        by=EITHER,
    )
    body = {"application/json": {"schema": _QUESTION}}
    guarded(
        app,
        opened,
        ("POST", path),
        "question.register",
        lambda works: works.deriving.add,
        added,
        [],
        body,
        administrators,
    )
