"""Cursors: where a page ended, sealed so that nobody can make, read or move one to another question.

A cursor opens only for the same system, resource, filter, items and moment, and for a day.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from infra.keyring import Keyring
from infra.sealing import Sealer
from schemas.errors import CursorExpired, MalformedCursor, SealBroken

LIFE = timedelta(days=1)
_MOMENT = 8  # bytes


class Cursors:
    """Makes and opens cursors."""

    def __init__(self, keyring: Keyring) -> None:
        self._sealer = Sealer(keyring, "cursor")

    def made(self, subject: bytes, bound: Sequence[str], at: datetime) -> str:
        """Return the cursor behind a subject, for what it is ``bound`` to."""
        plain = int(at.timestamp()).to_bytes(_MOMENT, "big") + subject
        (sealed,) = self._sealer.seal([plain], [_binding(bound)], [0])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def opened(self, cursor: str, bound: Sequence[str], at: datetime) -> bytes:
        """Return the subject behind which to go on; ``MalformedCursor`` where it is not of this question, or ``CursorExpired``."""
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            (plain,) = self._sealer.open([sealed], [_binding(bound)], [0])
        except (SealBroken, ValueError, binascii.Error, IndexError):
            raise MalformedCursor(
                "The cursor is not one of this question.",
                hint="Go on with the same filter, items and moment, or begin anew without a cursor.",
            ) from None
        if at.timestamp() - int.from_bytes(plain[:_MOMENT], "big") > LIFE.total_seconds():
            raise CursorExpired("The cursor is more than a day old.", hint="Begin anew without it.")
        return plain[_MOMENT:]


def _binding(bound: Sequence[str]) -> bytes:
    told = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in bound)
    return blake2b(told, digest_size=16).digest()
