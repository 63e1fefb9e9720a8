"""Master keys by version, and the keys derived from them.

A key is never used for two things: each purpose has its own, derived by HKDF-SHA256 (RFC 5869). ``FileKeyring`` keeps
the masters in a file; a KMS or HSM may stand behind the same ``Keyring`` protocol.
"""

import base64
import binascii
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import ConfigurationError

KEY_BYTES = 32
LAST_VERSION = 0xFFFF  # a sealed value gives its key version in two bytes


class Keyring(Protocol):
    """What sealing needs of a keyring."""

    @property
    def current(self) -> int:
        """The version new values are sealed under."""

    def derive(self, purpose: str, version: int) -> bytes:
        """The 32-byte key of that purpose; ``ConfigurationError`` when there is no such version."""


class FileKeyring:
    """Masters in a JSON file of mode 0600, made when missing. Safe with several processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            with _exclusive(path):
                if not path.exists():
                    _write(path, {1: secrets.token_bytes(KEY_BYTES)})
        self._masters = _read(path)

    @property
    def current(self) -> int:
        """The newest version."""
        return max(self._masters)

    def derive(self, purpose: str, version: int) -> bytes:
        """HKDF-SHA256 of that version's master, 32 bytes, bound to the purpose."""
        master = self._masters.get(version)
        if master is None:  # another process may have rotated since this one read the file
            self._masters = _read(self.path)
            master = self._masters.get(version)
        if master is None:
            raise ConfigurationError(
                f"Keyring {self.path} has no key version {version}.", hint="Restore the keyring."
            )
        info = b"exchange-hub/1/" + purpose.encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(master)

    def rotate(self) -> int:
        """Add a new master and make it current; older versions stay, for what was sealed under them."""
        with _exclusive(self.path):
            masters = _read(self.path)
            version = max(masters) + 1
            if version > LAST_VERSION:
                raise ConfigurationError(f"Keyring {self.path} is full: {LAST_VERSION} versions.")
            masters[version] = secrets.token_bytes(KEY_BYTES)
            _write(self.path, masters)
            self._masters = masters
        return version


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(f"Keyring {path} cannot be written: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(path: Path, masters: Mapping[int, bytes]) -> None:
    """Replace the file in one step: a reader sees the old masters or the new ones, also after a power cut."""
    document = {"masters": {str(v): base64.b64encode(key).decode() for v, key in masters.items()}}
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(f"Keyring {path} cannot be written: {error.strerror}.") from error


def _read(path: Path) -> dict[int, bytes]:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigurationError(f"Keyring {path} is open to others.", hint=f"Run: chmod 600 {path}")
        document = json.loads(path.read_bytes())
        masters = {int(v): base64.b64decode(key, validate=True) for v, key in document["masters"].items()}
    except OSError as error:
        raise ConfigurationError(f"Keyring {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        masters = {}
    if not masters or any(len(key) != KEY_BYTES for key in masters.values()):
        raise ConfigurationError(f"{path} is not a keyring.", hint="Restore it from its backup.") from None
    return masters
