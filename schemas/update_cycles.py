"""How often a resource is brought up to date: the catalogue's update cycles (更新周期) as cron expressions.

The cycles are those of the Compilation Guide for Government Information Resource Catalogues (2017); ``other`` has no clock.
Times are China's; whatever is slower than a day runs at night, when departments' systems are idle.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from croniter import croniter

from schemas.errors import DefinitionError

CYCLES: Mapping[str, str] = {
    "real_time": "*/10 * * * *",
    "daily": "0 2 * * *",
    "weekly": "0 2 * * 1",
    "monthly": "0 2 1 * *",
    "quarterly": "0 2 1 */3 *",
    "half_yearly": "0 2 1 */6 *",
    "yearly": "0 2 1 1 *",
}
BY_HAND = "other"
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
_FIELDS = 5


def cron_of(schedule: str) -> str | None:
    """Return the cron expression of an update cycle's name, or of a cron expression itself; None for ``other``.

    Raises ``DefinitionError`` for what is neither.
    """
    if schedule == BY_HAND:
        return None
    cron = CYCLES.get(schedule, schedule)
    if len(cron.split()) != _FIELDS or not croniter.is_valid(cron):
        raise DefinitionError(
            f"schedule {schedule!r} is neither an update cycle nor a cron expression of five fields.",
            hint=f"Cycles are: {', '.join((*CYCLES, BY_HAND))}.",
        )
    return cron


def after(cron: str, moment: datetime) -> datetime:
    """Return when a cron expression, in China's time, next comes after a moment."""
    found: datetime = croniter(cron, moment.astimezone(CHINA)).get_next(datetime)
    return found
