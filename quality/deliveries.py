"""Timeliness and accessibility: what it tells of a source when it delivered, and whether it could be read.

=============  =============  =========================================================================================
score          dimension      counts
=============  =============  =========================================================================================
``punctual``   timeliness     updates due by the resource's cycle; dirty are those that did not come
``period``     timeliness     deliveries; dirty are those whose newest row was older than a cycle when it came
``sequence``   timeliness     deliveries after the first; dirty are those that tell of an earlier time than the last
``reachable``  accessibility  the last runs; dirty are those in which the department's system could not be read
=============  =============  =========================================================================================

Half a cycle of grace is given. A cycle that is not stated as a time (``other``) gives no basis.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import floor

from quality.report import RuleScore
from quality.rules import Dimension, Severity
from schemas.errors import SourceError

# Update cycles of the Compilation Guide for Government Information Resource Catalogues (2017), at their longest; the
# hub counts deliveries by day, so that real time means every day.
CYCLES: Mapping[str, timedelta] = {
    "real_time": timedelta(days=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=31),
    "quarterly": timedelta(days=92),
    "half_yearly": timedelta(days=184),
    "yearly": timedelta(days=366),
}
GRACE = 0.5


@dataclass(frozen=True)
class Delivery:
    """What came on one day: when its last batch was received, and when its newest row was observed, where it says so."""

    received_at: datetime
    newest: datetime | None = None


def timeliness(deliveries: Sequence[Delivery], update_cycle: str, now: datetime) -> list[RuleScore]:
    """Score the deliveries of a source, oldest first, against the update cycle of its resource."""
    cycle = CYCLES.get(update_cycle)
    dated = [(each.received_at, each.newest) for each in deliveries if each.newest]
    stale = [cycle and received - newest > cycle * (1 + GRACE) for received, newest in dated]
    backwards = [later < earlier for (_, earlier), (_, later) in pairwise(dated)]
    return [
        _score("punctual", *_punctual([each.received_at for each in deliveries], cycle, now)),
        _score("period", len(stale) if cycle else 0, sum(map(bool, stale))),
        _score("sequence", len(backwards), sum(backwards)),
    ]


def _punctual(moments: Sequence[datetime], cycle: timedelta | None, now: datetime) -> tuple[int, int]:
    if cycle is None or not moments:
        return 0, 0
    gaps = [later - earlier for earlier, later in pairwise([*moments, now])]
    missed = sum(max(0, floor(gap / cycle + GRACE) - 1) for gap in gaps)
    return len(moments) - 1 + missed, missed


def accessibility(problems: Iterable[str | None]) -> list[RuleScore]:
    """Score the last runs by their problem's code, ``None`` where there was none.

    A problem of the hub's own, or a batch that was read and then refused, says nothing against the department's system.
    """
    told = list(problems)
    unread = sum(problem in _UNREADABLE for problem in told)
    reached = sum(problem is None or problem == "batch_refused" for problem in told)
    rows = unread + reached
    return [RuleScore(None, "reachable", Dimension.ACCESSIBILITY, Severity.WARNING, rows, unread)]


def _score(name: str, rows: int, dirty: int) -> RuleScore:
    return RuleScore(None, name, Dimension.TIMELINESS, Severity.WARNING, rows, dirty)


def _codes(family: type[SourceError]) -> set[str]:
    return {family.code}.union(*(_codes(child) for child in family.__subclasses__()))


_UNREADABLE = frozenset(_codes(SourceError))
