"""Contacts of organisations behind the door: answers hold their addresses, for who administers organisations; logs and ledger do not."""

from collections.abc import Callable
from typing import Any, TypeVar

from catalog.contact import OWN, Contact, bearers_named
from catalog.contacts import Contacts
from exchange_api.bodies import Fields, named
from exchange_api.door import Attempt
from exchange_api.transactions import Transactions
from hub.parties import contact_told

Made = TypeVar("Made")


class ContactDesk:
    """The readings of ``/v1/organisations/{code}/contacts``."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def listed(self, attempt: Attempt) -> dict[str, Any]:
        """List the contacts of an organisation."""
        code = named(attempt.request, "code")
        found = await self._contacts(attempt, lambda contacts: contacts.of(code))
        return {"contacts": [contact_told(one) for one in found]}

    async def add(self, attempt: Attempt) -> dict[str, Any]:
        """Have an address told of duties; of its own organisation's, where nothing else is said."""
        given, code = await Fields.of(attempt.request, "address", "bearers"), named(attempt.request, "code")
        bearers = bearers_named(given.texts("bearers")) if "bearers" in given else OWN
        added = Contact.made(code, given.text("address"), bearers)
        await self._contacts(attempt, lambda contacts: contacts.add(added, actor=attempt.actor.id))
        return contact_told(added)

    async def remove(self, attempt: Attempt) -> dict[str, Any]:
        """Have an address told no more."""
        code, id_ = named(attempt.request, "code"), named(attempt.request, "id")
        await self._contacts(attempt, lambda contacts: contacts.remove(code, id_, actor=attempt.actor.id))
        return {"id": id_, "organisation": code, "removed": True}

    async def _contacts(self, attempt: Attempt, work: Callable[[Contacts], Made]) -> Made:
        return await self._transactions.committed(
            attempt, lambda given: work(Contacts(given.connection, given.record))
        )
