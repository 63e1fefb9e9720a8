"""Airflow reads the DAGs as it would in production: from the folder, in a fresh home, without a network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text

from hub.upgrade import upgrade_database
from infra.database import Role
from schemas.resource import resource_named

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / "connectors" / "sources").glob("*.yaml")
}
RESOURCES = sorted({definition["resource"] for definition in DEFINITIONS.values()})
DUTIES = ["data_docs", "neighbour_catalogues", "quarantine_ageing", "sharing_duties"]
FOLLOWING = [*(f"scorecard_{resource}" for resource in RESOURCES), "seal"]
# Airflow keeps its configuration and database open for the life of a process, so it gets a process of its own.
READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
def after(condition):
    if condition is None:
        return []
    return sorted({name for part in condition.objects for name in (after(part) if hasattr(part, "objects") else [part.name])})
bag = DagBag(sys.argv[1])
dags = {
    name: {
        "owner": dag.owner, "tags": sorted(dag.tags), "catchup": dag.catchup, "runs": dag.max_active_runs,
        "timeout": dag.dagrun_timeout.total_seconds(), "schedule": getattr(dag.timetable, "expression", None),
        "after": after(dag.timetable.asset_condition),
        "params": sorted(dag.params), "deadlines": len(dag.deadline or []),
        "tasks": [
            {
                "id": task.task_id, "owner": task.owner, "retries": task.retries, "pool": task.pool,
                "timeout": task.execution_timeout.total_seconds(), "told": bool(task.on_failure_callback),
                "outlets": [asset.name for asset in task.outlets], "mapped": task.is_mapped,
            }
            for task in dag.tasks
        ],
    }
    for name, dag in bag.dags.items()
}
for dag in bag.dags.values():
    DagSerialization.to_dict(dag)  # what the scheduler keeps; a DAG that cannot be kept never runs
print("READ", json.dumps({"errors": bag.import_errors, "dags": dags}))
"""


RUN = """
import json, sys
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException
DagBag(sys.argv[1])
import dags.duties, dags.follow, dags.ingest

def skipping(work, *arguments, **named):
    try:
        return work(*arguments, **named)
    except AirflowSkipException as skipped:
        return str(skipped)

from hub.pauses import pause
before = datetime.now(timezone.utc)
(part,) = dags.ingest.windows("another")
told = {
    "counts": dags.ingest.ingest("another", part),
    "nothing": skipping(dags.ingest.ingest, "another", part, datetime.now(timezone.utc) + timedelta(seconds=1)),
    "after a broken try": dags.ingest.ingest("another", part, before)["batches"],
    "card": dags.follow.scorecard("natural_person"),
    "seal": dags.follow.seal(),
    "escalated": dags.duties.escalate(),
    "docs": dags.duties.data_docs(),
    "round": dags.duties.go_round(),
    "untold": skipping(dags.duties.notify),
    "unharvested": skipping(dags.duties.harvest),
}
from dags.orders import hub_opened, parent_of, tell_given_up, tell_late
tell_given_up({"ti": SimpleNamespace(dag_id="ingest_another", run_id="r", try_number=4), "exception": ValueError("x")})
tell_given_up({"ti": SimpleNamespace(dag_id="seal", run_id="r", try_number=4), "exception": KeyError("x")})
tell_late("another", {"dag_run": {"dag_run_id": "r"}})
with hub_opened() as hub:
    pause(hub, "another", reason="系统升级", actor="operator:test")
told["paused"] = skipping(dags.ingest.windows, "another")
told["paused meanwhile"] = skipping(dags.ingest.ingest, "another", part)
from dataclasses import asdict
from datetime import UTC, datetime
run = SimpleNamespace(logical_date=None, run_after=datetime(2026, 1, 1, tzinfo=UTC), clear_number=0)
task = SimpleNamespace(dag_id="ingest_another", task_id="ingest", try_number=1, map_index=0)
from airflow.sdk.exceptions import AirflowFailException
try:
    dags.ingest.refused("wrong")
except AirflowFailException as refusal:
    told["refused"] = str(refusal)
dags.ingest.refused("another")  # mended meanwhile
tell_given_up({"ti": SimpleNamespace(dag_id="ingest_wrong", run_id="r", try_number=1), "exception": None})
told["parent"] = asdict(parent_of(task, run))
told["no parent"] = parent_of(task, None)
print("READ", json.dumps(told))
"""


def _read(folder, home, program=READ, **environment):
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        env=os.environ
        | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        }
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("READ "))
    return json.loads(line.removeprefix("READ "))


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    return _read(ROOT / "dags", tmp_path_factory.mktemp("airflow"))


def _ingests(bag):
    return {code: bag["dags"][f"ingest_{code}"] for code in DEFINITIONS}


def test_every_source_and_resource_has_its_dag_and_none_fails_to_import(bag):
    assert bag["errors"] == {}
    assert DEFINITIONS
    assert set(bag["dags"]) == {
        *(f"ingest_{code}" for code in DEFINITIONS),
        *FOLLOWING,
        *DUTIES,
    }


def test_a_definition_that_is_wrong_has_a_dag_that_tells_it_and_takes_no_other_away(tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    for code, changed in (("credit_permit", {}), ("credit_penalty", {"connector": "fax"})):
        (folder / f"{code}.yaml").write_text(yaml.safe_dump(DEFINITIONS[code] | changed), encoding="utf-8")
    (folder / "no name.yaml").write_text("[", encoding="utf-8")
    bag = _read(ROOT / "dags", tmp_path, HUB_SOURCES=str(folder), HUB_HOME=str(tmp_path / "home"))
    assert bag["errors"] == {}
    assert {name for name in bag["dags"] if name.startswith("ingest_")} == {
        "ingest_credit_permit",
        "ingest_credit_penalty",
    }
    wrong = bag["dags"]["ingest_credit_penalty"]
    assert (wrong["tags"], wrong["schedule"], wrong["owner"]) == (
        ["broken", "ingest"],
        "0 7 * * *",
        "exchange-hub",
    )
    assert [(task["id"], task["told"]) for task in wrong["tasks"]] == [("refused", True)]


def test_the_owner_is_the_department(bag):
    for code, dag in _ingests(bag).items():
        owners = {dag["owner"], *(task["owner"] for task in dag["tasks"])}
        assert owners == {DEFINITIONS[code]["department"]}
    assert {bag["dags"][name]["owner"] for name in (*FOLLOWING, *DUTIES)} == {"exchange-hub"}


def test_the_tags_say_what_it_does_how_and_for_which_library(bag):
    for code, dag in _ingests(bag).items():
        definition = DEFINITIONS[code]
        kept_in = resource_named(definition["resource"])
        assert set(dag["tags"]) == {"ingest", definition["connector"], kept_in.library or kept_in.code}
    assert all(bag["dags"][name]["tags"] for name in (*FOLLOWING, *DUTIES))


def test_one_run_at_a_time_and_no_catching_up(bag):
    assert all((dag["runs"], dag["catchup"]) == (1, False) for dag in bag["dags"].values())


def test_the_schedule_is_the_update_cycle_of_the_catalogue(bag):
    schedules = {code: dag["schedule"] for code, dag in _ingests(bag).items()}
    assert schedules["social_security"] == "0 2 * * *"
    assert schedules["natural_resources_district"] == "0 2 1 1 *"


def test_scorecards_and_sealing_follow_data_and_no_clock(bag):
    for resource in RESOURCES:
        assert bag["dags"][f"scorecard_{resource}"]["after"] == [resource]
    assert bag["dags"]["seal"]["after"] == RESOURCES
    assert {bag["dags"][name]["schedule"] for name in FOLLOWING} <= {None, "", "Asset"}


def test_duties_have_their_times(bag):
    assert {name: bag["dags"][name]["schedule"] for name in DUTIES} == {
        "data_docs": "30 6 * * *",
        "neighbour_catalogues": "0 5 * * *",
        "quarantine_ageing": "0 7 * * *",
        "sharing_duties": "30 7 * * *",
    }


def test_a_part_is_read_in_a_task_of_its_own_which_fills_the_resource_within_the_systems_pool(bag):
    pools = {}
    for code, dag in _ingests(bag).items():
        plan, pull = dag["tasks"]
        assert (plan["id"], plan["mapped"], plan["outlets"]) == ("windows", False, [])
        assert (pull["id"], pull["mapped"], pull["outlets"]) == (
            "ingest",
            True,
            [DEFINITIONS[code]["resource"]],
        )
        assert {"window_from", "window_to"} == set(dag["params"])
        pools[code] = pull["pool"]
    assert pools["natural_resources_parcel"] == pools["natural_resources_town"] != pools["public_security"]
    assert "default_pool" not in pools.values()


def test_a_task_is_tried_again_stopped_when_it_takes_too_long_and_its_failure_told(bag):
    for name, dag in bag["dags"].items():
        for task in dag["tasks"]:
            assert task["retries"] >= 2
            assert 0 < task["timeout"] < dag["timeout"]
            assert task["told"]
        assert dag["deadlines"] == name.startswith("ingest_")


def test_a_source_of_another_folder_gets_a_dag_too_at_its_own_times(tmp_path):
    definition = DEFINITIONS["social_security"] | {
        "code": "another",
        "options": {"path": "/x.csv", "format": "csv"},
        "schedule": "15 */6 * * *",
    }
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "another.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    bag = _read(ROOT / "dags", tmp_path, HUB_SOURCES=str(tmp_path / "sources"))
    assert bag["errors"] == {}
    assert set(bag["dags"]) == {"ingest_another", "scorecard_natural_person", "seal", *DUTIES}
    assert bag["dags"]["ingest_another"]["schedule"] == "15 */6 * * *"


@pytest.mark.server
def test_the_tasks_do_the_work_and_give_back_counts_that_add_up(hub_settings, database, tmp_path):
    upgrade_database(database)
    definition = {
        "code": "another",
        "resource": "natural_person",
        "department": "民政局",
        "title": "登记",
        "ordinal": 7,
        "connector": "file",
        "options": {"path": str(tmp_path / "persons.csv"), "format": "csv"},
        "mapping": {"citizen_number": {"column": "号码"}, "name": {"column": "姓名"}},
    }
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "another.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    (tmp_path / "sources" / "wrong.yaml").write_text(
        yaml.safe_dump(definition | {"code": "wrong", "ordinal": "8"}), encoding="utf-8"
    )
    (tmp_path / "persons.csv").write_text(
        "号码,姓名\n11010519491231002X,甲\n110105194912310021,乙\n", encoding="utf-8"
    )
    told = _read(
        ROOT / "dags",
        tmp_path,
        RUN,
        HUB_HOME=str(hub_settings.home),
        HUB_DATABASE_URL=hub_settings.database_url,
        HUB_SOURCES=str(tmp_path / "sources"),
    )
    counts = told["counts"]
    assert counts["source"] == "another"
    assert (counts["batches"], counts["pulled"], counts["quarantined"], counts["created"]) == (1, 2, 1, 1)
    assert counts["pulled"] == counts["contributed"] + counts["unchanged"] + counts["quarantined"]
    assert told["nothing"] == "Source another has nothing new."
    assert told["after a broken try"] == 0
    assert told["card"]["rows"] == 2
    assert told["seal"]["entries"] > 0
    assert told["escalated"] == {}
    assert told["unharvested"] == "No neighbour's catalogue is registered."
    assert told["untold"] == "Nobody is to be told: neither HUB_WEBHOOK_URL nor HUB_SMTP_URL is set."
    assert told["round"] == {"done": {}, "found": {"broken_source": 1}}
    assert Path(told["docs"]).exists()
    assert (told["parent"]["namespace"], told["parent"]["job"]) == ("default", "ingest_another.ingest")
    assert (told["parent"]["root_job"], told["no parent"]) == ("ingest_another", None)
    assert "is paused since" in told["paused"]
    assert "is paused since" in told["paused meanwhile"]
    assert told["refused"] == "wrong.yaml: field 'ordinal' is not a whole number."
    with database.engine(Role.AUDITOR).connect() as connection:
        query = "SELECT action, problem FROM ledger.entry WHERE action IN ('ingest.given_up', 'ingest.late', 'duty.given_up') ORDER BY id"
        found = [tuple(row) for row in connection.execute(text(query))]
    assert found == [
        ("ingest.given_up", "ValueError"),
        ("duty.given_up", "KeyError"),
        ("ingest.late", "deadline_missed"),
        ("ingest.given_up", "stopped"),
    ]
