"""Where a subscriber is: sealed and bound to its subscription, so that nobody reads, forges or moves it to another.

A cursor also holds what the subscriber saw by it: under other terms what it has would no longer fit what follows.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from enum import IntEnum

from infra.keyring import Keyring
from infra.sealing import Sealer
from schemas.errors import SealBroken, WrongCursor

LONGEST = 200  # characters
SIGHT_BYTES = 8
_POSITION = 8


class Use(IntEnum):
    """What a cursor goes on with."""

    CHANGES = 1
    SNAPSHOT = 2


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the feed; of a snapshot also the ``subject`` behind which it goes on. ``sight``: what was seen by it."""

    position: int
    sight: bytes
    subject: bytes = b""


class Cursors:
    """Writes and reads cursors."""

    def __init__(self, keyring: Keyring) -> None:
        self._sealer = Sealer(keyring, "feed-cursor")

    def write(self, subscription: str, use: Use, cursor: Cursor) -> str:
        """Return the cursor as its subscriber gets it."""
        told = cursor.position.to_bytes(_POSITION, "big") + cursor.sight + cursor.subject
        (sealed,) = self._sealer.seal([told], [subscription.encode()], [use])
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, subscription: str, use: Use, text: str) -> Cursor:
        """Read one, or raise ``WrongCursor``."""
        try:
            if len(text) > LONGEST:
                raise ValueError
            sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            (told,) = self._sealer.open([sealed], [subscription.encode()], [use])
        except (SealBroken, NotBase64, ValueError):
            raise WrongCursor(
                "The cursor is damaged, or of another subscription or use.",
                hint="Send it as it was given; without one the snapshot begins anew.",
            ) from None
        seen = _POSITION + SIGHT_BYTES
        return Cursor(int.from_bytes(told[:_POSITION], "big"), told[_POSITION:seen], told[seen:])
