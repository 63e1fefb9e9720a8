"""What is offered to who applies: a resource as it is published, by whom, and what of it is not shared."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from catalog.organisation import Organisation
from catalog.repository import organisation_of
from catalog.tables import ORGANISATION
from schemas.errors import NotRegistered, NotShared
from schemas.resource import Resource, Sharing, resource_named


@dataclass(frozen=True)
class Offer:
    """A resource and the department that provides it.

    ``withheld`` are its items that are not shared, ``legal_basis`` is the law by which all of it is not.
    """

    resource: Resource
    provider: Organisation
    withheld: frozenset[str] = frozenset()
    legal_basis: str = ""

    def check_shared(self) -> None:
        """Raise ``NotShared``, which names the legal basis, where the resource is not shared at all (article 15)."""
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
    """Return the offer of a resource, whose provider is registered by the name or the code that the resource gives."""
    resource = resource_named(code)
    named = or_(ORGANISATION.c.name == resource.provider, ORGANISATION.c.code == resource.provider)
    found = (
        connection.execute(select(ORGANISATION).where(named).order_by(ORGANISATION.c.code)).mappings().all()
    )
    if len(found) != 1:
        why = "is not registered" if not found else "is the name of several organisations"
        raise NotRegistered(
            f"The provider of {code}, {resource.provider}, {why}.",
            hint="Register it by that name: hub organisation add.",
            resource=code,
        )
    return Offer(resource, organisation_of(found[0]))
