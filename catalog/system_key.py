"""A system's public key: a JWK (RFC 7517) of Ed25519, P-256 or RSA, alone or out of a certificate.

``kid`` is the key's own, or its thumbprint (RFC 7638). ``nbf`` and ``exp`` bound its validity, in seconds since 1970; a certificate's
are its own, and it is kept as ``x5c``.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from schemas.errors import ConfigurationError

LEAST_RSA_BITS = 2048
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PEM = b"-----BEGIN "
_KINDS: Mapping[type, Any] = {Ed25519PublicKey: OKPKey, EllipticCurvePublicKey: ECKey, RSAPublicKey: RSAKey}
_TAKEN = f"It takes Ed25519, P-256 and RSA of {LEAST_RSA_BITS} bits or more."


@dataclass(frozen=True)
class SystemKey:
    """A key that the hub can check signatures with."""

    jwk: Mapping[str, Any]
    kid: str
    thumbprint: str
    public: OKPKey | ECKey | RSAKey

    @classmethod
    def of(cls, system: str, jwk: Mapping[str, Any]) -> "SystemKey":
        """Read a JWK, or raise ``ConfigurationError``."""
        public = _public_key(system, jwk)
        for name in ("nbf", "exp"):
            if not isinstance(jwk.get(name, 0), int):
                raise ConfigurationError(f"The {name} of a key of system {system} is no number of seconds.")
        thumbprint = public.thumbprint()
        return cls(jwk, str(jwk.get("kid") or thumbprint), thumbprint, public)

    @property
    def ends_at(self) -> datetime | None:
        """The first moment at which it is valid no more."""
        return datetime.fromtimestamp(self.jwk["exp"], UTC) if "exp" in self.jwk else None

    def is_valid(self, at: datetime) -> bool:
        """Tell whether a signature of that moment may be by this key."""
        return self.holds(at.timestamp())

    def holds(self, at: float) -> bool:
        """Tell the same of a moment in seconds since 1970."""
        return self.jwk.get("nbf", 0) <= at and not ("exp" in self.jwk and self.jwk["exp"] <= at)

    def has_ended(self, at: datetime) -> bool:
        """Tell whether its validity was over at that moment."""
        return "exp" in self.jwk and self.jwk["exp"] <= at.timestamp()

    def ending(self, at: datetime) -> "SystemKey":
        """Return the key valid up to a moment, or as before where that is earlier."""
        exp = min(self.jwk.get("exp", int(at.timestamp())), int(at.timestamp()))
        return SystemKey({**self.jwk, "exp": exp}, self.kid, self.thumbprint, self.public)


def read_keys(data: bytes) -> tuple[Mapping[str, Any], ...]:
    """Read a file of public keys: a JWK, a JWK set, a list of JWKs, a public key or a certificate in PEM."""
    if data.lstrip().startswith(_PEM):
        return (_of_certificate(data) if _CERTIFICATE in data else _of_pem(data),)
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ConfigurationError(
            "The key file is neither JSON nor PEM.", hint="Give a JWK or a certificate."
        ) from None
    if not isinstance(document, dict | list):
        raise ConfigurationError(
            "The key file holds no JWK.", hint="Give a JWK, a JWK set or a list of JWKs."
        )
    return public_keys(document)


def public_keys(document: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Read a JWK, a JWK set or a list of JWKs as a tuple of JWKs."""
    return tuple(document.get("keys", [document])) if isinstance(document, Mapping) else tuple(document)


def _of_pem(data: bytes) -> Mapping[str, Any]:
    try:
        return _jwk(load_pem_public_key(data))
    except ValueError as error:
        raise ConfigurationError(
            "The PEM file holds no public key that the hub can read.", hint="Give the public part of the key, or its certificate."
        ) from error  # fmt: skip


def _of_certificate(data: bytes) -> Mapping[str, Any]:
    """Read the first certificate as a JWK with its validity; who issued it is the administrator's to check."""
    try:
        certificate = load_pem_x509_certificate(data)
    except ValueError as error:
        raise ConfigurationError(
            "The certificate cannot be read.", hint="Give an X.509 certificate in PEM."
        ) from error
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    told = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    times = {"nbf": int(begins.timestamp()), "exp": int(ends.timestamp())}
    return {**_jwk(certificate.public_key()), **times, "x5c": [told]}


def _jwk(key: object) -> Mapping[str, Any]:
    for kind, known in _KINDS.items():
        if isinstance(key, kind):
            return known.import_key(key).as_dict(private=False)
    raise ConfigurationError(f"The key is a {type(key).__name__}, which the hub does not take.", hint=_TAKEN)


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
