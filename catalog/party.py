"""Organisations and the systems that call on their behalf."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey, import_key

from schemas.errors import ConfigurationError

SYSTEM_ID = re.compile(r"^[a-z0-9][a-z0-9._-]{1,62}$")
LEAST_RSA_BITS = 2048


class SystemStatus(StrEnum):
    """Whether a system may call at all."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class Organisation:
    """A department; ``code`` is its unified social credit code (GB 32100) or another stable code."""

    code: str
    name: str

    def __post_init__(self) -> None:
        if not self.code or not self.name:
            raise ConfigurationError("An organisation needs a code and a name.")


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
    key_set: KeySet = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not SYSTEM_ID.match(self.id):
            raise ConfigurationError(f"System id {self.id!r} is not 2–63 of a–z, 0–9, dot, dash, underscore.")
        if not self.keys:
            raise ConfigurationError(f"System {self.id} has no public key.", hint="Give its JWK.")
        object.__setattr__(self, "key_set", KeySet([_public_key(self.id, jwk) for jwk in self.keys]))


def public_keys(document: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Read a JWK, a JWK set or a list of JWKs as a tuple of JWKs."""
    return tuple(document.get("keys", [document])) if isinstance(document, Mapping) else tuple(document)


def _public_key(system: str, jwk: Mapping[str, Any]) -> OKPKey | ECKey | RSAKey:
    try:
        key = import_key(dict(jwk))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"A key of system {system} is not a JWK the hub can read.") from error
    if not isinstance(key, OKPKey | ECKey | RSAKey) or not _strong(key):
        raise ConfigurationError(
            f"A key of system {system} is not Ed25519, P-256 or RSA of {LEAST_RSA_BITS} bits or more."
        )
    if key.is_private:
        raise ConfigurationError(
            f"A key of system {system} is private.", hint="Register the public part; keep the private one."
        )
    return key


def _strong(key: OKPKey | ECKey | RSAKey) -> bool:
    if isinstance(key, RSAKey):
        return key.public_key.key_size >= LEAST_RSA_BITS
    return key.curve_name in ("Ed25519", "P-256")
