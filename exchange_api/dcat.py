"""The catalogue for neighbours, as DCAT-AP 3: public, in pages, in the format that is accepted.

A page that was made is kept while its content stands, and has an ETag: who harvests often costs little.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from catalog.dcat.describing import Addresses
from catalog.dcat.formats import RdfFormat, format_accepted, format_named, serialized
from catalog.dcat.writing import Page
from catalog.odrl import offer_of
from catalog.published_entries import Published, PublishedEntries
from exchange_api.calls import parameters_of
from exchange_api.door import Attempt
from exchange_api.problems import problem
from hub.neighbours.contract import contract_of
from hub.neighbours.exporting import MOST_DATASETS, Offered, catalogue_graph, offered
from infra.database import Database, Role
from schemas.errors import HubError, MalformedRequest

_MOST_KEPT = 500  # pages of one process
_AT_ONCE = 1  # a page is made by the processor alone, and calls must not wait for it


@dataclass(frozen=True, slots=True)
class Made:
    """A page as it is sent."""

    body: bytes
    etag: str
    media_type: str


class DcatDesk:
    """Makes the pages, and keeps those whose content stands."""

    def __init__(self, database: Database, at: Addresses) -> None:
        self._database, self._at = database, at
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def page(self, request: Request) -> Response:
        """Answer a page: whole, or that the caller has it already."""
        try:
            asked = parameters_of(request.scope["query_string"])
            format_ = _format(asked, request.headers.get("accept", ""))
            after, limit = _place(asked)
            async with self._free:
                made = await asyncio.to_thread(self._made, format_, after, limit)
        except HubError as error:
            return problem(error)
        headers = {"ETag": made.etag, "Vary": "Accept", "Cache-Control": "public, max-age=60"}
        held = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
        if held & {made.etag, "*"}:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(made.body, media_type=made.media_type, headers=headers)

    async def contract(self, attempt: Attempt) -> Any:
        """Answer the data contract of what is published, by ODCS."""
        return await self._told(attempt, contract_of)

    async def policy(self, attempt: Attempt) -> Any:
        """Answer what is published offers to whom, in ODRL."""
        return await self._told(attempt, offer_of)

    async def _told(self, attempt: Attempt, tell: Callable[[Published, Addresses], Mapping[str, Any]]) -> Any:
        def _read() -> Mapping[str, Any]:
            with self._database.engine(Role.APPLICATION).connect() as connection:
                return tell(PublishedEntries(connection, everything=True).named(code), self._at)

        code = attempt.request.path_params["code"]
        async with self._free:
            told = await asyncio.to_thread(_read)
        attempt.resource = code
        digest = hashlib.sha256(attempt.action.encode() + orjson.dumps(told)).hexdigest()[:32]
        return None if attempt.has_fresh(f'"{digest}"') else told

    def _made(self, format_: RdfFormat, after: str, limit: int) -> Made:
        with self._database.engine(Role.APPLICATION).connect() as connection:
            found = offered(connection, self._at, after=after, limit=limit)
        page = self._page(found, after, limit)
        parts = (
            format_.name,
            page.address,
            page.following or "",
            str(page.total),
            *(one.digest for one in found.datasets),
            *(orjson.dumps(one).decode() for one in found.policies),
        )
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
        body = self._kept.get(digest)
        if body is None:
            body = self._kept[digest] = serialized(catalogue_graph(self._at, found, page), format_)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return Made(body, f'"{digest}"', format_.media_type)

    def _page(self, found: Offered, after: str, limit: int) -> Page:
        def _address(behind: str) -> str:
            told = ({"after": behind} if behind else {}) | (
                {"limit": limit} if limit != MOST_DATASETS else {}
            )
            return f"{self._at.catalogue}?{urlencode(told)}" if told else self._at.catalogue

        return Page(
            _address(after), _address(""), _address(found.after) if found.after else None, found.total
        )


def _format(asked: Mapping[str, str], accept: str) -> RdfFormat:
    unknown = asked.keys() - {"format", "after", "limit"}
    if unknown:
        raise MalformedRequest(
            "There is a query parameter that is not known.", hint="Known are: format, after, limit."
        )
    return format_named(asked["format"]) if "format" in asked else format_accepted(accept)


def _place(asked: Mapping[str, str]) -> tuple[str, int]:
    given = asked.get("limit", str(MOST_DATASETS))
    if not (given.isascii() and given.isdecimal() and len(given) < 9 and 0 < int(given) <= MOST_DATASETS):
        raise MalformedRequest(f"Parameter limit is not between 1 and {MOST_DATASETS}.")
    return asked.get("after", ""), int(given)
