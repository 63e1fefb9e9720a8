"""A PostgreSQL server of one's own: no installation, no TCP port, shared by the processes that use its folder.

The first user starts it, the last one out stops it. Each user holds a shared lock on one file; a stop needs that lock
exclusively, a start or stop also the gate lock. The kernel drops a process's locks when it is killed, so nothing has
to be cleaned up: a server left running is found and used by the next, a dead one is started again and recovers.
"""

import fcntl
import logging
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from infra.account import server_account
from infra.binaries import SHARED_STATE, embedded_binaries, reachable_binaries
from infra.place import PORT, Place, find_place, locked
from infra.postmaster import Postmaster
from schemas.errors import DatabaseUnavailable

SUPERUSER = "postgres"
_log = logging.getLogger(__name__)


def url_if_running(folder: Path, database: str, user: str) -> str | None:
    """The URL of the folder's server where it seems to run; None where it does not. Starts nothing, and holds nothing."""
    if not (folder / "location").exists():
        return None
    place = find_place(folder, server_account())
    return _url(place, database, user) if (place.sockets / f".s.PGSQL.{PORT}").exists() else None


def _url(place: Place, database: str, user: str) -> str:
    host = quote(str(place.sockets), safe="")
    return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={host}&port={PORT}"


class EmbeddedPostgres:
    """One server for one folder.

    ``binaries``: the ``bin`` folder of another PostgreSQL (15 or newer) than the wheel's.
    ``temporary``: no fsync, and the last one out deletes the folder; for tests.
    ``memory``: shared buffers, in MiB. ``settings``: settings of the server that go before the hub's own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        binaries: Path | None = None,
        temporary: bool = False,
        memory: int = 512,
        settings: Sequence[str] = (),
        state: Path = SHARED_STATE,
    ) -> None:
        self.folder = folder.absolute()
        self.temporary = temporary
        self._account = server_account()
        self._programs = reachable_binaries(binaries or embedded_binaries(), self._account, state)
        self._memory, self._settings, self._state = memory, tuple(settings), state
        self._postmaster: Postmaster | None = None
        self._hold: int | None = None
        self._holder = 0

    def start(self) -> Self:
        """Use the server, starting or recovering it when it is not running. May be called again at any time."""
        if self._postmaster is None:
            place = find_place(self.folder, self._account, self._state)
            self._postmaster = Postmaster(
                place,
                self._programs,
                self._account,
                memory=self._memory,
                durable=not self.temporary,
                settings=self._settings,
            )
        place = self._postmaster.place
        with locked(place.gate):
            if self._hold is None or self._holder != os.getpid():
                self._hold = os.open(place.users, os.O_RDWR | os.O_CREAT, 0o600)
                self._holder = os.getpid()
                fcntl.flock(self._hold, fcntl.LOCK_SH)
            try:
                self._postmaster.ensure_running()
            except BaseException:
                self._let_go()
                raise
        return self

    def close(self) -> None:
        """Stop using the server; the last one out stops it. A child process only drops its copy of the lock."""
        if self._hold is None or self._postmaster is None:
            return
        if self._holder != os.getpid():
            self._let_go()
            return
        with locked(self._postmaster.place.gate):
            try:
                fcntl.flock(self._hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            else:
                self._postmaster.stop()
                if self.temporary:
                    self._delete()
            finally:
                self._let_go()

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """A libpq URL over the Unix socket; no password: only this user and root reach the socket's folder."""
        return _url(self._running().place, database, user)

    def ensure_database(self, name: str) -> None:
        """Create that database when it is missing."""
        try:
            with psycopg.connect(self.url(SUPERUSER), autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            pass  # another process was faster
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"The embedded PostgreSQL of {self.folder} does not answer.") from error

    def _running(self) -> Postmaster:
        if self._hold is None or self._postmaster is None:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL of {self.folder} is not in use.", hint="Call start()."
            )
        return self._postmaster

    def _let_go(self) -> None:
        if self._hold is not None:
            os.close(self._hold)
        self._hold = None

    def _delete(self) -> None:
        place = self._running().place
        for folder in {place.sockets, place.data, place.log.parent, place.base, self.folder}:
            shutil.rmtree(folder, ignore_errors=True)
        self._postmaster = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except (DatabaseUnavailable, OSError, subprocess.SubprocessError) as failure:
            if error is None:
                raise
            _log.warning("The embedded PostgreSQL could not be stopped: %s", failure)
