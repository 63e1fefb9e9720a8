"""Contacts (联系人): the e-mail addresses of an organisation that are told of duties, and whose duties each is told of.

An address may be a person's: it is shown to who administers organisations, and stands in no log, no ledger entry and no error.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import MalformedRequest


class Bearer(StrEnum):
    """Whose duty it is."""

    PROVIDER = "provider"
    USER = "user"
    AUTHORITY = "authority"
    SECURITY_ADMINISTRATOR = "security administrator"
    SYSTEM_ADMINISTRATOR = "system administrator"


OWN = frozenset({Bearer.PROVIDER, Bearer.USER})
"""Duties of which a contact is told its own organisation's; of the others, everybody's."""
LONGEST_ADDRESS = 254  # characters (RFC 5321)


@dataclass(frozen=True)
class Contact:
    """An address of an organisation; ``id`` names it wherever the address is not shown."""

    id: str
    organisation: str
    address: str
    bearers: frozenset[Bearer]

    def __post_init__(self) -> None:
        if not self.bearers:
            raise MalformedRequest("A contact is told of somebody's duties.", hint=_BEARERS)

    @classmethod
    def made(cls, organisation: str, address: str, bearers: frozenset[Bearer] = OWN) -> "Contact":
        """Make a new one; ``MalformedRequest`` where that is no address, which the error does not quote."""
        return cls(f"c-{secrets.token_hex(8)}", organisation, valid_address(address), bearers)

    @property
    def hears(self) -> frozenset[tuple[Bearer, str | None]]:
        """Whose duties it is told of, as ``heard`` names them."""
        return frozenset((one, self.organisation if one in OWN else None) for one in self.bearers)


def heard(bearer: Bearer, organisation: str | None) -> tuple[Bearer, str | None]:
    """Return who hears of a duty; what would be an organisation's and has none is the authority's to see."""
    if bearer not in OWN:
        return bearer, None
    return (Bearer.AUTHORITY, None) if organisation is None else (bearer, organisation)


def valid_address(given: str) -> str:
    """Return the address as mail servers know it, all ASCII; ``MalformedRequest`` where it is none.

    Names of domains may be Chinese; whether anybody is there is not asked.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(given[: LONGEST_ADDRESS + 1], allow_smtputf8=False, check_deliverability=False)
    except EmailNotValidError as error:
        wrong = str(error).partition(":")[0].partition("(")[0].strip().rstrip(".")  # behind these it quotes
    else:
        if found.ascii_email is not None:
            return found.ascii_email
        wrong = "It holds what not every mail server takes"
    raise MalformedRequest(
        f"That is no e-mail address. {wrong}.", hint="Give one such as desk@example.gov.cn."
    )


def bearers_named(names: Iterable[str]) -> frozenset[Bearer]:
    """Read whose duties are told, ``security_administrator`` for two words; ``MalformedRequest`` for a name that is none."""
    given = [name.replace("_", " ") for name in names]
    if unknown := [name for name in given if name not in tuple(Bearer)]:
        raise MalformedRequest(f"Nobody bears duties as {unknown[0]!r}.", hint=_BEARERS)
    return frozenset(map(Bearer, given))


_BEARERS = f"Give one or more of: {', '.join(one.replace(' ', '_') for one in Bearer)}."
