"""The systems that call on an organisation's behalf, known by their public keys.

Keys are rolled over without interruption: the new one is added, the system changes over, the old one is retired. All keys that
are valid at the moment are taken.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from catalog.system_key import SystemKey
from schemas.errors import AlreadyRegistered, ConfigurationError, LastKey, NotRegistered

SYSTEM_ID = re.compile(r"^[a-z0-9][a-z0-9._-]{1,62}$")
MOST_KEYS = 8


class SystemStatus(StrEnum):
    """Whether a system may call at all."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class System:
    """A client of the hub: the program of an organisation, known by its public keys (JWK, Ed25519, P-256 or RSA).

    An ``administrator`` may register sources, which tell the hub what to read where.
    """

    id: str
    organisation: str
    title: str
    keys: tuple[Mapping[str, Any], ...]
    status: SystemStatus = SystemStatus.ACTIVE
    administrator: bool = False
    known_keys: tuple[SystemKey, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not SYSTEM_ID.match(self.id):
            raise ConfigurationError(f"System id {self.id!r} is not 2–63 of a–z, 0–9, dot, dash, underscore.")
        if not self.keys:
            raise ConfigurationError(f"System {self.id} has no public key.", hint="Give its JWK.")
        known = tuple(SystemKey.of(self.id, jwk) for jwk in self.keys)
        if len({key.kid for key in known}) < len(known) or len({key.thumbprint for key in known}) < len(
            known
        ):
            raise AlreadyRegistered(f"System {self.id} has a key, or a kid, twice.", system=self.id)
        if len(known) > MOST_KEYS:
            raise ConfigurationError(f"System {self.id} has more than {MOST_KEYS} keys.", hint="Retire some.")
        object.__setattr__(self, "known_keys", known)

    def keys_on(self, at: datetime) -> list[SystemKey]:
        """Return the keys that are valid at that moment."""
        return [key for key in self.known_keys if key.is_valid(at)]

    def with_key(self, jwk: Mapping[str, Any], now: datetime) -> "System":
        """Return the system with one more key, and without those that are valid no more."""
        kept = tuple(key.jwk for key in self.known_keys if not key.has_ended(now))
        added = replace(self, keys=(*kept, jwk))
        if added.known_keys[-1].has_ended(now):
            raise ConfigurationError(
                f"The new key of system {self.id} has expired.", hint="Give one that is valid."
            )
        return added

    def without_key(self, kid: str, at: datetime) -> "System":
        """Return the system with that key valid up to a moment; ``LastKey`` where none would be left then."""
        if kid not in {key.kid for key in self.known_keys}:
            known = ", ".join(key.kid for key in self.known_keys)
            raise NotRegistered(
                f"System {self.id} has no such key.", hint=f"Its keys are: {known}.", system=self.id
            )
        ended = [key.ending(at).jwk if key.kid == kid else key.jwk for key in self.known_keys]
        left = replace(self, keys=tuple(ended))
        if not left.keys_on(max(at, datetime.now(UTC))):
            raise LastKey(
                f"System {self.id} would have no valid key.", hint="Add the new key first, or suspend the system.",
                system=self.id,
            )  # fmt: skip
        return left
