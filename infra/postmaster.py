"""Starting, finding and stopping one PostgreSQL server process. Callers hold the server's gate lock."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from infra.account import Account
from infra.place import PORT, Place
from schemas.errors import DatabaseUnavailable

_PATIENCE = 600  # seconds for start or stop: crash recovery after a bulk load replays up to max_wal_size
_ORPHANS_PATIENCE = 10  # seconds; backends leave by themselves when they notice that the postmaster is gone
_SMALL_SHARED_MEMORY = 256 << 20  # containers give /dev/shm 64 MiB, too little for parallel index builds


@dataclass(frozen=True)
class Postmaster:
    """One server: its place, its programs, its account. ``memory``: shared buffers in MiB; ``settings``: ``name=value``."""

    place: Place
    programs: Path
    account: Account
    memory: int
    durable: bool
    settings: Sequence[str] = ()

    def ensure_running(self) -> None:
        """Make the data directory when there is none; start the server unless it answers already."""
        if self.answers():
            return
        if not self.place.data.exists():
            self._initialise()
        elif self._is_alive():
            self._await_answer()
            return
        else:
            self._clear_remains()
        self._start()

    def answers(self) -> bool:
        """Whether a client can log in."""
        try:
            psycopg.connect(
                host=str(self.place.sockets),
                port=PORT,
                user="postgres",
                dbname="postgres",
                connect_timeout=10,
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop cleanly: running statements are cancelled, everything committed is checkpointed."""
        if not self._is_alive():
            return
        done = self._control("stop", "-m", "fast")
        if done.returncode != 0 and self._is_alive():
            raise DatabaseUnavailable(f"The embedded PostgreSQL in {self.place.base} does not stop.")

    def _initialise(self) -> None:
        """Build beside, then rename: a killed initdb leaves no half-made data directory behind."""
        draft = self.place.base / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        self.account.make_private_folder(draft)
        made = self._run(
            self.programs / "initdb",
            *("-D", draft, "--username=postgres", "--encoding=UTF8", "--locale=C"),
            *("--auth-local=trust", "--auth-host=reject", *(() if self.durable else ("--no-sync",))),
        )
        if made.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise DatabaseUnavailable(
                f"A database could not be made in {self.place.base}: {_last_line(made.stdout)}"
            )
        draft.rename(self.place.data)

    def _start(self) -> None:
        options = " ".join(shlex.quote(word) for name_value in self._options() for word in ("-c", name_value))
        done = self._control("start", "-l", str(self.place.log), "-o", options)
        if done.returncode != 0:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {self.place.base} does not start: {_fatal(self.place.log)}",
                hint=f"See {self.place.log}.",
            )

    def _control(self, action: str, *words: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [self.programs / "pg_ctl", action, "-s", "-w", "-t", str(_PATIENCE)]
        return self._run(*command, "-D", self.place.data, *words)

    def _run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        try:
            return self.account.run(command, timeout=_PATIENCE + 30)
        except (OSError, subprocess.SubprocessError) as error:
            raise DatabaseUnavailable(
                f"{Path(command[0]).name} of the embedded PostgreSQL cannot run: {type(error).__name__}.",
                hint="Run the hub as an ordinary user, or set HUB_DATABASE_URL.",
            ) from error

    def _options(self) -> Sequence[str]:
        """Tuned for bulk loads on a small machine; a commit is durable all the same."""
        spacious = Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").total > _SMALL_SHARED_MEMORY  # noqa: S108
        memory = min(self.memory, psutil.virtual_memory().total // (8 << 20))
        return (
            "listen_addresses=",
            f"port={PORT}",
            f"unix_socket_directories={_in_list(self.place.sockets)}",
            "unix_socket_permissions=0700",
            "max_connections=200",
            f"shared_buffers={memory}MB",
            "maintenance_work_mem=256MB",
            "work_mem=16MB",
            "wal_level=minimal",  # a COPY into a table of the same transaction skips the log, not the disk
            "max_wal_senders=0",
            "wal_compression=on",
            "max_wal_size=4GB",
            "checkpoint_timeout=15min",
            "checkpoint_completion_target=0.9",
            f"fsync={'on' if self.durable else 'off'}",
            f"full_page_writes={'on' if self.durable else 'off'}",
            "synchronous_commit=on",
            "jit=off",
            "random_page_cost=1.1",
            f"dynamic_shared_memory_type={'posix' if spacious else 'mmap'}",
            "timezone=UTC",
            "log_timezone=UTC",
            "log_error_verbosity=terse",  # details and statements may quote personal values
            "log_min_error_statement=panic",
            *self.settings,
        )

    def _processes(self) -> list[psutil.Process]:
        """Processes of a server on this data directory: each works in it."""
        data = self.place.data.resolve()
        found = []
        for process in psutil.process_iter(["name"]):
            if (process.info["name"] or "").startswith("postgres"):
                try:
                    if Path(process.cwd()).resolve() == data:
                        found.append(process)
                except (psutil.Error, OSError):
                    continue  # another user's, a zombie, or gone meanwhile
        return found

    def _is_alive(self) -> bool:
        """Whether the process the pid file names is this server's, and not one that got the number later."""
        try:
            number = int((self.place.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return False
        return any(process.pid == number for process in self._processes())

    def _await_answer(self) -> None:
        """Wait for a server that is starting, recovering, or on its way out."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self.answers():
                return
            if self._has_lost_its_socket():
                self.stop()
            if not self._is_alive():
                self._clear_remains()
                self._start()
                return
            time.sleep(0.1)
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL in {self.place.base} runs but does not answer.",
            hint=f"See {self.place.log}.",
        )

    def _has_lost_its_socket(self) -> bool:
        """Whether it is ready and cannot be reached: something that cleans temporary folders has been there."""
        try:
            ready = (self.place.data / "postmaster.pid").read_text().rstrip().endswith("ready")
        except OSError:
            return False
        return ready and not (self.place.sockets / f".s.PGSQL.{PORT}").exists()

    def _clear_remains(self) -> None:
        """After a killed postmaster: see its children out, then drop pid files, whose number may be another's now.

        PostgreSQL itself would refuse to start while some process has that number; and it relies on the pid file to
        keep two servers off one data directory, so no process of the old one may be left.
        """
        since = time.monotonic()
        while orphans := self._processes():
            waited = time.monotonic() - since
            if waited > 3 * _ORPHANS_PATIENCE:
                raise DatabaseUnavailable(
                    f"Processes of a killed PostgreSQL in {self.place.base} do not end."
                )
            if waited > _ORPHANS_PATIENCE:
                for orphan in orphans:
                    _end(orphan, signal.SIGKILL if waited > 2 * _ORPHANS_PATIENCE else signal.SIGQUIT)
            time.sleep(0.05)
        (self.place.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.place.sockets / name).unlink(missing_ok=True)


def _end(process: psutil.Process, how: signal.Signals) -> None:
    try:
        process.send_signal(how)
    except psutil.Error:
        return  # gone by itself


def _in_list(path: Path) -> str:
    """A path as one element of a list setting."""
    return '"' + os.fspath(path).replace('"', '""') + '"'


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"


def _fatal(log: Path) -> str:
    """The last fatal message of the log; those of a start speak of settings and files, never of data."""
    try:
        lines = [
            line
            for line in log.read_text(errors="replace").splitlines()
            if "FATAL" in line or "PANIC" in line
        ]
    except OSError:
        lines = []
    return lines[-1].split("  ", 1)[-1] if lines else "no message"
