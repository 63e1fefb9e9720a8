"""A real ``hub airflow`` as a person runs it: started, asked over its API, killed, stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from hub.airflow.home import MARK

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds; a machine may have much else to do
# Airflow looks, and looks again, more often than it would in earnest.
QUICK = {
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
}
ENDED = ("success", "failed")


def until(found, what):
    """Wait until ``found`` gives something, and return it."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if result := found():
            return result
        time.sleep(1)  # Airflow pays for each question
    raise AssertionError(f"waited in vain for {what}")


class Standalone:
    """One start of ``hub airflow`` over a hub's settings."""

    def __init__(self, environment, home):
        self.home = home / "airflow"
        self.log = home / "hub-airflow.log"
        self._output = self.log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from hub.cli import main; main()", "airflow"], cwd=ROOT, stdout=self._output,
            stderr=subprocess.STDOUT, env=os.environ | QUICK | environment | {"COLUMNS": "200"},
        )  # fmt: skip
        self.client = None

    def wait_until_up(self):
        """Wait for the sentence that says where it is, and log in as a person would."""
        words = until(self._told, "Airflow to start").split()
        url = words[words.index("at") + 1].rstrip(";")
        login = {"username": "admin", "password": words[words.index("with") + 1]}
        self.client = httpx.Client(base_url=url, timeout=60, trust_env=False)
        token = self.client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"
        return self

    def _told(self):
        assert self.process.poll() is None, self.log.read_text()
        return next((line for line in self.log.read_text().splitlines() if "log in as admin" in line), None)

    def get(self, path, **parameters):
        return self.client.get(f"/api/v2{path}", params=parameters).raise_for_status().json()

    def post(self, path, **body):
        return self.client.post(f"/api/v2{path}", json=body).raise_for_status().json()

    def trigger(self, dag, **conf):
        """Order a run; returns its id."""
        return self.post(f"/dags/{dag}/dagRuns", logical_date=None, conf=conf)["dag_run_id"]

    def runs(self, kind=None):
        """State by DAG and run."""
        found = self.get("/dags/~/dagRuns", limit=500)["dag_runs"]
        return {
            (run["dag_id"], run["dag_run_id"]): run["state"]
            for run in found
            if kind in (None, run["run_type"])
        }

    def tasks(self, dag):
        """State by task, over all runs of a DAG."""
        found = self.get(f"/dags/{dag}/dagRuns/~/taskInstances", limit=500)["task_instances"]
        return [(task["task_id"], task["state"]) for task in found]

    def wait_until_quiet(self, dags):
        """Wait until each of the DAGs has run and nothing runs or waits; returns the states by DAG."""

        def quiet():
            self.check()
            runs = self.runs()
            if set(dags) - {dag for dag, _ in runs} or set(runs.values()) - set(ENDED):
                return None
            time.sleep(2)  # for what follows data: an asset's event is seen a moment after its task has ended
            return (
                {dag: {state for (d, _), state in runs.items() if d == dag} for dag, _ in runs}
                if self.runs() == runs
                else None
            )

        return until(quiet, f"{sorted(dags)} to run and end")

    def check(self):
        assert self.process.poll() is None, self.log.read_text()

    def members(self):
        """Every process of this home, by the mark in its environment."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(self.home):
                    found.append(process)
        return found

    def listening(self):
        """Addresses on which its processes listen for the network."""
        return {
            connection.laddr.ip
            for process in self.members()
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }

    def kill_scheduler(self):
        """SIGKILL for the scheduler, its workers and their tasks; returns how many processes that were."""
        ours = self.members()
        leader = next(
            p
            for p in ours
            if p.cmdline()[-2:] == ["scheduler", "--skip-serve-logs"] and p.pid == os.getsid(p.pid)
        )
        killed = [leader, *leader.children(recursive=True)]
        for process in killed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return len(killed)

    def stop(self, how=signal.SIGTERM):
        """End it as a service manager does; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.client is not None:
                self.client.close()
            self._output.close()


def environment(settings):
    """What a child process needs to have the same hub."""
    named = ("home", "city", "keyring", "sources", "batch_rows")
    return {f"HUB_{name.upper()}": json.loads(settings.model_dump_json())[name] for name in named} | {
        "HUB_BATCH_ROWS": str(settings.batch_rows)
    }
