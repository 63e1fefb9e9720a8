"""The keys by which answers are signed: one for each version of the keyring, and none is ever taken away."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.keyring import Keyring
from schemas.errors import ConfigurationError


def private_key(keyring: Keyring, version: int) -> Ed25519PrivateKey:
    """Return the key of a version."""
    return Ed25519PrivateKey.from_private_bytes(keyring.derive("answer-proof", version))


def public_keys(keyring: Keyring) -> dict[str, Any]:
    """Return the JWK set of the keys of every version."""
    return {"keys": [_jwk(keyring, version) for version in range(1, keyring.current + 1)]}


def _jwk(keyring: Keyring, version: int) -> dict[str, str]:
    public = private_key(keyring, version).public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(public).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": str(version), "alg": "Ed25519", "use": "sig"}


def keys_in(document: Mapping[str, Any]) -> dict[str, bytes]:
    """Read such a JWK set: public keys of 32 bytes by their ids; ``ConfigurationError`` where it is none."""
    try:
        return {
            str(jwk["kid"]): base64.urlsafe_b64decode(jwk["x"] + "==")
            for jwk in document["keys"]
            if jwk["crv"] == "Ed25519"
        }
    except (KeyError, TypeError, AttributeError, binascii.Error):
        raise ConfigurationError(
            "That is no JWK set of a hub's keys.", hint="Save what /.well-known/answer-keys.json answers."
        ) from None
