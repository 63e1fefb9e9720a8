"""What is offered to who applies: a resource as it is published, by whom, and what of it is not shared."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection, or_, select

from catalog.entry import CatalogueEntry
from catalog.entry_reader import EntryReader
from catalog.entry_tables import ENTRY_TABLE
from catalog.lists.negative import touched
from catalog.organisation import Organisation
from catalog.repository import organisation_of
from catalog.tables import ORGANISATION
from schemas.errors import NotRegistered, NotShared
from schemas.resource import Resource, Sharing, resource_named


@dataclass(frozen=True)
class Offer:
    """A resource and the department that provides it.

    ``withheld`` are its items that are not shared, by name, with the law where one is told; ``legal_basis`` is the law by which all of it is not.
    """

    resource: Resource
    provider: Organisation
    withheld: Collection[str] = frozenset()
    legal_basis: str = ""

    def check_shared(self) -> None:
        """Raise ``ResourceWithdrawn``, or ``NotShared``, which names the legal basis, where the resource is not shared at all (article 15)."""
        self.resource.check_in_use()
        if self.resource.sharing is Sharing.NOT_SHARED:
            basis = (
                self.legal_basis
                or self.resource.condition
                or "its entry in the catalogue names the legal basis"
            )
            raise NotShared(
                f"Resource {self.resource.code} is not shared: {basis}.",
                hint="Only a law, an administrative regulation or a State Council decision keeps data from being shared; "
                "who doubts that this one does turns to the catalogue authority.",
                resource=self.resource.code,
            )


Offering = Callable[[Connection, str], Offer]
"""Finds what is offered under a resource's code; raises ``UnknownResource``, or ``NotRegistered`` without a provider."""


def offer_of(connection: Connection, code: str) -> Offer:
    """Return the offer of a resource: what its entry in the catalogue says where one is in force, else what its definition does.

    The provider is the organisation of the entry's code, or the one registered by the name that the definition gives.
    """
    resource = resource_named(code)
    entry = _entry(connection, code)
    if entry is not None:
        told = replace(resource, sharing=entry.sharing, condition=entry.condition)
        provider = _provider(connection, code, entry.provider_code)
        return Offer(told, provider, _withheld(connection, provider, resource), entry.legal_basis)
    provider = _provider(connection, code, resource.provider)
    return Offer(resource, provider, _withheld(connection, provider, resource))


def _withheld(connection: Connection, provider: Organisation, resource: Resource) -> Collection[str]:
    return touched(connection, provider.code, {item.name: item.title for item in resource.items})


def _entry(connection: Connection, code: str) -> CatalogueEntry | None:
    found = connection.execute(select(ENTRY_TABLE.c.in_force).where(ENTRY_TABLE.c.id == code)).scalar()
    return EntryReader(connection).version(code, found) if found is not None else None


def _provider(connection: Connection, code: str, told: str) -> Organisation:
    named = or_(ORGANISATION.c.name == told, ORGANISATION.c.code == told)
    query = select(ORGANISATION).where(named).order_by(ORGANISATION.c.code)
    found = connection.execute(query).mappings().all()
    if len(found) != 1:
        why = "is not registered" if not found else "is the name of several organisations"
        raise NotRegistered(
            f"The provider of {code}, {told}, {why}.",
            hint="Register it by that name: hub organisation add.",
            resource=code,
        )
    return organisation_of(found[0])
