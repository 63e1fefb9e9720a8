"""Lineage through the API: back from a record's items, on from a column, a source or a resource.

An administrator's system sees all. Any other sees what its agreements cover: of a record the items agreed, of what depends on
something its own agreements and calls, and never where a department's system is or by which reference it knows a row. A source's
own systems also see what their columns feed. Part of the security boundary: records are opened on the way, in ``hub.lineage``.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from base_libraries.origins import Moment
from catalog.agreement import AgreementStatus
from connectors.push.options import PushOptions
from connectors.source import Source
from exchange_api.agreed import within
from exchange_api.calls import Call, checked_key, known_items, parameters_of, stated_in
from exchange_api.door import Attempt, Door
from exchange_api.library import Library, Shelf
from exchange_api.readings import shelf_of
from hub.lineage.backward import Question, no_such_version, trace
from hub.lineage.forward import Page, Reach, impact, of_column, of_resource, of_source
from hub.source_registry import Registry
from infra.clock import now
from infra.database import Database, Role
from schemas.errors import AccessDenied, MalformedRequest, UnknownColumn, UnknownSource
from schemas.resource import Resource
from schemas.update_cycles import CHINA

MOST_AGREEMENTS = 1_000  # a page
_OF_RECORD = ("items", "version", "as_of", "values")
_OF_IMPACT = ("since", "after", "limit")
Asked = Callable[[Connection], Reach]


class LineageDesk:
    """The readings of ``/v1/lineage``; each takes an authenticated attempt and returns a JSON-ready answer."""

    def __init__(self, database: Database, library: Library, door: Door, registry: Registry) -> None:
        self._database, self._library, self._door, self._registry = database, library, door, registry

    # ── back ─────────────────────────────────────────────────────────────────────────────────────────

    async def record(self, attempt: Attempt) -> dict[str, Any]:
        """Tell where items of a record came from: a reading of the record, with purpose, legal basis and case code."""
        shelf = shelf_of(self._library, attempt)
        attempt.stated = stated_in(attempt.headers)
        attempt.keys = 1
        key = checked_key(shelf.resource.key, attempt.request.path_params["key"], 1)
        subject = shelf.reader.subject(key)
        attempt.subjects = [subject]
        question = self._permitted(attempt, shelf, key, _question(attempt, shelf.resource))
        await self._check_within(attempt, shelf, subject)
        answer = await asyncio.to_thread(self._traced, shelf, subject, question)
        if answer is None:
            raise no_such_version(shelf.resource)
        attempt.records = 1
        return answer

    def _permitted(self, attempt: Attempt, shelf: Shelf, key: str, question: Question) -> Question:
        system, stated = attempt.system, attempt.stated
        attempt.items = question.items
        if system is None or stated is None:
            raise AccessDenied("Nobody asks.")
        if system.administrator:
            attempt.items = question.items or tuple(item.name for item in shelf.resource.items)
            return replace(question, items=attempt.items)
        if question.values:
            raise AccessDenied("Values in lineage are for administrators.", hint="Leave out: values=masked.")
        call = Call((key,), question.items, None, True, stated, system.organisation)
        self._door.agreed(attempt, shelf.resource.code, call)
        return replace(question, items=attempt.items, inside=False)

    async def _check_within(self, attempt: Attempt, shelf: Shelf, subject: bytes) -> None:
        """Raise what is raised where there is no record, if it is outside the agreed rows as it is today."""
        if attempt.agreement is None or not attempt.agreement.rows.conditions:
            return
        row = await shelf.by_key.ask(subject)
        if row is None or not within(attempt.agreement, shelf, [row]):
            attempt.count_outside(int(row is not None))
            raise no_such_version(shelf.resource)

    def _traced(self, shelf: Shelf, subject: bytes, question: Question) -> dict[str, Any] | None:
        with self._database.engine(Role.APPLICATION).connect() as connection:
            return trace(connection, shelf.reader, subject, question, self._registry.sources)

    # ── on ───────────────────────────────────────────────────────────────────────────────────────────

    async def resource(self, attempt: Attempt) -> dict[str, Any]:
        """Tell what feeds a resource, or one item of it, and what depends on it."""
        resource = shelf_of(self._library, attempt).resource
        told = _parameters(attempt, (*_OF_IMPACT, "item"))
        item = known_items(resource, [told["item"]])[0] if "item" in told else None
        sources = await asyncio.to_thread(self._registry.sources)
        return await self._impact(attempt, resource, lambda _: of_resource(resource, sources, item), None)

    async def source(self, attempt: Attempt) -> dict[str, Any]:
        """Tell what a source feeds, and what depends on it."""
        source, resource = await self._source(attempt)
        _parameters(attempt, _OF_IMPACT)
        return await self._impact(attempt, resource, lambda _: of_source(source, resource), source)

    async def column(self, attempt: Attempt) -> dict[str, Any]:
        """Tell what a column of a source feeds, and what depends on it."""
        source, resource = await self._source(attempt)
        _parameters(attempt, _OF_IMPACT)
        name = attempt.request.path_params["column"]
        return await self._impact(attempt, resource, lambda c: of_column(c, source, resource, name), source)

    async def _source(self, attempt: Attempt) -> tuple[Source, Resource]:
        sources = await asyncio.to_thread(self._registry.sources)
        source = sources.get(attempt.request.path_params["code"])
        if source is None:
            if attempt.system and attempt.system.administrator:
                raise UnknownSource("There is no source of that code.", hint="GET /v1/sources lists them.")
            raise _not_covered()
        attempt.resource = source.resource
        return source, self._library.shelves[source.resource].resource

    async def _impact(
        self, attempt: Attempt, resource: Resource, asked: Asked, own: Source | None
    ) -> dict[str, Any]:
        page = _page(attempt)
        seen = None if page.system is None else self._seen(attempt, resource, own)
        return await asyncio.to_thread(self._reached, asked, page, seen)

    def _seen(self, attempt: Attempt, resource: Resource, own: Source | None) -> Collection[str]:
        """Return the items that the caller's agreements in force cover, and those that its own source feeds."""
        at = now()
        found = {
            item
            for agreement in self._door.agreements(attempt, resource.code)
            if agreement.status is AgreementStatus.IN_FORCE
            and agreement.valid_from <= at < agreement.valid_to
            for item in agreement.items
        }
        pushed = own.settings if own is not None else None
        if own and isinstance(pushed, PushOptions) and attempt.system and attempt.system.id in pushed.systems:
            found |= own.mapping.keys()
        return found

    def _reached(self, asked: Asked, page: Page, seen: Collection[str] | None) -> dict[str, Any]:
        with self._database.engine(Role.APPLICATION).connect() as connection:
            if seen is None:
                return impact(connection, asked(connection), page)
            try:
                reach = asked(connection).seen_by(seen)
            except UnknownColumn:
                raise _not_covered() from None  # the hint would tell which other columns there are
            if not reach.items:
                raise _not_covered()
            return impact(connection, reach, page)


def _not_covered() -> AccessDenied:
    return AccessDenied(
        "No agreement of your system covers what that feeds.",
        hint="GET /v1/resources lists what yours cover.",
    )


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────


def _parameters(attempt: Attempt, known: Collection[str]) -> dict[str, str]:
    told = parameters_of(attempt.request.scope["query_string"])
    if told.keys() - set(known):
        raise MalformedRequest(
            "There is a query parameter that is not known.", hint=f"Known are: {', '.join(known)}."
        )
    return told


def _question(attempt: Attempt, resource: Resource) -> Question:
    told = _parameters(attempt, _OF_RECORD)
    if told.get("values", "masked") != "masked":
        raise MalformedRequest("Parameter values must be: masked.")
    items = known_items(resource, [name for name in told.get("items", "").split(",") if name])
    as_of = _read(told, "as_of", datetime.fromisoformat, "an ISO 8601 time")
    if as_of is not None and as_of.tzinfo is None:
        as_of = as_of.replace(tzinfo=CHINA)
    moment = Moment(_read(told, "version", _version, "a number from 1 up"), as_of)
    return Question(items, moment, values="values" in told)


def _page(attempt: Attempt) -> Page:
    told = parameters_of(attempt.request.scope["query_string"])
    since = _read(told, "since", date.fromisoformat, "a date as 2026-01-31")
    limit = _read(told, "limit", _limit, f"a number from 1 to {MOST_AGREEMENTS}") or 100
    system = attempt.system
    own = None if system is None or system.administrator else system.id
    return Page(since, own, _read(told, "after", _after, "an agreement's number") or "", limit)


def _read(told: dict[str, str], name: str, how: Callable[[str], Any], what: str) -> Any:
    if name not in told:
        return None
    try:
        return how(told[name])
    except ValueError:
        raise MalformedRequest(f"Parameter {name} must be {what}.") from None


def _version(text: str) -> int:
    return _between(text, 1, 2**31 - 1)


def _limit(text: str) -> int:
    return _between(text, 1, MOST_AGREEMENTS)


def _between(text: str, low: int, high: int) -> int:
    number = int(text) if text.isdecimal() and len(text) < 12 else -1
    if not low <= number <= high:
        raise ValueError
    return number


def _after(text: str) -> str:
    if len(text) > 300 or not text.isprintable():
        raise ValueError
    return text
