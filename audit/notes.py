"""C2SP signed notes and checkpoints: a root of the ledger that outsiders can check with common tools.

https://c2sp.org/signed-note (Ed25519, signature type 1) and https://c2sp.org/tlog-checkpoint.
"""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from infra.keyring import Keyring
from schemas.errors import LedgerBroken

_ED25519 = b"\x01"


@dataclass(frozen=True)
class NoteVerifier:
    """A name and public key under which signed notes are believed."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name ‖ newline ‖ type ‖ public key)."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The verifier key as other tools want it: name+id+base64(type ‖ public key)."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def opened(self, note: str) -> str:
        """Return the note's text if it holds this key's good signature, else raise ``LedgerBroken``."""
        text, separator, signatures = note.rpartition("\n\n")
        for line in signatures.splitlines() if separator else ():
            dash, name, *rest = [*line.split(" ", 2), ""]
            if dash == "—" and name == self.name and self._signed(f"{text}\n", rest[0]):
                return f"{text}\n"
        raise LedgerBroken(f"A checkpoint has no valid signature of {self.name}.")

    def _signed(self, text: str, encoded: str) -> bool:
        try:
            raw = base64.b64decode(encoded, validate=True)
            Ed25519PublicKey.from_public_bytes(self.public).verify(raw[4:], text.encode())
        except (binascii.Error, InvalidSignature):
            return False
        return raw[:4] == self.key_id


@dataclass(frozen=True)
class NoteSigner:
    """The hub's own key for signing notes."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> NoteVerifier:
        """The public side."""
        return NoteVerifier(self.name, self.private.public_key().public_bytes_raw())

    def signed(self, text: str) -> str:
        """Return the text, ending in a newline, with a signature line below it."""
        signature = base64.b64encode(self.verifier.key_id + self.private.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {signature}\n"


def ledger_signer(keyring: Keyring, hub_id: str) -> NoteSigner:
    """Return the signer of this hub's checkpoints; its key comes from the keyring's first master and stays."""
    return NoteSigner(
        origin(hub_id), Ed25519PrivateKey.from_private_bytes(keyring.derive("ledger-checkpoint", 1))
    )


def origin(hub_id: str) -> str:
    """Name the hub's log: unique, without spaces or plus signs, as signed notes demand."""
    return f"{hub_id}/ledger".replace("+", "-").replace(" ", "-")


def checkpoint_text(log: str, size: int, root: bytes) -> str:
    """Write the body of a checkpoint: origin, size and root, one a line."""
    return f"{log}\n{size}\n{base64.b64encode(root).decode()}\n"
