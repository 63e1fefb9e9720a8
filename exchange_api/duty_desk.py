"""What stands undone, for people who are signed in: their organisation's, or everybody's for the catalogue authority."""

from typing import Any

from sqlalchemy import Connection

from exchange_api.calls import parameters_of
from exchange_api.door import Attempt
from exchange_api.paging import page_of
from exchange_api.transactions import Transactions
from hub.duties.duty import Finding
from hub.duties.table import DUTIES, duty_named
from hub.duties.watching import ground_of, seen_by, watch
from hub.source_registry import Registry
from infra.clock import Clock
from infra.settings import Settings


class DutyDesk:
    """The reading of ``/v1/duties``; it takes an attempt of a person."""

    def __init__(
        self, transactions: Transactions, settings: Settings, registry: Registry, clock: Clock
    ) -> None:
        self._transactions, self._settings = transactions, settings
        self._registry, self._clock = registry, clock

    async def duties(self, attempt: Attempt) -> dict[str, Any]:
        """Answer a page of the findings, by duty and subject; of one duty, where ``duty`` names it."""
        page = page_of(attempt, "duty")
        name = parameters_of(attempt.request.scope["query_string"]).get("duty")
        chosen = DUTIES if name is None else (duty_named(name),)
        organisation = seen_by(attempt.actor)

        def _watch(connection: Connection) -> list[Finding]:
            ground = ground_of(self._settings, connection, self._registry.definitions(), self._clock)
            found = watch(ground, chosen, organisation)
            behind = [one for one in found if one.key > page.after]
            return sorted(behind, key=lambda one: one.key)[: page.fetched]

        found = await self._transactions.alone(_watch)
        return page.told(attempt, "duties", found, lambda one: one.key, Finding.as_dict)
