"""Spending what agreements allow, exactly: in the transaction that puts calls on record, under a lock on each agreement's row.

Three steps on one connection, the caller commits: ``hold`` the rows, judge each draw by the terms that count, ``store``. Two
processes take turns at a row, and a process that dies holds nothing. Quotas are counted by the call's own day, rates by the
database's clock, which is one for all processes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from catalog.agreement import Agreement
from catalog.allowance import Spent
from catalog.asking import Asking
from catalog.terms import SPENDING, Circumstances, Refusal, Term
from schemas.working_days import Calendar

if TYPE_CHECKING:
    import asyncpg

_SELECT = "SELECT agreement, day, used, full_at FROM catalog.agreement_use WHERE agreement = ANY({})"
# In one order, so that nobody waits in a circle; and with the time at which each row was locked, which is outside of what locks.
_HOLD = f"SELECT held.*, clock_timestamp() AS now FROM ({_SELECT.format('$1')} ORDER BY agreement FOR UPDATE) held"
_BEGIN = (
    "INSERT INTO catalog.agreement_use (agreement, day, used) SELECT agreement, $2, 0 FROM unnest($1::text[]) agreement "
    "ORDER BY agreement ON CONFLICT DO NOTHING"
)
_STORE = (
    "UPDATE catalog.agreement_use u SET day = n.day, used = n.used, full_at = n.full_at "
    "FROM unnest($1::text[], $2::date[], $3::bigint[], $4::timestamptz[]) n(agreement, day, used, full_at) "
    "WHERE u.agreement = n.agreement"
)
_GOING_ON = tuple(term for term in SPENDING if term.name != "rate")


@dataclass(frozen=True, slots=True)
class Draw:
    """What a call that was found to be allowed spends of its agreement; ``at`` is the call's moment.

    One that goes on, portion by portion, was counted as a call when it began.
    """

    agreement: Agreement
    call: Asking
    at: datetime
    goes_on: bool = False

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms that are asked of it."""
        return _GOING_ON if self.goes_on else SPENDING


@dataclass(slots=True)
class Held:
    """Rows of agreements held for a transaction, and the database's time under their locks."""

    spent: dict[str, Spent]
    now: datetime
    calendar: Calendar

    def draw(self, draw: Draw) -> Refusal | Spent:
        """Spend, and return what is spent now as the call's own clock has it; or why it may not."""
        agreement, spent = draw.agreement, self.spent[draw.agreement.id]
        around = Circumstances(self.calendar, {agreement.id: self.seen(spent, draw.at)})
        for term in draw.terms:
            if (refused := term.refusal(agreement, draw.call, draw.at, around)) is not None:
                return refused
        day = max(spent.day, self.calendar.day(draw.at))
        rate = None if draw.goes_on else agreement.rate
        full_at = rate.after(spent.full_at, self.now) if rate else spent.full_at
        self.spent[agreement.id] = after = Spent(day, spent.on(day) + draw.call.number_of_keys, full_at)
        return self.seen(after, draw.at)

    def seen(self, spent: Spent, at: datetime) -> Spent:
        """Return what is spent with its moment as a clock tells it on which it is ``at`` now."""
        return spent if spent.full_at is None else replace(spent, full_at=at + (spent.full_at - self.now))


async def hold(connection: "asyncpg.Connection", draws: Sequence[Draw], calendar: Calendar) -> Held:
    """Lock the rows of what is drawn on, until the transaction ends."""
    names = sorted({draw.agreement.id for draw in draws})
    rows = await connection.fetch(_HOLD, names)
    if len(rows) < len(names):
        await connection.execute(_BEGIN, names, calendar.day(draws[0].at))
        rows = await connection.fetch(_HOLD, names)
    now = max(row["now"] for row in rows)
    return Held({row["agreement"]: _spent(row) for row in rows}, now, calendar)


async def store(connection: "asyncpg.Connection", held: Held, changed: Iterable[str]) -> None:
    """Write what is spent of the agreements named."""
    if names := sorted(set(changed)):
        spent = [held.spent[name] for name in names]
        columns = [[one.day for one in spent], [one.used for one in spent], [one.full_at for one in spent]]
        await connection.execute(_STORE, names, *columns)


async def spent_of(
    connection: "asyncpg.Connection", agreements: Sequence[Agreement], at: datetime
) -> dict[str, Spent]:
    """Return what is spent of agreements, as a clock has it on which it is ``at`` now; nothing is spent by asking."""
    rows = await connection.fetch(
        _SELECT.format("$1").replace(" FROM", ", clock_timestamp() AS now FROM"), _ids(agreements)
    )
    return {row["agreement"]: _as_seen(row, at) for row in rows}


def spent_now(connection: Connection, agreements: Sequence[Agreement], at: datetime) -> dict[str, Spent]:
    """Return the same by a connection that waits."""
    query = _SELECT.format(":names").replace(" FROM", ", clock_timestamp() AS now FROM")
    rows = connection.execute(text(query), {"names": _ids(agreements)}).mappings()
    return {row["agreement"]: _as_seen(row, at) for row in rows}


def _ids(agreements: Sequence[Agreement]) -> list[str]:
    return [agreement.id for agreement in agreements if agreement.is_spent]


def _spent(row: Mapping[str, Any]) -> Spent:
    return Spent(row["day"], row["used"], row["full_at"])


def _as_seen(row: Any, at: datetime) -> Spent:
    spent = _spent(row)
    return spent if spent.full_at is None else replace(spent, full_at=at + (spent.full_at - row["now"]))
