"""Airflow's processes: the metadata brought up to date, four components started, watched, and all stopped again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from hub.airflow.home import MARK, AirflowHome
from hub.server import PLAIN
from infra.place import locked
from infra.settings import Settings
from schemas.errors import ConfigurationError

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
_HEALTH = "/api/v2/monitor/health"
_HEALTHY = ("metadatabase", "scheduler", "dag_processor", "triggerer")
START_SECONDS = 300.0
TASKS_SECONDS = 60.0
STOP_SECONDS = 20.0
IDLE_SECONDS = 6.0

Tell = Callable[[str], None]


@dataclass
class Components:
    """The running processes, by component; each has a session, and so a signal, of its own."""

    home: AirflowHome
    environment: Mapping[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start one component; its output is appended to its log."""
        with self.log(name).open("ab") as output:
            self.processes[name] = subprocess.Popen(
                _airflow(*COMPONENTS[name]), env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip

    def log(self, name: str) -> Path:
        """Return the file a component's output goes to."""
        return self.home.logs / f"{name}.log"

    def check(self) -> None:
        """Raise ``ConfigurationError`` when a component ended by itself."""
        for name, process in self.processes.items():
            if (code := process.poll()) is not None:
                raise ConfigurationError(
                    f"Airflow's {name} ended with status {code}.",
                    hint=f"The end of {self.log(name)} says why.",
                )

    def wait_until_healthy(self) -> None:
        """Return when every component reports that it is well; raises ``ConfigurationError`` when one does not."""
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends:
            self.check()
            if all(self.health().get(name) == "healthy" for name in _HEALTHY):
                return
            time.sleep(0.5)
        raise ConfigurationError(
            f"Airflow was not well within {START_SECONDS:.0f} seconds.", hint=f"See {self.home.logs}."
        )

    def health(self) -> dict[str, str | None]:
        """Return what Airflow says of each part of itself; nothing while it does not answer."""
        try:
            answer = httpx.get(f"{self.home.url}{_HEALTH}", timeout=5, trust_env=False, verify=PLAIN)
            return {name: part["status"] for name, part in answer.json().items()}
        except (httpx.TransportError, ValueError):
            return {}

    def kill(self, name: str) -> None:
        """End a component and everything it started, at once and without a word, as a crash would."""
        process = self.processes.pop(name)
        for number in _session(process.pid):  # its children outlive it, so no tree would show them
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Stop all: the scheduler first, so that tasks under way can end and report; what does not end is killed."""
        try:
            self._end(("scheduler",), TASKS_SECONDS)
            self._end(tuple(COMPONENTS), STOP_SECONDS)
        finally:  # whoever interrupts again waits for nothing more, but leaves nothing running
            for name in list(self.processes):
                self.kill(name)

    def _end(self, names: Iterable[str], seconds: float) -> None:
        running = [name for name in names if name in self.processes]
        for name in running:
            with suppress(ProcessLookupError):
                self.processes[name].send_signal(signal.SIGTERM)
        began = time.monotonic()
        for name in running:
            while (waited := time.monotonic() - began) < seconds and self.processes[name].poll() is None:
                if waited > IDLE_SECONDS and not _tasks(self.processes[name].pid):
                    break  # it lost the signal, as may happen to Airflow while it tidies its memory: nothing to wait for
                time.sleep(0.1)
            self.kill(name)


@contextmanager
def running(home: AirflowHome, settings: Settings, tell: Tell = lambda words: None) -> Iterator[Components]:
    """Run Airflow while the block does; yields once it is well. One at a time in a home.

    Raises ``ConfigurationError`` where another runs there, and where Airflow does not start.
    """
    home.logs.mkdir(parents=True, exist_ok=True)
    home.password()
    components = Components(home, home.variables(settings))
    with _alone(home):
        try:
            end_leftovers(home)
            if not home.is_migrated():
                tell("Bringing Airflow's database up to date …")
                _run(components, "db", "migrate")
                home.note_migrated()
            tell("Starting api-server, scheduler, dag-processor and triggerer …")
            for name in COMPONENTS:
                components.start(name)
            components.wait_until_healthy()
            yield components
        finally:
            tell("Stopping Airflow; tasks under way may end …")
            components.stop()


@contextmanager
def _alone(home: AirflowHome) -> Iterator[None]:
    try:
        with locked(home.folder / "running.lock", wait=False):
            yield
    except BlockingIOError:
        raise ConfigurationError(
            f"Airflow runs already in {home.folder}.", hint="Stop it, or set another HUB_HOME."
        ) from None


def _run(components: Components, *words: str) -> None:
    log = components.home.logs / "set-up.log"
    with log.open("ab") as output:
        done = subprocess.run(
            _airflow(*words), env=dict(components.environment), stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        raise ConfigurationError(
            f"`airflow {' '.join(words[:2])}` ended with status {done.returncode}.",
            hint=f"The end of {log} says why.",
        )


def end_leftovers(home: AirflowHome) -> None:
    """End what an earlier start left, whose own process was killed: two schedulers of one home must not meet."""
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error, OSError):  # others' processes, or gone meanwhile
            left = process.environ().get(MARK) == str(home.folder)
            if left and not process.info["name"].startswith("postgres"):  # a server is found and used
                process.kill()


def _tasks(scheduler: int) -> list[psutil.Process]:
    """Return the processes of tasks under way: children of the executor's workers, which are the scheduler's children."""
    try:
        children = psutil.Process(scheduler).children()
        return [task for worker in children for task in worker.children()]
    except psutil.NoSuchProcess:
        return []


def _session(leader: int) -> list[int]:
    found = []
    for number in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(number) == leader:
                found.append(number)
    return found


def _airflow(*words: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *words]
