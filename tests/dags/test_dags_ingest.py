"""Airflow reads the DAGs as it would in production: from the folder, in a fresh home, without a network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hub.upgrade import upgrade_database

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / "connectors" / "sources").glob("*.yaml")
}
# Airflow keeps its configuration and database open for the life of a process, so it gets a process of its own.
READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(sys.argv[1])
dags = {
    name: {
        "owner": dag.owner, "tags": sorted(dag.tags), "catchup": dag.catchup, "runs": dag.max_active_runs,
        "timeout": dag.dagrun_timeout.total_seconds(), "schedule": dag.timetable.expression,
        "tasks": [
            {
                "id": task.task_id, "owner": task.owner, "retries": task.retries,
                "delay": task.retry_delay.total_seconds(), "timeout": task.execution_timeout.total_seconds(),
                "outlets": [asset.name for asset in task.outlets], "arguments": list(task.op_args),
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
from airflow.dag_processing.dagbag import DagBag
(dag,) = DagBag(sys.argv[1]).dags.values()
(task,) = dag.tasks
print("READ", json.dumps(task.python_callable(*task.op_args)))
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


def test_every_source_has_its_dag_and_none_fails_to_import(bag):
    assert bag["errors"] == {}
    assert bag["dags"]
    assert set(bag["dags"]) == {f"ingest_{code}" for code in DEFINITIONS}


def test_the_owner_is_the_department(bag):
    for code, definition in DEFINITIONS.items():
        dag = bag["dags"][f"ingest_{code}"]
        assert {dag["owner"], *(task["owner"] for task in dag["tasks"])} == {definition["department"]}


def test_the_tags_say_what_it_does_how_and_for_which_library(bag):
    for code, definition in DEFINITIONS.items():
        tags = bag["dags"][f"ingest_{code}"]["tags"]
        assert len(tags) == 3
        assert {"ingest", definition["connector"]} < set(tags)


def test_one_run_at_a_time_and_no_catching_up(bag):
    assert all((dag["runs"], dag["catchup"]) == (1, False) for dag in bag["dags"].values())


def test_the_schedule_is_the_update_cycle_of_the_catalogue(bag):
    schedules = {code: bag["dags"][f"ingest_{code}"]["schedule"] for code in DEFINITIONS}
    assert schedules["social_security"] == "0 2 * * *"
    assert schedules["natural_resources_district"] == "0 2 1 1 *"


def test_its_only_task_is_given_the_code_and_fills_the_resource(bag):
    for code, definition in DEFINITIONS.items():
        (task,) = bag["dags"][f"ingest_{code}"]["tasks"]
        assert (task["id"], task["arguments"]) == ("ingest", [code])
        assert task["outlets"] == [definition["resource"]]


def test_a_task_is_tried_again_and_stopped_when_it_takes_too_long(bag):
    for dag in bag["dags"].values():
        for task in dag["tasks"]:
            assert task["retries"] >= 2
            assert task["delay"] >= 60
            assert 0 < task["timeout"] < dag["timeout"]


def test_a_source_of_another_folder_gets_a_dag_too(tmp_path):
    definition = DEFINITIONS["social_security"] | {
        "code": "another",
        "options": {"path": "/x.csv", "format": "csv"},
    }
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "another.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    bag = _read(ROOT / "dags", tmp_path, HUB_SOURCES=str(tmp_path / "sources"))
    assert (bag["errors"], set(bag["dags"])) == ({}, {"ingest_another"})


@pytest.mark.server
def test_the_task_ingests_its_source_and_gives_back_counts_that_add_up(hub_settings, database, tmp_path):
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
    (tmp_path / "persons.csv").write_text(
        "号码,姓名\n11010519491231002X,甲\n110105194912310021,乙\n", encoding="utf-8"
    )
    counts = _read(
        ROOT / "dags",
        tmp_path,
        RUN,
        HUB_HOME=str(hub_settings.home),
        HUB_DATABASE_URL=hub_settings.database_url,
        HUB_SOURCES=str(tmp_path / "sources"),
    )
    assert counts["source"] == "another"
    assert (counts["batches"], counts["pulled"], counts["quarantined"], counts["created"]) == (1, 2, 1, 1)
    assert counts["pulled"] == counts["contributed"] + counts["unchanged"] + counts["quarantined"]
