"""DAGs of what is due by the clock: the quarantine's ageing, the pages that show what the gate found, the duties of sharing, neighbours' catalogues."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, chain, task
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from dags.orders import TIMEZONE, hub_opened, of_the_hub, wanted


def escalate() -> dict[str, int]:
    """Escalate what has lain in the quarantine for too long; returns how many entries, by source."""
    from hub.quarantine import WORKING_DAYS
    from hub.quarantine import escalate as escalate_late

    with hub_opened() as hub:
        return escalate_late(hub, WORKING_DAYS, "dag:quarantine_ageing")


def data_docs() -> str:
    """Write Data Docs anew; returns where they are."""
    from hub.data_docs import build

    with hub_opened() as hub:
        return str(build(hub))


def go_round() -> dict[str, dict[str, int]]:
    """Do what is due of applications, agreements and objections; returns that, and what stands undone. Fails where a matter could not be dealt with."""
    from hub.duties.going_round import go_round as go_round_of

    with hub_opened() as hub:
        gone = go_round_of(hub)
        if gone.failed:
            raise AirflowException(f"These could not be dealt with, the rest was: {', '.join(gone.failed)}.")
    return {"done": dict(gone.done), "found": dict(gone.found)}


def notify() -> dict[str, int]:
    """Tell what newly stands undone by webhook and mail; skipped where neither is set. Fails where somebody could not be told."""
    from hub.duties.channels import any_set, channels_of
    from hub.duties.telling import tell

    with hub_opened() as hub:
        if not any_set(hub.settings):
            raise AirflowSkipException(
                "Nobody is to be told: neither HUB_WEBHOOK_URL nor HUB_SMTP_URL is set."
            )
        with channels_of(hub) as channels:
            done = tell(hub, channels)
        if done.failed:
            raise AirflowException(f"These could not be told: {', '.join(done.failed)}.")
    return done.told


def harvest() -> dict[str, int]:
    """Harvest the neighbours' catalogues; returns how many datasets each showed. Skipped where none is registered; fails where one could not be."""
    from hub.neighbours.harvesting import harvest_all, harvester

    with hub_opened() as hub:
        done, failed = harvest_all(harvester(hub.settings, hub.database, "dag:neighbour_catalogues"))
    if failed:
        raise AirflowException(f"These could not be harvested, the rest was: {', '.join(failed)}.")
    if not done:
        raise AirflowSkipException("No neighbour's catalogue is registered.")
    return {code: run.seen for code, run in done.items()}


@dataclass(frozen=True)
class Duty:
    """What is done at its times, one work after the other; ``cron`` in China's time."""

    name: str
    title: str
    about: str
    cron: str
    tag: str
    works: tuple[Callable[[], Any], ...]


DUTIES = (
    Duty("quarantine_ageing", "隔离数据时限", "Escalate what its department has not repaired in time", "0 7 * * *", "quarantine", (escalate,)),
    Duty("data_docs", "数据质量文档", "Publish what the gate found, source by source", "30 6 * * *", "quality", (data_docs,)),
    Duty("sharing_duties", "共享履职", "Do what is due of sharing, and count what stands undone", "30 7 * * *", "sharing", (go_round, notify)),
    Duty("neighbour_catalogues", "邻域目录采集", "Harvest the catalogues of neighbours", "0 5 * * *", "catalogue", (harvest,)),
)  # fmt: skip


def duty_dag(duty: Duty) -> DAG:
    """Return the DAG of one duty."""
    with DAG(
        dag_id=duty.name,
        dag_display_name=duty.title,
        description=duty.about,
        schedule=CronDataIntervalTimetable(duty.cron, timezone=TIMEZONE),
        tags={"duty", duty.tag},
        **of_the_hub(),
    ) as dag:
        chain(*(task(task_id=work.__name__)(work)() for work in duty.works))
    return dag


for _duty in DUTIES:
    if wanted(_duty.name):
        duty_dag(_duty)
