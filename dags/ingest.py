"""One Airflow DAG per source: pull what is new into its base library, as often as the source or its catalogue entry says.

A run plans what is to be read and reads each part in a task of its own, within what the department's system bears: all
sources of one system share a pool. A source runs once at a time: a second run would find it busy. A failed part is tried
again, for a rerun goes on from the last committed batch. Where nothing is new, the part is skipped, and nothing that follows
data is woken. What was pushed, or repaired by hand, since the last run is new: a source that is pushed to has a clock for that
alone, and pulls nothing. A paused source is skipped too, and one whose resource is withdrawn.

To read a window of the past again, trigger a run with ``window_from`` and ``window_to``, or let Airflow backfill: each of its
runs reads its own data interval.
"""

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from connectors.source import Source
from dags.orders import (
    FIRST_DAY,
    LONGEST_RUN,
    RETRIES,
    TIMEZONE,
    deadline,
    hub_opened,
    library,
    of_the_hub,
    parent_of,
    tell_given_up,
    wanted,
)
from hub.dag_names import ingest_dag_name
from hub.registered import registered_definitions
from hub.schedule import schedule_of
from hub.systems import system_of
from infra.settings import load_settings
from schemas.errors import DefinitionError, InvalidWindow, ResourceWithdrawn, SourcePaused
from schemas.resource import NAME, resource_named
from schemas.update_cycles import cron_of

COUNTS = ("batches", "pulled", "contributed", "unchanged", "quarantined", "created", "updated")
BACKFILL = "backfill"
BROKEN_CRON = "0 7 * * *"


def windows(
    code: str,
    params: dict[str, Any] | None = None,
    dag_run: Any = None,
    data_interval_start: Any = None,
    data_interval_end: Any = None,
) -> list[dict[str, Any]]:
    """Plan what a run reads: references only. Skips where the source is paused."""
    from connectors.window import Window
    from hub.pauses import check_not_paused
    from hub.windows import planned, window_of

    given = params or {}
    with hub_opened() as hub:
        try:
            check_not_paused(hub, code)
            window = window_of(given.get("window_from"), given.get("window_to"))
            if window is None and dag_run is not None and dag_run.run_type == BACKFILL:
                window = Window(data_interval_start, data_interval_end)
            return planned(hub, code, window)
        except SourcePaused as stopped:
            raise AirflowSkipException(str(stopped)) from None
        except InvalidWindow as wrong:
            raise AirflowFailException(str(wrong)) from None  # it will not be right the next time


def ingest(
    code: str, part: dict[str, Any], prev_end_date_success: Any = None, ti: Any = None, dag_run: Any = None
) -> dict[str, Any]:
    """Ingest one part of a source and return what happened, in counts. Skips where nothing was new.

    New is also what came since the last run without it: what follows data has yet to hear of that.
    """
    from hub.following import arrived
    from hub.ingest import ingest_source
    from hub.windows import part_window

    last = prev_end_date_success  # stands for a time that Airflow is only asked for when it is looked at
    since = datetime.fromisoformat(last.isoformat()) if last else None
    with hub_opened(systems=True) as hub:
        try:
            report = ingest_source(hub, code, window=part_window(part), parent=parent_of(ti, dag_run))
        except (SourcePaused, ResourceWithdrawn) as stopped:
            raise AirflowSkipException(str(stopped)) from None
        if not report.batches and not arrived(hub, code, since):
            raise AirflowSkipException(f"Source {code} has nothing new.")
    return {"source": code} | {name: getattr(report, name) for name in COUNTS}


def ingest_dag(source: Source) -> DAG:
    """Return the DAG of one source."""
    resource = resource_named(source.resource)
    cron = cron_of(schedule_of(source))
    with DAG(
        dag_id=ingest_dag_name(source.code),
        dag_display_name=source.title,
        description=f"{source.title} → {resource.title}",
        doc_md=__doc__,
        schedule=CronDataIntervalTimetable(cron, timezone=TIMEZONE) if cron else None,
        start_date=FIRST_DAY,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=LONGEST_RUN,
        deadline=deadline(source.code),
        tags={"ingest", source.connector, resource.library or resource.code},
        params={"window_from": _time(), "window_to": _time()},
        default_args={"owner": source.department, "on_failure_callback": tell_given_up, **RETRIES},
    ) as dag:
        parts = task(task_id="windows")(windows)(source.code)
        pull = task(
            task_id="ingest",
            pool=system_of(source),
            max_active_tis_per_dag=1,
            outlets=[library(resource.code)],
        )(ingest)
        pull.partial(code=source.code).expand(part=parts)
    return dag


def _time() -> Param:
    return Param(None, type=["null", "string"], description="ISO 8601; both or none, see docs/airflow.md")


def refused(code: str) -> None:
    """Tell what is wrong with the definition of a source, as long as something is."""
    with hub_opened() as hub:
        try:
            hub.source(code)
        except DefinitionError as error:
            raise AirflowFailException(str(error)) from None


def broken_dag(code: str) -> DAG:
    """Return the DAG in place of a source whose definition is wrong: it fails every day, rather than be missed by nobody."""
    with DAG(
        dag_id=ingest_dag_name(code),
        description="The definition of this source is wrong; nothing is pulled",
        schedule=CronDataIntervalTimetable(BROKEN_CRON, timezone=TIMEZONE),
        tags={"ingest", "broken"},
        **of_the_hub(),
    ) as dag:
        task(task_id="refused")(refused)(code)
    return dag


_found = registered_definitions(load_settings())
for _source in _found.sources.values():
    if wanted(ingest_dag_name(_source.code)):
        ingest_dag(_source)
for _code in sorted({broken.code for broken in _found.broken} - set(_found.sources)):
    if NAME.match(_code) and wanted(ingest_dag_name(_code)):
        broken_dag(_code)
