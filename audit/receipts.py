"""The promise an answer carries: that its entry is on the ledger, and what the entry says.

A keyed hash that only the hub can make and check; so cheap that every answer has one. What outsiders can check
themselves is the signed checkpoint the entry ends up under.
"""

import base64
import hmac
from collections.abc import Mapping
from hashlib import blake2b
from operator import attrgetter
from typing import Any
from uuid import UUID

from audit.entry import Entry
from infra.keyring import Keyring
from schemas.errors import LedgerBroken

_FIELDS = (
    "id",
    "kind",
    "actor",
    "resource",
    "agreement",
    "outcome",
    "problem",
    "purpose",
    "case_code",
    "records",
)
_promised = attrgetter(*_FIELDS)


class Receipts:
    """Makes and checks promises; its key comes from the keyring's first master and stays."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyed = blake2b(key=keyring.derive("ledger-receipt", 1), digest_size=32)

    def promise(self, entry: Entry) -> str:
        """Return the promise for a committed entry: 43 characters, URL-safe."""
        return self._hash(_promised(entry), entry.subjects)

    def check(self, row: Mapping[str, Any] | None, promise: str) -> None:
        """Raise ``LedgerBroken`` unless this stored entry is the one that was promised."""
        if row is None:
            raise LedgerBroken("The ledger has no such entry.")
        if not hmac.compare_digest(
            self._hash(tuple(row[name] for name in _FIELDS), row["subjects"]), promise
        ):
            raise LedgerBroken("The ledger's entry is not the one that was promised.", entry=str(row["id"]))

    def _hash(self, values: tuple[Any, ...], subjects: bytes | None) -> str:
        told = "\n".join(["" if value is None else str(value) for value in values])
        hashing = self._keyed.copy()  # the key is taken in once, not once an answer
        hashing.update(told.encode() + b"\n" + (subjects or b""))
        return base64.urlsafe_b64encode(hashing.digest())[:43].decode()


def entry_id(text: str) -> UUID:
    """Read the value of a ``Hub-Entry`` header; ``LedgerBroken`` when it is none."""
    try:
        return UUID(text)
    except ValueError:
        raise LedgerBroken("That is not the id of a ledger entry.") from None
