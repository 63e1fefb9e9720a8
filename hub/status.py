"""What the hub holds, counted: libraries, sources and the ledger; and the calendar it counts by. No record is read."""

from typing import Any

from sqlalchemy import Connection, text

from base_libraries.storage import Tables
from hub.calendar import calendar_in
from hub.composition import Hub
from infra.clock import now
from infra.database import Role

_SOURCES = """
    SELECT source, count(*) AS batches, sum(pulled)::bigint AS pulled, sum(contributed)::bigint AS contributed,
           sum(unchanged)::bigint AS unchanged, sum(quarantined)::bigint AS quarantined, max(recorded_at) AS last
    FROM library.batch GROUP BY source ORDER BY source
"""
_LEDGER = "SELECT kind, outcome, count(*) AS entries FROM ledger.entry GROUP BY kind, outcome ORDER BY kind, outcome"


def read_status(hub: Hub) -> dict[str, list[list[Any]]]:
    """Return rows of tables: ``libraries``, ``sources`` (every registered one), ``broken`` definitions, ``ledger`` and ``calendar``."""
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        libraries = [
            [code, *_library(connection, Tables(resource))] for code, resource in hub.resources.items()
        ]
        known = {row.source: row for row in connection.execute(text(_SOURCES))}
        ledger = [list(row) for row in connection.execute(text(_LEDGER))]
    sources = []
    for code in hub.sources:
        row = known.get(code)
        counts = (
            [row.batches, row.pulled, row.quarantined, row.last.isoformat(" ", "seconds")]
            if row
            else [0, 0, 0, None]
        )
        sources.append([code, *counts])
    broken = [[one.code, one.name, str(one.error)] for one in hub.broken]
    return {
        "libraries": libraries,
        "sources": sources,
        "broken": broken,
        "ledger": ledger,
        "calendar": [_calendar(hub)],
    }


def _calendar(hub: Hub) -> list[Any]:
    """Return the first year that nobody told, the day from which on a deadline may need it, and whether that has come."""
    calendar, at = calendar_in(hub.settings), now()
    year, needed = calendar.first_lacking(at)
    return [year, calendar.day(needed).isoformat(), needed <= at]


def _library(connection: Connection, tables: Tables) -> list[int]:
    counted = (f"(SELECT count(*) FROM {name})" for name in (tables.golden, tables.history, tables.change))
    return list(connection.execute(text(f"SELECT {', '.join(counted)}")).one())
