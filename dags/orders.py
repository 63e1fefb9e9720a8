"""What all DAGs have in common: their assets, how often a task is tried, when it is stopped, who hears of its failure."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowException

from hub.composition import Hub
from hub.dag_names import source_of_dag
from infra.telemetry import describe
from schemas.errors import HubError
from schemas.update_cycles import CHINA

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


def tell_given_up(context: Mapping[str, Any]) -> None:
    """Record that a task over a source failed for good; Airflow calls it after the last try."""
    from hub.misses import record_given_up

    task = context["ti"]
    with hub_opened() as hub:
        source = source_of_dag(task.dag_id)
        record_given_up(hub, source, error=context.get("exception"), run=task.run_id, tries=task.try_number)


def tell_late(source: str, context: Mapping[str, Any] | None = None) -> None:
    """Record that a run over a source is late; Airflow calls it when the deadline has passed."""
    from hub.misses import record_late

    run = str((context or {}).get("dag_run", {}).get("dag_run_id", ""))
    with hub_opened() as hub:
        record_late(hub, source, run=run, minutes=int(EXPECTED.total_seconds() // 60))
