"""The account a PostgreSQL server runs under: one's own, or for root an unprivileged one.

PostgreSQL refuses to run as root. No folder that is not the hub's own is ever re-permissioned for it.
"""

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import DatabaseUnavailable

_SYSTEM_ACCOUNT = "exchange-hub"
_PRIVATE = 0o700


@dataclass(frozen=True)
class Account:
    """Who runs the server. ``switches`` is true when that is somebody else than this process."""

    uid: int
    gid: int
    switches: bool

    def run(self, command: Sequence[str | Path], *, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command as this account in a clean environment; its output goes to files, not pipes, so that a
        server it leaves behind holds nothing of ours open. ``OSError`` when it cannot run at all."""
        identity: dict[str, Any] = (
            {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switches else {}
        )
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=_clean_environment(),
                umask=0o077,
                timeout=timeout,
                check=False,
                **identity,
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")

    def can_run(self, program: Path) -> bool:
        """Whether this account reaches the program and it starts, shared libraries included."""
        try:
            return self.run([program, "--version"]).returncode == 0
        except (OSError, subprocess.SubprocessError):
            return False

    def can_traverse(self, folder: Path) -> bool:
        """Whether this account may pass through the folder and all its parents."""
        if not self.switches:
            return os.access(folder, os.X_OK)
        try:
            return self.run(["/bin/sh", "-c", 'test -x "$0"', folder]).returncode == 0
        except (OSError, subprocess.SubprocessError):
            return False

    def make_private_folder(self, folder: Path) -> Path:
        """A folder of this account's own that nobody else may enter; made when missing."""
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=_PRIVATE)
        found = folder.lstat()  # a link somebody else put there is neither followed nor given away
        if self.switches and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            os.chown(folder, self.uid, self.gid)
        return folder


def server_account() -> Account:
    """Oneself; for root the account ``postgres``, else a system account made for it, else ``nobody``."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switches=False)
    for name in ("postgres", _SYSTEM_ACCOUNT):
        if found := _account_named(name):
            return found
    if useradd := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SYSTEM_ACCOUNT],
            capture_output=True,
            check=False,
        )
    if found := _account_named(_SYSTEM_ACCOUNT) or _account_named("nobody"):
        return found
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root, and no unprivileged account was found or could be made.",
        hint="Run the hub as an ordinary user, or set HUB_DATABASE_URL.",
    )


def _account_named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid, switches=True)


def _clean_environment() -> dict[str, str]:
    """Without PGPORT, LD_LIBRARY_PATH and the like, which would change what the server does."""
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}
