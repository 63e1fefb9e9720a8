"""What is due: every source's schedule held against its last successful run. The same clock that Airflow goes by.

A source that is pushed to is never due to be pulled: it is told when its next delivery is expected, and whether that is late.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from connectors.source import Source
from hub.composition import Hub
from hub.pauses import Pause, paused
from infra.database import Role
from quality.deliveries import CYCLES, GRACE
from schemas.resource import resource_named
from schemas.update_cycles import after, cron_of

_SUCCEEDED = text("""
    SELECT source, max(ended_at) AS ended_at FROM library.run
    WHERE outcome = 'done' AND window_from IS NULL GROUP BY source
""")
_PUSHED = text(
    "SELECT source, max(recorded_at) AS at FROM library.batch WHERE pull_window LIKE 'push %' GROUP BY source"
)
PUSH = "push"


@dataclass(frozen=True)
class Due:
    """When a source is to be pulled next. ``cron`` is None where it is pulled by hand; times know their zone.

    A source that was never pulled is due since ever: ``next_due`` is None with a ``cron``, and nothing tells by how much.
    One that is ``pushed`` has no ``cron``: its last success is its last delivery, and it is expected again by ``next_due``.
    """

    source: str
    department: str
    cycle: str
    cron: str | None
    last_success: datetime | None
    next_due: datetime | None
    overdue: timedelta | None
    pause: Pause | None
    pushed: bool = False

    @property
    def is_due(self) -> bool:
        """Whether it is to be pulled now."""
        never = self.cron is not None and self.last_success is None
        return self.pause is None and not self.pushed and (never or self.overdue is not None)

    @property
    def state(self) -> str:
        """One of paused, by hand, due, waiting; of a source that is pushed to paused, expected, late."""
        if self.pause is not None:
            return "paused"
        if self.pushed:
            return "expected" if self.overdue is None else "late"
        if self.cron is None:
            return "by hand"
        return "due" if self.is_due else "waiting"


def schedule_of(source: Source) -> str:
    """Return what a source's pulls follow: its own schedule, else the update cycle of its resource."""
    return source.schedule or resource_named(source.resource).update_cycle


def timetable(hub: Hub, now: datetime) -> list[Due]:
    """Return when each registered source is due, in order of ordinal."""
    stopped = paused(hub)
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        succeeded = {row.source: row.ended_at for row in connection.execute(_SUCCEEDED)}
        pushed = {row.source: row.at for row in connection.execute(_PUSHED)}
    return [
        _expected(source, pushed.get(code), stopped.get(code), now)
        if source.connector == PUSH
        else _due(source, succeeded.get(code), stopped.get(code), now)
        for code, source in hub.sources.items()
    ]


def due_now(timetable: Iterable[Due]) -> list[str]:
    """Return the codes of the sources to pull now, those that wait longest first."""
    waiting = [due for due in timetable if due.is_due]
    return [due.source for due in sorted(waiting, key=lambda due: due.overdue or timedelta.max, reverse=True)]


def _due(source: Source, last: datetime | None, pause: Pause | None, now: datetime) -> Due:
    cycle = schedule_of(source)
    cron = cron_of(cycle)
    following = after(cron, last) if cron and last else None
    overdue = now - following if following and following <= now else None
    return Due(source.code, source.department, cycle, cron, last, following, overdue, pause)


def _expected(source: Source, last: datetime | None, pause: Pause | None, now: datetime) -> Due:
    """Hold the last push against the cycle, with the same grace as its timeliness is scored with."""
    cycle = schedule_of(source)
    cron = None if cycle in CYCLES else cron_of(cycle)
    by = None
    if last is not None and (cron or cycle in CYCLES):
        by = after(cron, last) if cron else last + CYCLES[cycle] * (1 + GRACE)
    overdue = now - by if by and by <= now else None
    return Due(source.code, source.department, cycle, None, last, by, overdue, pause, pushed=True)
