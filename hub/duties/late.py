"""What is late on its way through a workflow: one query by the index of due dates, for every duty of a matter alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time

from sqlalchemy import select, text

from catalog.tables import MATTER
from catalog.workflow import Side
from hub.duties.duty import Ground, Lack
from schemas.working_days import ONE_DAY

_UNSUPPLIED = text("""
    SELECT r.id, r.organisation, r.due_on FROM catalog.responsibility AS r LEFT JOIN catalog.entry AS e ON e.id = r.entry
    WHERE e.in_force IS NULL AND r.due_on < :today ORDER BY r.due_on, r.id
""")


@dataclass(frozen=True, slots=True)
class Late:
    """Finds the matters of a workflow whose duty is late, in those states or in any; told to the side that is named."""

    kind: str
    duty: str
    side: Side
    states: tuple[str, ...] = ()

    def __call__(self, ground: Ground) -> Iterator[Lack]:
        """Find them, the latest first."""
        query = select(MATTER).where(
            MATTER.c.due_at <= ground.at, MATTER.c.kind == self.kind, MATTER.c.duty == self.duty
        )
        if self.states:
            query = query.where(MATTER.c.state.in_(self.states))
        for row in ground.connection.execute(query.order_by(MATTER.c.due_at, MATTER.c.id)).mappings():
            yield Lack(row["id"], row["parties"].get(self.side.value), row["opened_at"], row["due_at"])


def unsupplied(ground: Ground) -> Iterator[Lack]:
    """Find the responsibilities that no entry in force meets after their day."""
    today = ground.calendar.day(ground.at)
    for row in ground.connection.execute(_UNSUPPLIED, {"today": today}):
        due = datetime.combine(row.due_on + ONE_DAY, time(), ground.calendar.zone).astimezone(UTC)
        yield Lack(row.id, row.organisation, due=due)
