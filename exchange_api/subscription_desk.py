"""Subscribing: making, listing and ending subscriptions, for the systems whose they are."""

from collections.abc import Mapping
from typing import Any

from audit.entry import new_entry_id
from catalog.agreement import Agreement
from catalog.subscription import Subscription
from catalog.subscriptions import Subscriptions
from exchange_api.bodies import Fields, named
from exchange_api.calls import Call, Stated, body_of, known_items, stated_in
from exchange_api.door import Attempt, Door
from exchange_api.library import Library
from exchange_api.paging import page_of
from exchange_api.transactions import Transaction, Transactions
from infra.clock import now
from schemas.errors import MalformedRequest, UnknownResource

FIELDS = ("resource", "items", "agreement", "purpose", "legal_basis", "case_code")


class SubscriptionDesk:
    """The readings of ``/v1/subscriptions`` that deliver nothing; each takes an attempt of a system."""

    def __init__(self, library: Library, door: Door, transactions: Transactions) -> None:
        self._library, self._door, self._transactions = library, door, transactions

    async def subscribe(self, attempt: Attempt) -> dict[str, Any]:
        """Take a subscription in, under the agreement named or the first that allows it; refused as a reading would be."""
        body = await body_of(attempt.request)
        fields = Fields(body, FIELDS)
        shelf = self._library.shelves.get(fields.text("resource"))
        if shelf is None:
            raise UnknownResource("There is no such resource.", hint="GET /v1/resources lists them.")
        shelf.resource.check_in_use()
        attempt.resource = shelf.resource.code
        attempt.stated = stated_in(attempt.headers, body)
        items = known_items(shelf.resource, fields.texts("items") if "items" in fields else [])
        asked = call_of(items, attempt.stated, attempt.organisation)
        agreement = self._agreement(attempt, asked, fields.text_or_none("agreement"))
        made = _made(attempt, agreement, asked)

        def work(now: Transaction) -> dict[str, Any]:
            Subscriptions(now.connection, now.record).add(made, actor=now.actor.id)
            return told_of(made)

        return await self._transactions.committed(attempt, work)

    def _agreement(self, attempt: Attempt, asked: Call, wanted: str | None) -> Agreement:
        """Return the agreement it is under: one on reading in bulk, for a snapshot is all there is."""
        return self._door.agreed(attempt, attempt.resource or "", asked, under=wanted)

    async def subscriptions(self, attempt: Attempt) -> dict[str, Any]:
        """List the caller's subscriptions by id, a page at a time."""
        page, system = page_of(attempt), _system(attempt)

        def work(now: Transaction) -> list[Subscription]:
            return list(Subscriptions(now.connection, now.record).listed(system, page.after, page.fetched))

        found = await self._transactions.committed(attempt, work)
        return page.told(attempt, "subscriptions", found, lambda one: one.id, told_of)

    async def subscription(self, attempt: Attempt) -> dict[str, Any]:
        """Tell of one of the caller's subscriptions."""
        id_, system = subscription_named(attempt), _system(attempt)

        def work(now: Transaction) -> Subscription:
            return Subscriptions(now.connection, now.record).one(id_, system)

        found = await self._transactions.committed(attempt, work)
        attempt.resource = found.resource
        return told_of(found)

    async def cancel(self, attempt: Attempt) -> dict[str, Any]:
        """End one of the caller's subscriptions; again does no harm."""
        id_, system = subscription_named(attempt), _system(attempt)

        def work(now: Transaction) -> Subscription:
            return Subscriptions(now.connection, now.record).cancel(id_, system, actor=now.actor.id)

        found = await self._transactions.committed(attempt, work)
        attempt.resource = found.resource
        return told_of(found)


def call_of(items: tuple[str, ...], stated: Stated, organisation: str) -> Call:
    """Return what a subscription asks for, as its agreement judges it: all there is, and as many records as are delivered at once."""
    return Call((), items, None, provenance=False, stated=stated, organisation=organisation, filtered=())


def told_of(subscription: Subscription) -> dict[str, Any]:
    """Describe a subscription to its system, with where to read it."""
    here = f"/v1/subscriptions/{subscription.id}"
    told: Mapping[str, Any] = {name: one for name, one in subscription.as_dict().items() if name != "system"}
    return {**told, "snapshot": f"{here}/snapshot", "changes": f"{here}/changes"}


def subscription_named(attempt: Attempt) -> str:
    """Return the id that the path names, or raise ``MalformedRequest``."""
    id_ = named(attempt.request, "id")
    if len(id_) > 64 or not id_.isascii() or not id_.isprintable():
        raise MalformedRequest("A subscription is named by the id it was given.")
    return id_


def _system(attempt: Attempt) -> str:
    return attempt.actor.id


def _made(attempt: Attempt, agreement: Agreement, asked: Call) -> Subscription:
    stated = asked.stated
    return Subscription(
        str(new_entry_id()), _system(attempt), agreement.id, agreement.resource, asked.items, stated.purpose,
        stated.legal_basis, stated.case_code, now(),
    )  # fmt: skip
