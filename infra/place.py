"""Where an embedded server keeps its data, its socket and its log.

Usually in the folder it is given. Where root starts it and the server's account cannot pass through to that folder
(root's home is closed), in a folder of ``/var/lib/exchange-hub``; the given folder then holds the file ``location``
that says which. The choice is made once and kept, so data can not seem to vanish when permissions change.
"""

import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.account import Account
from infra.binaries import SHARED_STATE, make_traversable
from schemas.errors import DatabaseUnavailable

PORT = 5432  # only part of the socket's name: the server does not listen on TCP
_LONGEST_SOCKET = 103  # bytes; macOS allows 104 with the closing zero, Linux 108
_SHORT = Path("/tmp")  # noqa: S108 - not TMPDIR: every process must find the same socket
_IN_PLACE = "."


@dataclass(frozen=True)
class Place:
    """Folders and files of one server. ``base`` belongs to whoever runs the hub, ``data`` to the server's account."""

    base: Path
    sockets: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.base / "data"

    @property
    def log(self) -> Path:
        """The server's log; its folder is the server account's."""
        return self.base / "log" / "postgresql.log"

    @property
    def gate(self) -> Path:
        """Lock file held while the server is started or stopped."""
        return self.base / "gate.lock"

    @property
    def users(self) -> Path:
        """Lock file each user of the server holds shared."""
        return self.base / "users.lock"


def find_place(folder: Path, account: Account, state: Path = SHARED_STATE) -> Place:
    """The server's place for that folder; folders are made when missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "location.lock"):
            base = _base(folder, account, state)
        account.make_private_folder(base / "log")
        return Place(base, _sockets(base, account))
    except OSError as error:
        raise DatabaseUnavailable(
            f"The folder {folder} cannot be used for a database: {error.strerror}."
        ) from error


def _base(folder: Path, account: Account, state: Path) -> Path:
    note = folder / "location"
    if note.exists():
        base = folder / note.read_text().strip()  # an absolute path replaces the folder
        if not base.is_dir():
            raise DatabaseUnavailable(
                f"The database of {folder} was kept in {base}, which is gone.",
                hint=f"Restore it, or delete {folder} to start afresh.",
            )
        return base
    if account.can_traverse(folder):
        base = folder
    else:
        make_traversable(state)
        base = state / f"server-{secrets.token_hex(8)}"
        base.mkdir()
        base.chmod(0o711)
    draft = note.with_suffix(".draft")
    draft.write_text(_IN_PLACE if base == folder else str(base))
    draft.replace(note)
    return base


def _sockets(base: Path, account: Account) -> Path:
    """``base/socket``, or a private folder under the temporary one where that path is too long for a socket."""
    folder = base / "socket"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= _LONGEST_SOCKET:
        return account.make_private_folder(folder)
    name = hashlib.sha256(os.fsencode(base.resolve())).hexdigest()[:16]
    short = account.make_private_folder(_SHORT / f"exchange-hub-{account.uid}-{name}")
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise DatabaseUnavailable(
            f"{short} belongs to somebody else.", hint="Use a home folder with a shorter path."
        )
    return short


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold that lock file exclusively; the system lets go of it when the process dies, however it dies.

    Without ``wait``, ``BlockingIOError`` where another process holds it.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)
