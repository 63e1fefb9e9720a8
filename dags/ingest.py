"""One Airflow DAG per source: pull what is new into its base library, as often as the catalogue promises.

The schedule is the update cycle (更新周期) that the resource's catalogue entry states, at night in China. A source runs
once at a time: a second run would find it busy. A failed run is tried again, for a rerun goes on from the last
committed batch; one that takes too long is stopped, and the next goes on likewise.
"""

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG, Asset, CronTriggerTimetable, task

from connectors.definition import load_sources
from connectors.source import Source
from infra.settings import load_settings
from schemas.resource import resource_named

CHINA = timezone(timedelta(hours=8))
FIRST_DAY = datetime(2025, 8, 1, tzinfo=CHINA)  # Decree 809 is in force
# Update cycles of the Compilation Guide for Government Information Resource Catalogues (2017); other: by hand.
SCHEDULES = {
    "real_time": "*/10 * * * *",
    "daily": "0 2 * * *",
    "weekly": "0 2 * * 1",
    "monthly": "0 2 1 * *",
    "quarterly": "0 2 1 */3 *",
    "half_yearly": "0 2 1 */6 *",
    "yearly": "0 2 1 1 *",
}
COUNTS = ("batches", "pulled", "contributed", "unchanged", "quarantined", "created", "updated")
TRIES_AGAIN = 3
LONGEST_TASK = timedelta(hours=2)


class _LaterKnown(dict[str, str]):
    """Stands for variables whose values only the task needs: where the departments' systems are."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return name


def ingest(code: str) -> dict[str, Any]:
    """Ingest one source and return what happened, in counts."""
    from hub.composition import open_hub
    from hub.ingest import ingest_source

    with open_hub(load_settings(), systems=True) as hub:
        report = ingest_source(hub, code)
    return {"source": code} | {name: getattr(report, name) for name in COUNTS}


def ingest_dag(source: Source) -> DAG:
    """Return the DAG of one source."""
    resource = resource_named(source.resource)
    cron = SCHEDULES.get(resource.update_cycle)
    library = Asset(name=resource.code, uri=f"x-hub://library/{resource.code}")
    with DAG(
        dag_id=f"ingest_{source.code}",
        dag_display_name=source.title,
        description=f"{source.title} → {resource.title}",
        doc_md=__doc__,
        schedule=CronTriggerTimetable(cron, timezone="Asia/Shanghai") if cron else None,
        start_date=FIRST_DAY,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=(TRIES_AGAIN + 1) * LONGEST_TASK,
        tags={"ingest", source.connector, resource.library or resource.code},
        default_args={
            "owner": source.department,
            "retries": TRIES_AGAIN,
            "retry_delay": timedelta(minutes=5),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=30),
            "execution_timeout": LONGEST_TASK,
        },
    ) as dag:
        task(task_id="ingest", outlets=[library])(ingest)(source.code)
    return dag


for _source in load_sources(load_settings().sources, _LaterKnown()).values():
    ingest_dag(_source)
