"""The algorithms of signed calls (RFC 9421, section 3.3), each for one kind of key.

Ed25519 is checked by libsodium, in little more than half the time that OpenSSL takes for it (decision 15).
"""

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature as Refused
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from joserfc.jwk import ECKey, OKPKey, RSAKey
from nacl.bindings import crypto_sign_open
from nacl.exceptions import CryptoError

Key = OKPKey | ECKey | RSAKey
_PSS = PSS(MGF1(SHA512()), 64)
_P256 = 32  # bytes of each of the two numbers


def _ed25519(key: Any, signature: bytes, base: bytes) -> bool:
    if len(signature) != 64:
        return False
    try:
        crypto_sign_open(signature + base, key.public_key.public_bytes_raw())
    except CryptoError:
        return False
    return True


def _ecdsa(key: Any, signature: bytes, base: bytes) -> bool:
    if len(signature) != 2 * _P256:
        return False
    numbers = (int.from_bytes(half) for half in (signature[:_P256], signature[_P256:]))
    return _checked(key, encode_dss_signature(*numbers), base, ECDSA(SHA256()))


def _rsa_pss(key: Any, signature: bytes, base: bytes) -> bool:
    return _checked(key, signature, base, _PSS, SHA512())


def _rsa(key: Any, signature: bytes, base: bytes) -> bool:
    return _checked(key, signature, base, PKCS1v15(), SHA256())


def _checked(key: Any, signature: bytes, base: bytes, *how: Any) -> bool:
    try:
        key.public_key.verify(signature, base, *how)
    except Refused:
        return False
    return True


_ALGORITHMS: Mapping[str, tuple[type, Callable[[Any, bytes, bytes], bool]]] = {
    "ed25519": (OKPKey, _ed25519),
    "ecdsa-p256-sha256": (ECKey, _ecdsa),
    "rsa-pss-sha512": (RSAKey, _rsa_pss),
    "rsa-v1_5-sha256": (RSAKey, _rsa),
}
ALGORITHMS = tuple(_ALGORITHMS)


def fits(algorithm: str, key: Key) -> bool:
    """Tell whether a key is of the kind that the algorithm is for."""
    return algorithm in _ALGORITHMS and isinstance(key, _ALGORITHMS[algorithm][0])


def is_signed(algorithm: str, key: Key, signature: bytes, base: bytes) -> bool:
    """Tell whether the key has made the signature over these bytes."""
    return fits(algorithm, key) and _ALGORITHMS[algorithm][1](key, signature, base)


def sign(algorithm: str, key: Key, base: bytes) -> bytes:
    """Sign as a system does; the key is a private one that ``fits``."""
    private: Any = key.private_key
    if algorithm == "ed25519":
        return private.sign(base)
    if algorithm == "ecdsa-p256-sha256":
        return b"".join(n.to_bytes(_P256) for n in decode_dss_signature(private.sign(base, ECDSA(SHA256()))))
    how = (_PSS, SHA512()) if algorithm == "rsa-pss-sha512" else (PKCS1v15(), SHA256())
    return private.sign(base, *how)
