"""Sealing of values and blind indexes over them.

A sealed value is ``key version (2 bytes) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag``. It is bound to its context
(e.g. the resource), its subject and its version: moved elsewhere, it does not open. The key depends on context, key
version and the subject's first byte, so one key stays far below the 2³² messages that random nonces allow
(NIST SP 800-38D, 8.3).
"""

import os
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.keyring import Keyring
from schemas.errors import ConfigurationError, SealBroken

INDEX_BYTES = 16
_NONCE = 12
_HEADER = 2 + _NONCE

Cipher = Callable[[bytes, bytes, bytes | None], bytes]


class _Ciphers(dict[int, Cipher]):
    """Encrypting or decrypting functions of one key version, by first byte of the subject, made on first use."""

    def __init__(self, keyring: Keyring, context: str, version: int, operation: str) -> None:
        super().__init__()
        self._keyring, self._context, self._version = keyring, context, version
        self._operation = operation

    def __missing__(self, first: int) -> Cipher:
        key = self._keyring.derive(f"seal/{self._context}/{first:02x}", self._version)
        cipher: Cipher = getattr(AESGCM(key), self._operation)
        self[first] = cipher
        return cipher


class Sealer:
    """Seals and opens the values of one context. Subjects are non-empty bytes, versions 0 … 2⁶³-1."""

    def __init__(self, keyring: Keyring, context: str) -> None:
        self._keyring = keyring
        self._context = context
        name = context.encode()
        self._bound = len(name).to_bytes(2, "big") + name
        self._sealing: dict[int, _Ciphers] = {}
        self._opening: dict[bytes, _Ciphers] = {}

    def seal(
        self, plaintexts: Sequence[bytes], subjects: Sequence[bytes], versions: Sequence[int]
    ) -> list[bytes]:
        """One sealed value for each plaintext, under the keyring's current version."""
        current = self._keyring.current
        ciphers = self._sealing.get(current)
        if ciphers is None:
            ciphers = self._sealing[current] = _Ciphers(self._keyring, self._context, current, "encrypt")
        header, bound = current.to_bytes(2, "big"), self._bound
        noise = os.urandom(_NONCE * len(plaintexts))
        nonces = [noise[start : start + _NONCE] for start in range(0, len(noise), _NONCE)]
        tails = {version: version.to_bytes(8, "big") for version in set(versions)}  # of a batch they are few
        bindings = [
            bound + subject + tails[version] for subject, version in zip(subjects, versions, strict=True)
        ]
        return [
            header + nonce + ciphers[subject[0]](nonce, plaintext, binding)
            for nonce, plaintext, subject, binding in zip(nonces, plaintexts, subjects, bindings, strict=True)
        ]

    def open(
        self, sealed: Sequence[bytes], subjects: Sequence[bytes], versions: Sequence[int]
    ) -> list[bytes]:
        """The plaintexts; ``SealBroken``, naming only the context, when one does not open."""
        bound = self._bound
        try:
            opening = {header: self._openers(header) for header in {value[:2] for value in sealed}}
            return [
                opening[value[:2]][subject[0]](
                    value[2:_HEADER], value[_HEADER:], bound + subject + version.to_bytes(8, "big")
                )
                for value, subject, version in zip(sealed, subjects, versions, strict=True)
            ]
        except (InvalidTag, ValueError, IndexError, OverflowError, ConfigurationError):
            # the cause is not chained: nothing of the value may reach a log
            raise SealBroken(
                f"A sealed value of {self._context} does not open: it was moved or altered, or its key is missing.",
                hint="Check that HUB_KEYRING is the keyring this database was filled with.",
                context=self._context,
            ) from None

    def _openers(self, header: bytes) -> _Ciphers:
        ciphers = self._opening.get(header)
        if ciphers is None:
            version = int.from_bytes(header, "big")
            self._keyring.derive("probe", version)  # an unknown version must not be remembered
            ciphers = self._opening[header] = _Ciphers(self._keyring, self._context, version, "decrypt")
        return ciphers


class BlindIndex:
    """Keyed 16-byte hashes: equal values meet, and without the keyring nobody can tell or guess the value.

    Always of master version 1, so that an index outlives a rotation of the sealing keys.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._hashes: dict[str, blake2b] = {}

    def index(self, kind: str, values: Sequence[str]) -> list[bytes]:
        """The index of each value among those of its kind, e.g. ``subject`` or ``natural_person.mobile_phone``."""
        return self._hashed(f"index/{kind}", map(str.encode, values))

    def digest(self, kind: str, values: Sequence[bytes]) -> list[bytes]:
        """A keyed digest of each value, to tell whether it changed without keeping it."""
        return self._hashed(f"digest/{kind}", values)

    def _hashed(self, purpose: str, values: Iterable[bytes]) -> list[bytes]:
        keyed = self._hashes.get(purpose)
        if keyed is None:
            keyed = blake2b(digest_size=INDEX_BYTES, key=self._keyring.derive(purpose, 1))
            self._hashes[purpose] = keyed
        digests = []
        for value in values:
            hashing = keyed.copy()  # the key is taken in once, not once a value
            hashing.update(value)
            digests.append(hashing.digest())
        return digests
