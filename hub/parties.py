"""Organisations, their contacts, people and systems as documents, for the commands and the API alike."""

from collections.abc import Sequence
from typing import Any

from catalog.contact import Contact
from catalog.organisation import Office, Organisation
from catalog.person import Person
from catalog.system import System


def organisation_told(organisation: Organisation, offices: Sequence[Office] | None = None) -> dict[str, Any]:
    """Describe an organisation, with its offices where they are given."""
    told: dict[str, Any] = {
        "code": organisation.code,
        "name": organisation.name,
        "division": organisation.division,
        "level": organisation.level.value,
        "parent": organisation.parent,
    }
    if offices is not None:
        told["offices"] = [{"code": office.code, "name": office.name} for office in offices]
    return told


def contact_told(contact: Contact) -> dict[str, Any]:
    """Describe a contact to who administers organisations; the address is in it, and goes into no log."""
    return {
        "id": contact.id,
        "organisation": contact.organisation,
        "address": contact.address,
        "bearers": sorted(contact.bearers),
    }


def person_told(person: Person) -> dict[str, Any]:
    """Describe a person to who administers them; their name is in it, and goes into no log."""
    return {
        "id": person.id,
        "name": person.name,
        "organisation": person.organisation,
        "office": person.office,
        "roles": sorted(person.roles),
        "status": person.status.value,
    }


def system_told(system: System) -> dict[str, Any]:
    """Describe a system and its public keys."""
    keys = [
        {
            "kid": key.kid,
            "kind": key.public.key_type,
            "thumbprint": key.thumbprint,
            "certificate": "x5c" in key.jwk,
            "valid_until": key.ends_at and key.ends_at.isoformat(),
        }
        for key in system.known_keys
    ]
    told = {"system": system.id, "organisation": system.organisation, "title": system.title}
    return told | {"status": system.status.value, "administrator": system.administrator, "keys": keys}
