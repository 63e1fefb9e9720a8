"""What all DAGs have in common: their assets, how often a task is tried, when it is stopped, who hears of its failure."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, get_parsing_context
from airflow.sdk.configuration import conf
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowException

from hub.composition import Hub
from hub.dag_names import ingest_dag_name, source_of_dag
from infra.telemetry import describe
from schemas.errors import HubError
from schemas.update_cycles import CHINA

if TYPE_CHECKING:
    from hub.openlineage.told import Parent

OWNER = "exchange-hub"  # of what is not a department's
FIRST_DAY = datetime(2020, 1, 1, tzinfo=CHINA)  # nothing is caught up; a backfill may go back this far
TIMEZONE = "Asia/Shanghai"
TRIES_AGAIN = 3
LONGEST_TASK = timedelta(hours=2)
LONGEST_RUN = (TRIES_AGAIN + 1) * LONGEST_TASK
EXPECTED = timedelta(hours=3)
"""A run that is not done by then is reported as late; it goes on."""

# How long to wait before the first new try is the deployment's own: [core] default_task_retry_delay.
RETRIES: Mapping[str, Any] = {
    "retries": TRIES_AGAIN,
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=30),
    "execution_timeout": LONGEST_TASK,
}


def wanted(dag_id: str) -> bool:
    """Return whether that DAG is to be made: a task's process reads the file for the sake of its own DAG alone."""
    return get_parsing_context().dag_id in (None, dag_id)


def of_the_hub() -> dict[str, Any]:
    """Return what all DAGs have in common that are no department's."""
    return {
        "start_date": FIRST_DAY,
        "catchup": False,
        "max_active_runs": 1,
        "dagrun_timeout": LONGEST_RUN,
        "default_args": {"owner": OWNER, "on_failure_callback": tell_given_up, **RETRIES},
    }


def library(resource: str) -> Asset:
    """Return the asset that stands for the golden records of a resource."""
    return Asset(name=resource, uri=f"x-hub://library/{resource}", group="library")


def deadline(source: str) -> DeadlineAlert:
    """Return the alert for a run over a source that is not done in time."""
    late = SyncCallback("dags.orders.tell_late", kwargs={"source": source})
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, EXPECTED, late, name=f"late_{source}")


@contextmanager
def hub_opened(*, systems: bool = False) -> Iterator[Hub]:
    """Open the hub for one task. What goes wrong goes on without the words of other libraries, which Airflow would log."""
    from hub.composition import open_hub
    from infra.settings import load_settings

    try:
        with open_hub(load_settings(), systems=systems) as hub:
            yield hub
    except (HubError, AirflowException) as error:
        error.__cause__, error.__suppress_context__ = None, True
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its words may quote a value
        raise AirflowException(describe(error)) from None


def parent_of(task: Any, run: Any) -> "Parent | None":
    """Return a task's own run as lineage backends know it, by the ids that Airflow's OpenLineage provider gives."""
    at = None if run is None else run.logical_date or run.run_after
    if task is None or at is None:
        return None
    from openlineage.client.uuid import generate_static_uuid

    from hub.openlineage.told import Parent

    namespace = conf.get(
        "openlineage", "namespace", fallback=os.environ.get("OPENLINEAGE_NAMESPACE", "default")
    )
    of_run = f"{namespace}.{task.dag_id}.{run.clear_number or 0}"
    of_task = f"{namespace}.{task.dag_id}.{task.task_id}.{task.try_number}.{task.map_index}"
    ids = [str(generate_static_uuid(at, name.encode())) for name in (of_task, of_run)]
    return Parent(namespace, f"{task.dag_id}.{task.task_id}", ids[0], task.dag_id, ids[1])


def tell_given_up(context: Mapping[str, Any]) -> None:
    """Record that a task failed for good; Airflow calls it after the last try."""
    from hub.misses import record_duty_given_up, record_given_up

    task = context["ti"]
    told = {"error": context.get("exception"), "run": task.run_id, "tries": task.try_number}
    with hub_opened() as hub:
        source = source_of_dag(task.dag_id)
        if task.dag_id == ingest_dag_name(source):
            record_given_up(hub, source, **told)
        else:
            record_duty_given_up(hub, task.dag_id, **told)


def tell_late(source: str, context: Mapping[str, Any] | None = None) -> None:
    """Record that a run over a source is late; Airflow calls it when the deadline has passed."""
    from hub.misses import record_late

    run = str((context or {}).get("dag_run", {}).get("dag_run_id", ""))
    with hub_opened() as hub:
        record_late(hub, source, run=run, minutes=int(EXPECTED.total_seconds() // 60))
