"""Writing and reading contacts. An address goes to no ledger entry, and no error of the database holds one."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from catalog.contact import Bearer, Contact
from catalog.recorded import Recorded
from catalog.tables import CONTACT, ORGANISATION
from schemas.errors import AlreadyRegistered, NotRegistered

_FORGET = (
    text("DELETE FROM catalog.notification WHERE channel = 'smtp' AND recipient = :recipient"),
    text("DELETE FROM catalog.notification_claim WHERE channel = 'smtp' AND recipient = :recipient"),
)


class Contacts(Recorded):
    """Who is told of an organisation's duties."""

    def add(self, contact: Contact, *, actor: str) -> None:
        """Register a contact; ``NotRegistered`` when its organisation is not, ``AlreadyRegistered`` when it has the address."""
        self._check_organisation(contact.organisation)
        told = {"organisation": contact.organisation, "bearers": sorted(contact.bearers)}
        self._record(self._connection, actor=actor, action="contact.add", target=contact.id, facts=told)
        values = {"id": contact.id, "address": contact.address, **told}
        adding = insert(CONTACT).values(**values).on_conflict_do_nothing().returning(CONTACT.c.id)
        if self._connection.execute(adding).first() is None:
            raise AlreadyRegistered(
                f"Organisation {contact.organisation} has a contact of that address.",
                hint="Remove it first, to have it told of other duties: hub contact remove",
            )

    def remove(self, organisation: str, id_: str, *, actor: str) -> None:
        """Tell a contact no more, and forget what it was told; ``NotRegistered`` where the organisation has none of that id."""
        facts = {"organisation": organisation}
        self._record(self._connection, actor=actor, action="contact.remove", target=id_, facts=facts)
        of = (CONTACT.c.organisation == organisation) & (CONTACT.c.id == id_)
        if self._connection.execute(delete(CONTACT).where(of)).rowcount == 0:
            raise NotRegistered(
                f"Organisation {organisation} has no contact {id_}.", hint="See them: hub contact list"
            )
        for forget in _FORGET:
            self._connection.execute(forget, {"recipient": id_})

    def of(self, organisation: str) -> Sequence[Contact]:
        """Return the contacts of an organisation, by address; ``NotRegistered`` where it is not registered."""
        self._check_organisation(organisation)
        return self._read(CONTACT.c.organisation == organisation)

    def all(self) -> Sequence[Contact]:
        """Return every contact, by organisation and address."""
        return self._read()

    def _read(self, *conditions: Any) -> Sequence[Contact]:
        order = (CONTACT.c.organisation, func.lower(CONTACT.c.address))
        query = select(CONTACT).where(*conditions).order_by(*order)
        return [contact_of(row) for row in self._connection.execute(query).mappings()]

    def _check_organisation(self, code: str) -> None:
        if not self._exists(ORGANISATION.c.code, code):
            raise NotRegistered(f"Organisation {code} is not registered.", hint="Run: hub organisation add")


def contact_of(row: Mapping[Any, Any]) -> Contact:
    """Make a contact from its row."""
    bearers = frozenset(map(Bearer, row["bearers"]))
    return Contact(row["id"], row["organisation"], row["address"], bearers)
