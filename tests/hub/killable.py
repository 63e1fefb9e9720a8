"""A process in which acts of the hub can be killed outright: heavy imports are paid once, each act runs in a fork of it.

Started as a program it reads one command a line and answers each with one line; ``Killable`` is its handle in a test.
"""

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KILLED = "killed"


@dataclass(frozen=True)
class Kill:
    """When to kill: so many seconds after the act began, or at a stage of a batch (from 1; None for any)."""

    after: float | None = None
    stage: str | None = None
    batch: int | None = None


@dataclass(frozen=True)
class Ended:
    """How an act ended: ``done``, ``killed``, or the code of the error; its stages (stage, batch), and the seconds."""

    how: str
    words: str
    seconds: float
    steps: tuple[tuple[str, int], ...]


class Killable:
    """The process."""

    def __init__(self) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def act(
        self, settings: Any, sources: Mapping[str, str], act: Mapping[str, Any], kill: Kill | None = None
    ) -> Ended:
        """Run an act over sources (``{code: definition}``), killed or to its end."""
        told = {
            "settings": settings.model_dump_json(),
            "sources": dict(sources),
            "act": dict(act),
            "kill": None if kill is None else {"after": kill.after, "stage": kill.stage, "batch": kill.batch},
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        steps = tuple((stage, batch) for stage, batch in answer["steps"])
        return Ended(answer["how"], answer["words"], answer["seconds"], steps)

    def close(self):
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


# ── the process itself ───────────────────────────────────────────────────────────────────────────────


def _serve() -> None:
    _import_what_acts_need()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_forked(json.loads(line))) + "\n")
        sys.stdout.flush()


def _import_what_acts_need() -> None:
    """Pay for it once: else each fork imports, and where nothing is compiled compiles, a thousand modules."""
    import connectors

    for module in pkgutil.walk_packages(connectors.__path__, "connectors."):
        importlib.import_module(module.name)
    for name in (
        "alembic.context", "alembic.script", "hub.composition", "hub.drift", "hub.ingest", "hub.pushing", "hub.quarantine",
        "ibis.expr.sql", "ibis.backends.sql.compilers", "quality.expectations", "sqlalchemy.dialects.postgresql.psycopg",
        "sqlglot.dialects.duckdb",
    ):  # fmt: skip
        importlib.import_module(name)


def _forked(told: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    began = time.monotonic()
    if (child := os.fork()) == 0:
        os.close(reading)
        _run(told, writing)
    os.close(writing)
    after = (told["kill"] or {}).get("after")
    timer = threading.Timer(after, os.kill, (child, signal.SIGKILL)) if after is not None else None
    if timer:
        timer.start()
    with os.fdopen(reading) as pipe:
        said = [json.loads(line) for line in pipe if line.endswith("\n")]
    os.waitid(
        os.P_PID, child, os.WEXITED | os.WNOWAIT
    )  # not reaped before the timer is gone: the number stays its own
    if timer:
        timer.cancel()
        timer.join()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    steps = [one["step"] for one in said if "step" in one]
    last = next((one for one in reversed(said) if "how" in one), {"how": "", "words": ""})
    how = KILLED if code == -signal.SIGKILL else last["how"] or f"exit {code}"
    return {"how": how, "words": last["words"], "seconds": time.monotonic() - began, "steps": steps}


def _run(told: dict[str, Any], writing: int) -> None:
    def tell(**said: Any) -> None:
        os.write(writing, (json.dumps(said) + "\n").encode())

    code = 1
    try:
        _act(told, tell)
        tell(how="done", words="")
        code = 0
    except BaseException as error:  # noqa: BLE001 (told to the test, whatever it is)
        tell(how=getattr(error, "code", type(error).__name__), words=f"{type(error).__name__}: {error}")
    finally:
        os._exit(code)


def _act(told: dict[str, Any], tell: Any) -> None:
    from dataclasses import replace

    from connectors.definition import read_source
    from hub import ingest
    from hub.composition import open_hub
    from infra.settings import Settings

    kill, act = told["kill"] or {}, told["act"]

    def watch(run: Any, stage: str, number: int, batch: Any) -> None:
        tell(step=[stage, number])
        if stage == kill.get("stage") and kill["batch"] in (None, number):
            os.kill(os.getpid(), signal.SIGKILL)

    ingest._Run._step = watch  # type: ignore[method-assign]  # acts other than an ingest report no progress
    sources = {code: read_source(text, code, {}) for code, text in told["sources"].items()}
    with open_hub(Settings.model_validate_json(told["settings"])) as opened:
        _do(replace(opened, sources={**opened.sources, **sources}), act)


def _do(hub: Any, act: dict[str, Any]) -> None:
    import hashlib

    from connectors.push.body import Body
    from hub import drift, pushing, quarantine
    from hub.ingest import ingest_source

    source = hub.source(act["source"])
    if act["do"] == "ingest":
        ingest_source(hub, source.code, batch_rows=act["rows"])
    elif act["do"] == "push":
        path = Path(act["path"])
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        pushing.take(hub, source, Body(path, "json", act["key"]), digest)
    elif act["do"] == "take back":
        quarantine.take_back(hub, source, Path(act["path"]))
    elif act["do"] == "replay":
        quarantine.replay(hub, source)
    elif act["do"] == "accept":
        drift.accept(hub, source.code, "operator:test")
    else:
        raise ValueError(act["do"])


if __name__ == "__main__":
    _serve()
