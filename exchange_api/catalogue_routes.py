"""The routes of the catalogue's entries."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from fastapi import FastAPI

from exchange_api.admission import EITHER, PEOPLE, Admission
from exchange_api.catalogue import FILTERS
from exchange_api.guarded import guarded, json_body, parameter
from exchange_api.works import Works
from hub.catalogue.acts import ACTS

_ALL, _ONE = "/v1/catalogue/entries", "/v1/catalogue/entries/{entry}"
_ENTRY: Mapping[str, Any] = {
    "application/json": {"schema": {"type": "object", "description": "An entry, as docs/catalogue.md says."}}
}
_PAGE = (*FILTERS, "after", "limit")
_ROUTES: Sequence[tuple[str, str, str, str, Sequence[str], Admission]] = (
    ("GET", _ALL, "listed", "List the catalogue's entries", _PAGE, EITHER),
    ("GET", _ONE, "entry", "What an entry says", ("version",), EITHER),
    ("GET", _ONE + "/history", "history", "What was done with an entry", (), PEOPLE),
    (
        "GET",
        _ONE + "/changes",
        "changes",
        "What a version changes, and whom it concerns",
        ("from", "to"),
        PEOPLE,
    ),
    ("GET", _ONE + "/possible", "possible", "What you may do with an entry now", (), PEOPLE),
    ("POST", _ALL, "draft", "Begin an entry", (), PEOPLE),
    ("POST", _ONE + "/change", "change", "Begin the next version of an entry", (), PEOPLE),
    ("POST", _ONE + "/edit", "edit", "Write the version under way anew", (), PEOPLE),
)


def add_catalogue_routes(app: FastAPI, opened: Callable[[], Works]) -> None:
    """Add the routes: those that read or write an entry, and one for each act of the table."""
    here = [parameter("entry", "path")]
    for method, path, reading, summary, asked, admitted in _ROUTES:
        described = [*(here if path.startswith(_ONE) else []), *(parameter(name, "query") for name in asked)]
        body = _ENTRY if method == "POST" else None
        told = attrgetter(f"catalogue.{reading}")
        guarded(app, opened, (method, path), f"catalogue.{reading}", told, summary, described, body, admitted)
    for name, line in ACTS.items():
        body = json_body(*line.says, optional=line.may_say) if line.says or line.may_say else None
        action = f"catalogue.{name.replace('-', '_')}"
        route = ("POST", f"{_ONE}/{name}")
        guarded(app, opened, route, action, _acting(name), line.tells, here, body, PEOPLE)


def _acting(name: str) -> Callable[[Works], Any]:
    return lambda works: works.catalogue.act(name)
