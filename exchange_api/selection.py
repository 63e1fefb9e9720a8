"""Records chosen by a filter, page by page or as one stream, in the order of their blind indexes.

Part of the security boundary. A page is what comes behind a subject, so that each record comes at most once, whatever is ingested
meanwhile; records made meanwhile may come or not, and each is as it was when its page was read.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import shapely

from base_libraries.selecting import Selecting, check_readable, check_served
from catalog.agreement import Agreement
from exchange_api.agreed import agreed_rows, shown, within
from exchange_api.answers import Body, Portion, Stream
from exchange_api.calls import Call, body_of, known_items, parameters_of, stated_in
from exchange_api.cursors import Cursors
from exchange_api.door import Attempt, Door
from exchange_api.formats import Format, format_for
from exchange_api.library import Library, Row, Shelf
from exchange_api.readings import Readings, layout_of, open_shelf_of
from infra.keyring import Keyring
from schemas.errors import MalformedRequest, MissingPurpose, NotAcceptable
from schemas.filter_text import json_of
from schemas.filters import Filter, Intersects, filter_of, intersections, items_of, shape_of
from schemas.resource import Resource

MOST = 10_000  # records of a page
USUAL = 100
A_PORTION = 5_000  # records of a stream
ALL = "all"
PARAMETERS = ("filter", "items", "limit", "cursor", "provenance")
LIMIT: Mapping[str, Any] = {"oneOf": [{"type": "integer", "minimum": 1, "maximum": MOST}, {"const": ALL}]}
SELECTION: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "filter": {"type": "object", "description": "CQL2 JSON"},
        "items": {"type": "array", "items": {"type": "string"}},
        "limit": LIMIT,
        **{name: {"type": "string"} for name in ("cursor", "purpose", "legal_basis", "case_code")},
        "provenance": {"type": "boolean"},
    },
}
"""The body of a selection, for the API's own document."""
_STATED = ("purpose", "legal_basis", "case_code")


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for: ``limit`` None is everything, as a stream; ``valid_by`` leaves out of a page what is valid from later only."""

    filter_: Filter | None
    items: tuple[str, ...]
    limit: int | None
    cursor: str | None
    provenance: bool
    valid_by: datetime | None = None

    @property
    def filtered(self) -> tuple[str, ...]:
        """The items that the filter is about."""
        return items_of(self.filter_) if self.filter_ else ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A selection under its agreement: what the database is asked, and what it cannot tell by."""

    agreement: Agreement
    filters: Sequence[Filter]
    near: tuple[Intersects, ...]
    after: bytes
    bound: tuple[str, ...]
    valid_by: datetime | None

    def met(self, found: Sequence[Row]) -> Sequence[Row]:
        """Return those of the rows found that are wanted: the database compared boxes alone, and no time."""
        rows = _meeting(self.near, found)
        if self.valid_by is None:
            return rows
        return [row for row in rows if row["_valid_from"] <= self.valid_by]


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page that are agreed, and the cursor to go on with, None at the end."""

    rows: Sequence[Row]
    cursor: str | None


def selection_of(resource: Resource, told: Mapping[str, Any]) -> Selection:
    """Read a selection from a body, or from the parameters of a query string made like one."""
    unknown = told.keys() - {*PARAMETERS, *_STATED}
    if unknown:
        raise MalformedRequest(
            "There is a field that is not known.", hint=f"Known are: {', '.join(PARAMETERS)}."
        )
    items, cursor, provenance = told.get("items", []), told.get("cursor"), told.get("provenance", False)
    if not isinstance(items, list) or not all(isinstance(one, str) for one in items):
        raise MalformedRequest("Field items must be a list of strings.")
    if not isinstance(provenance, bool):
        raise MalformedRequest("Field provenance must be true or false.")
    if cursor is not None and not isinstance(cursor, str):
        raise MalformedRequest("Field cursor must be a string.")
    filter_ = None if told.get("filter") is None else filter_of(told["filter"], resource)
    return Selection(
        filter_, known_items(resource, items), _limit(told.get("limit", USUAL)), cursor, provenance
    )


def _limit(told: Any) -> int | None:
    if told == ALL:
        return None
    if not isinstance(told, int) or isinstance(told, bool) or not 1 <= told <= MOST:
        raise MalformedRequest(f"Field limit must be 1 to {MOST}, or {ALL}.")
    return told


def told_in(query: bytes) -> dict[str, Any]:
    """Read the parameters of a query string as a body would say them."""
    asked: dict[str, Any] = dict(parameters_of(query))
    if "filter" in asked:
        asked["filter"] = json_of(asked["filter"])
    if "items" in asked:
        asked["items"] = [name for name in asked["items"].split(",") if name]
    if "limit" in asked and asked["limit"].isascii() and asked["limit"].isdecimal():
        asked["limit"] = int(asked["limit"][:9])
    if "provenance" in asked:
        asked["provenance"] = {"true": True, "false": False}.get(asked["provenance"])
    return asked


class Selections:
    """The readings of ``/v1/resources/{code}/records``."""

    def __init__(self, library: Library, door: Door, readings: Readings, keyring: Keyring) -> None:
        self._library, self._door, self._readings = library, door, readings
        self._cursors = Cursors(keyring)

    async def by_parameters(self, attempt: Attempt) -> Any:
        """Answer a selection that the query string states, its filter as text."""
        shelf, form = open_shelf_of(self._library, attempt), format_for(attempt.headers)
        attempt.stated = stated_in(attempt.headers)
        return await self._answer(attempt, shelf, form, told_in(attempt.request.scope["query_string"]))

    async def by_body(self, attempt: Attempt) -> Any:
        """Answer a selection that the body states, its filter as JSON: for values that have no place in an address."""
        shelf, form = open_shelf_of(self._library, attempt), format_for(attempt.headers)
        body = await body_of(attempt.request)
        attempt.stated = stated_in(attempt.headers, body)
        return await self._answer(attempt, shelf, form, body)

    async def _answer(self, attempt: Attempt, shelf: Shelf, form: Format, told: Mapping[str, Any]) -> Any:
        asked = selection_of(shelf.resource, told)
        chosen = self._chosen(attempt, shelf, asked)
        attempt.sent = {**attempt.sent, "Vary": "Accept"}
        if asked.limit is None:
            if form.encoder is None:
                raise NotAcceptable(
                    "All records are no JSON object.", hint="Accept application/x-ndjson, text/csv or Arrow."
                )
            return Stream(form.media_type, self._portions(attempt, shelf, form, chosen))
        page = await self._page(attempt, shelf, chosen, asked.limit)
        if page.cursor is not None:
            attempt.sent = {**attempt.sent, **_next(attempt, page.cursor)}
        told_of = await self._told(attempt, shelf, page.rows)
        if form.encoder is None:
            return {"resource": shelf.resource.code, "records": told_of, "next": page.cursor}
        return Body(form.media_type, form.whole(layout_of(attempt, shelf, keyed=False), told_of))

    async def page(self, attempt: Attempt, shelf: Shelf, asked: Selection) -> Page:
        """Return the records of one page as rows, under the agreement that the attempt goes on with; for other forms of asking."""
        return await self._page(attempt, shelf, self._chosen(attempt, shelf, asked), asked.limit or MOST)

    def _chosen(self, attempt: Attempt, shelf: Shelf, asked: Selection) -> Chosen:
        """Find the agreement for a selection, and what the database is asked under it."""
        if attempt.stated is None:
            raise MissingPurpose("The call does not say why it is made.")
        call = Call(
            (), asked.items, None, asked.provenance, attempt.stated, attempt.organisation, portion=1, filtered=asked.filtered
        )  # fmt: skip
        attempt.facts = {"filter": shape_of(asked.filter_)} if asked.filter_ else None
        agreement = self._door.agreed(attempt, shelf.resource.code, call)
        bound = self._bound(attempt, shelf, asked)
        after = self._cursors.opened(asked.cursor, bound, self._door.moment()) if asked.cursor else b""
        near = tuple(intersections(asked.filter_)) if asked.filter_ else ()
        return Chosen(agreement, self._filters(shelf, asked, agreement), near, after, bound, asked.valid_by)

    @staticmethod
    def _filters(shelf: Shelf, asked: Selection, agreement: Agreement) -> list[Filter]:
        """Return what the database is asked: the filter, and of the agreed rows what is told by items in the clear."""
        if asked.filter_ is None:
            return agreed_rows(shelf.resource, agreement)
        check_readable(asked.filter_)
        check_served(
            asked.filter_,
            [item for item in shelf.resource.items if item.name in agreement.covered - agreement.masked],
        )
        return [asked.filter_, *agreed_rows(shelf.resource, agreement)]

    @staticmethod
    def _bound(attempt: Attempt, shelf: Shelf, asked: Selection) -> tuple[str, ...]:
        system = attempt.system.id if attempt.system else ""
        wanted = repr(asked.filter_), ",".join(asked.items), str(asked.provenance), str(asked.valid_by)
        return system, shelf.resource.code, *wanted

    async def _page(self, attempt: Attempt, shelf: Shelf, chosen: Chosen, limit: int) -> Page:
        found = await self._found(shelf, chosen.filters, chosen.after, limit + 1)
        rows = shown(attempt, chosen.agreement, shelf, chosen.met(found[:limit]))
        attempt.subjects, attempt.records = [row["_subject"] for row in rows], len(rows)
        if attempt.draw is not None and attempt.call is not None:
            attempt.draw = replace(attempt.draw, call=replace(attempt.call, portion=max(1, len(rows))))
        if len(found) <= limit:
            return Page(rows, None)
        return Page(rows, self._cursors.made(found[limit - 1]["_subject"], chosen.bound, self._door.moment()))

    async def _portions(
        self, attempt: Attempt, shelf: Shelf, form: Format, chosen: Chosen
    ) -> AsyncGenerator[Portion, None]:
        encoder = (form.encoder or _no_encoder)(layout_of(attempt, shelf, keyed=False))
        ahead: asyncio.Future[Sequence[Row]] | None = self._ahead(shelf, chosen.filters, chosen.after)
        begun = False
        try:
            while ahead is not None:
                found, ahead = await ahead, None
                shelf.resource.check_in_use()
                if len(found) == A_PORTION:  # the next are found while these are told and sent
                    ahead = self._ahead(shelf, chosen.filters, found[-1]["_subject"])
                met = chosen.met(found)
                rows = within(chosen.agreement, shelf, met)
                told = await self._told(attempt, shelf, rows)
                if rows or not begun:
                    content = await asyncio.to_thread(encoder.portion, told)
                    subjects = [row["_subject"] for row in rows]
                    yield Portion(content, subjects, len(rows), len(met) - len(rows))
                begun = True
            yield Portion(encoder.end())
        finally:
            if ahead is not None:
                ahead.cancel()

    def _ahead(
        self, shelf: Shelf, filters: Sequence[Filter], after: bytes
    ) -> "asyncio.Future[Sequence[Row]]":
        return asyncio.ensure_future(self._found(shelf, filters, after, A_PORTION))

    async def _found(
        self, shelf: Shelf, filters: Sequence[Filter], after: bytes, limit: int
    ) -> Sequence[Row]:
        shelf.resource.check_in_use()
        selecting = Selecting(shelf.reader)
        return await self._library.selected(selecting.page(filters, after, limit), selecting.parameters)

    async def _told(self, attempt: Attempt, shelf: Shelf, rows: Sequence[Row]) -> list[dict[str, Any]]:
        if attempt.agreement is None or attempt.call is None:
            raise MalformedRequest("Nobody agreed.")
        return await self._readings.told(attempt, shelf, rows, attempt.call, attempt.agreement)


def _meeting(near: Sequence[Intersects], rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows whose geometries do intersect; their boxes were all that the database compared."""
    for one in near:
        shapes = shapely.from_wkb([row[one.item.name] for row in rows])
        shapely.prepare(one.geometry)
        rows = [row for row, met in zip(rows, shapely.intersects(one.geometry, shapes), strict=True) if met]
    return rows


def _no_encoder(_layout: Any) -> Any:
    raise NotAcceptable("All records are no JSON object.")


def _next(attempt: Attempt, cursor: str) -> dict[str, str]:
    """Say where the next page is: the cursor for a body, and the address (RFC 8288) where the query string said the rest."""
    said = {"Hub-Cursor": cursor}
    if attempt.request.method != "GET":
        return said
    asked = parameters_of(attempt.request.scope["query_string"]) | {"cursor": cursor}
    return {**said, "Link": f'<?{urlencode(asked)}>; rel="next"'}
