"""DAGs of what is due by the clock: the quarantine's ageing, and the pages that show what the gate found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, task

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


@dataclass(frozen=True)
class Duty:
    """What is done at its times; ``cron`` in China's time."""

    name: str
    title: str
    about: str
    cron: str
    tag: str
    work: Callable[[], Any]


DUTIES = (
    Duty("quarantine_ageing", "隔离数据时限", "Escalate what its department has not repaired in time", "0 7 * * *", "quarantine", escalate),
    Duty("data_docs", "数据质量文档", "Publish what the gate found, source by source", "30 6 * * *", "quality", data_docs),
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
        task(task_id=duty.work.__name__)(duty.work)()
    return dag


for _duty in DUTIES:
    if wanted(_duty.name):
        duty_dag(_duty)
