"""Entries in force, found by words, and how far the catalogue reaches."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from catalog.search import FILTERS, MOST, Asked, search
from exchange_api.calls import parameters_of
from exchange_api.door import Attempt
from exchange_api.transactions import Transactions
from hub.catalogue.counting import coverage_of
from hub.source_registry import Registry
from infra.settings import Settings
from schemas.errors import MalformedRequest

_FLAGS = {"true": True, "false": False}
PARAMETERS = ("q", *FILTERS, "after", "limit")


class SearchDesk:
    """The readings of ``/v1/catalogue``; each takes an authenticated attempt, of a system or a person."""

    def __init__(self, transactions: Transactions, settings: Settings, registry: Registry) -> None:
        self._transactions, self._settings, self._registry = transactions, settings, registry

    async def found(self, attempt: Attempt) -> dict[str, Any]:
        """Answer a page of the entries in force that are found by ``q``, best first."""
        asked = _asked(parameters_of(attempt.request.scope["query_string"]))

        def _search(connection: Connection) -> dict[str, Any]:
            return search(connection, asked).as_dict()

        told = await self._transactions.alone(_search)
        attempt.records = len(told["hits"])
        return told

    async def coverage(self, attempt: Attempt) -> dict[str, Any]:
        """Answer what of the catalogue is published, has a source, is read and up to date, by organisation, category and sharing attribute."""
        if parameters_of(attempt.request.scope["query_string"]):
            raise MalformedRequest("Coverage takes no query parameter.")

        def _count(connection: Connection) -> dict[str, Any]:
            sources = self._registry.sources()
            return {"coverage": [asdict(one) for one in coverage_of(connection, self._settings, sources)]}

        told = await self._transactions.alone(_count)
        attempt.records = len(told["coverage"])
        return told


def _asked(given: dict[str, str]) -> Asked:
    if given.keys() - set(PARAMETERS):
        raise MalformedRequest(
            "There is a query parameter that is not known.", hint=f"Known are: {', '.join(PARAMETERS)}."
        )
    filters: dict[str, Any] = {name: given[name] for name in FILTERS if name in given}
    if "open" in filters and filters["open"] not in _FLAGS:
        raise MalformedRequest("Parameter open is neither true nor false.")
    if "open" in filters:
        filters["open"] = _FLAGS[filters["open"]]
    limit = given.get("limit", "20")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4):
        raise MalformedRequest(f"Parameter limit is not a number between 1 and {MOST}.")
    return Asked(given.get("q", ""), filters, given.get("after"), int(limit))
