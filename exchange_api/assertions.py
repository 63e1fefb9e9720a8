"""Client authentication by ``private_key_jwt`` (RFC 7523, section 3): a system signs who it is, for this hub, once."""

import time
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning

from catalog.system import System, SystemStatus
from exchange_api.tokens import unverified
from infra.lanes import Lanes
from schemas.errors import AuthenticationFailed, ExpiredToken, InvalidToken, ReplayedAssertion, WrongAudience

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("EdDSA", "Ed25519", "ES256", "RS256", "PS256")
LONGEST_LIFE = 300  # seconds from now to the assertion's end
SKEW = 30  # seconds by which clocks may differ
_LONGEST_ID = 200
# RFC 9864 renames EdDSA to Ed25519; what most clients still call it is no reason for a warning a token.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)


@dataclass(frozen=True)
class Assertion:
    """A checked assertion, not yet known to be unused."""

    system: System
    digest: bytes
    expires_at: datetime

    def check_active(self) -> None:
        """Raise ``AuthenticationFailed`` where the system is suspended; who it is is known by then, and goes on the ledger."""
        if self.system.status is not SystemStatus.ACTIVE:
            raise AuthenticationFailed("The system is suspended.", hint="Ask the catalogue authority.")


def check_assertion(text: str, systems: Mapping[str, System], audiences: Collection[str]) -> Assertion:
    """Check form, signature and claims, of a suspended system too, or raise an ``AuthenticationFailed`` that tells which is wrong."""
    header, claims = unverified(text.encode())
    system = systems.get(str(claims.get("sub")))
    if system is None or claims.get("iss") != claims.get("sub"):
        raise AuthenticationFailed("The assertion's iss and sub are not the id of a registered system.")
    if header.get("alg") not in ALGORITHMS:
        raise AuthenticationFailed(
            "The assertion's algorithm is not allowed.", hint=f"Use one of: {', '.join(ALGORITHMS)}."
        )
    if not _signed_by(system, text, header):
        raise AuthenticationFailed("No registered key of the system has signed the assertion.")
    _check_claims(claims, audiences)
    used = sha256(f"{system.id}\n{claims['jti']}".encode()).digest()
    return Assertion(system, used, datetime.fromtimestamp(claims["exp"] + SKEW, UTC))


def _signed_by(system: System, text: str, header: Mapping[str, Any]) -> bool:
    kid = header.get("kid")
    for key in system.keys_on(datetime.now(UTC)):
        if "kid" not in key.jwk or kid in (None, key.kid):
            try:
                jwt.decode(text, key.public, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):
                continue
            return True
    return False


def _check_claims(claims: Mapping[str, Any], audiences: Collection[str]) -> None:
    aud = claims.get("aud")
    meant = aud if isinstance(aud, list) else [aud]
    if not any(audience in meant for audience in audiences):
        raise WrongAudience(
            "The assertion is for another hub.", hint=f"Its aud must be {' or '.join(audiences)}."
        )
    now, ends = time.time(), claims.get("exp")
    if not isinstance(ends, int) or ends > now + LONGEST_LIFE + SKEW:
        raise InvalidToken(f"The assertion must end within {LONGEST_LIFE} seconds.", hint="Set exp.")
    if ends <= now - SKEW:
        raise ExpiredToken("The assertion has expired.", hint="Sign a new one for each token.")
    for name in ("iat", "nbf"):
        begins = claims.get(name, 0)
        if not isinstance(begins, int | float) or begins > now + SKEW:
            raise InvalidToken(f"The assertion's {name} lies in the future.", hint="Check the clock.")
    identity = claims.get("jti")
    if not isinstance(identity, str) or not 0 < len(identity) <= _LONGEST_ID:
        raise InvalidToken("The assertion has no jti.", hint="Give each assertion a new random jti.")


async def use_once(assertion: Assertion, lanes: Lanes) -> None:
    """Mark the assertion as used, for every process of the hub; ``ReplayedAssertion`` when it was."""
    async with lanes.one() as connection:
        await connection.execute("DELETE FROM catalog.used_assertion WHERE expires_at < now()")
        first = await connection.fetchval(
            "INSERT INTO catalog.used_assertion VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true",
            assertion.digest,
            assertion.expires_at,
        )
    if not first:
        raise ReplayedAssertion(
            "The assertion was used before.", hint="Sign a new one, with a new jti, for each token."
        )
