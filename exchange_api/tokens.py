"""The hub's own tokens: short access tokens of systems (RFC 9068), and session tokens of people. Neither passes for the other.

An access token is checked without a database; a session token names the session, which the database knows.
Signed with an Ed25519 key derived from the keyring, so all workers and hubs that share it agree. A worker checks a
signature once and remembers the token's hash until it ends; the token itself is kept nowhere.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.util import urlsafe_b64decode

from catalog.session import Session
from exchange_api.calls import Stated
from infra.keyring import Keyring
from schemas.errors import ConfigurationError, ExpiredToken, InvalidToken, WrongAudience

ALGORITHM = "Ed25519"  # RFC 9864
TYPE = "at+jwt"
SESSION_TYPE = "session+jwt"
STATEMENT = "hub_statement"
"""The type of an authorization detail that says why a system calls."""

_LARGEST = 4096  # bytes of a token
_MOST_REMEMBERED = 10_000
_RENEW = {True: "Ask for a new one at /oauth/token.", False: "Sign in again."}  # a system's, a person's


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token it is: a system's, or a person's in their ``session``; ``ends`` in seconds since 1970.

    ``stated``: why the system calls, where the token was asked for with that.
    """

    id: str
    ends: int
    session: uuid.UUID | None = None
    stated: Stated | None = None


class Tokens:
    """Issues and checks the tokens of one hub."""

    def __init__(self, keyring: Keyring, hub_id: str, seconds: int) -> None:
        self._keyring = keyring
        self._hub_id = hub_id
        self.seconds = seconds
        self._keys: dict[int, OKPKey] = {}
        self._remembered: dict[bytes, Holder] = {}

    def issue(self, system: str, stated: Stated | None = None) -> str:
        """Return a token for that system, valid from now for ``seconds``; with ``stated``, for calls that are made for that reason."""
        more: dict[str, Any] = {"client_id": system}
        if stated is not None:
            more["authorization_details"] = [authorization_detail(stated)]
        return self._signed(TYPE, system, int(time.time()) + self.seconds, more)

    def issue_session(self, session: Session) -> str:
        """Return the token of a session, valid until it ends."""
        return self._signed(
            SESSION_TYPE, session.person, int(session.ends_at.timestamp()), {"sid": session.id.hex}
        )

    def holder_of(self, token: bytes) -> Holder:
        """Return whose token it is, or raise ``InvalidToken``, ``ExpiredToken`` or ``WrongAudience``."""
        digest = sha256(token).digest()
        known = self._remembered.get(digest)
        if known is None:
            known = self._verified(token)
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._forget()
            self._remembered[digest] = known
        if known.ends <= time.time():
            raise ExpiredToken("The token has expired.", hint=_RENEW[known.session is None])
        return known

    def public_keys(self) -> dict[str, Any]:
        """Return the JWK set by which others may check tokens: the newest key and the one before it."""
        versions = range(max(1, self._keyring.current - 1), self._keyring.current + 1)
        described = [self._key(version).as_dict(private=False) for version in versions]
        return {"keys": [jwk | {"alg": ALGORITHM, "use": "sig"} for jwk in described]}

    def _signed(self, kind: str, holder: str, ends: int, more: Mapping[str, Any]) -> str:
        key = self._key(self._keyring.current)
        claims = {"iss": self._hub_id, "aud": self._hub_id, "sub": holder, **more}
        times = {"iat": int(time.time()), "exp": ends, "jti": uuid.uuid4().hex}
        header = {"alg": ALGORITHM, "typ": kind, "kid": key.kid}
        return jwt.encode(header, claims | times, key, algorithms=[ALGORITHM])

    def _verified(self, token: bytes) -> Holder:
        header, claims = unverified(token)
        if claims.get("iss") != self._hub_id or claims.get("aud") != self._hub_id:
            raise WrongAudience(
                "The access token was issued by or for another hub.", hint="Ask this hub for one."
            )
        kid = header.get("kid")
        if (
            header.get("alg") != ALGORITHM
            or header.get("typ") not in (TYPE, SESSION_TYPE)
            or not (isinstance(kid, str) and kid.isdecimal())
        ):
            raise InvalidToken("The access token is not one of this hub's.")
        try:
            jwt.decode(token, self._key(int(kid[:5])), algorithms=[ALGORITHM])
        except (JoseError, ValueError, ConfigurationError):
            raise InvalidToken("The access token is forged or damaged.") from None
        session = uuid.UUID(claims["sid"]) if header["typ"] == SESSION_TYPE else None
        details = claims.get("authorization_details", ())
        stated = next((Stated.of(detail) for detail in details), None)
        return Holder(claims["sub"], claims["exp"], session, stated)

    def _key(self, version: int) -> OKPKey:
        if version not in self._keys:
            private = Ed25519PrivateKey.from_private_bytes(self._keyring.derive("access-token", version))
            self._keys[version] = OKPKey.import_key(private, {"kid": str(version)})
        return self._keys[version]

    def _forget(self) -> None:
        now = time.time()
        self._remembered = {digest: known for digest, known in self._remembered.items() if known.ends > now}
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()


def authorization_detail(stated: Stated) -> dict[str, str]:
    """Describe why a system calls as OAuth's rich authorization requests do (RFC 9396)."""
    return {"type": STATEMENT, **asdict(stated)}


def unverified(token: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take a compact JWT apart without believing it; ``InvalidToken`` when it is none."""
    parts = token.split(b".")
    try:
        if len(token) > _LARGEST or len(parts) != 3:
            raise ValueError
        header, claims = (orjson.loads(urlsafe_b64decode(part)) for part in parts[:2])
        if not (isinstance(header, dict) and isinstance(claims, dict)):
            raise TypeError
    except (ValueError, TypeError):
        raise InvalidToken("The token is not a JWT.") from None
    return header, claims
