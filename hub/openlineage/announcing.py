"""A run told to the lineage backend: its begin and its end; what became of the events stands on the run's record."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from audit.entry import new_entry_id
from base_libraries import shapes
from base_libraries.storage import Tables
from connectors.datasets import database_dataset, dataset_of
from connectors.source import Source
from connectors.window import Window
from hub.openlineage.outbox import SENT, Outbox, sender
from hub.openlineage.told import Counted, Parent, Problem, Told
from infra.database import Database, Role
from infra.settings import Settings
from quality.report import RuleScore
from schemas.resource import Resource

WAITING = "waiting"
_log = logging.getLogger(__name__)


class Counts(Protocol):
    """What a run has done so far."""

    batches: int
    pulled: int
    created: int
    updated: int
    closed: int
    scores: Sequence[RuleScore]


@dataclass
class Announcement:
    """One run's events; without an outbox nothing happens. ``run`` is the number of the run's record, once it has one."""

    outbox: Outbox | None = None
    database: Database | None = None
    told: Told | None = None
    run: int | None = None
    _outcomes: list[str] = field(default_factory=list)

    @property
    def state(self) -> str | None:
        """What a run's record says before its last event is settled."""
        return WAITING if self.outbox else None

    def ended(
        self, at: datetime, outcome: str, counts: Counts, problem: Problem | None, run: int | None
    ) -> None:
        """Hand over the last event of the run."""
        if self.outbox is None or self.told is None or self.database is None:
            return
        self.run = run
        written = counts.created + counts.updated + counts.closed
        counted = Counted(counts.pulled, written, tuple(counts.scores))
        made = partial(_ended, self.database, self.told, at, outcome, counted, problem)
        self.outbox.put(made, self._last_settled)

    def first_settled(self, outcome: str) -> None:
        """Remember what became of the first event."""
        self._outcomes.append(outcome)

    def _last_settled(self, outcome: str) -> None:
        told = next((one for one in (*self._outcomes, outcome) if one != SENT), SENT)
        if self.database is None or self.run is None:
            return
        try:
            with self.database.engine(Role.APPLICATION).begin() as connection:
                connection.execute(
                    text("UPDATE library.run SET lineage = :told WHERE number = :run"),
                    {"told": told, "run": self.run},
                )
        except SQLAlchemyError as error:
            _log.warning("What became of a run's events could not be noted (%s).", type(error).__name__)


def begun(
    outbox: Outbox | None,
    settings: Settings,
    database: Database,
    source: Source,
    resource: Resource,
    at: datetime,
    window: Window | None,
    parent: Parent | None,
) -> Announcement:
    """Tell that a run begins, where somebody is to be told."""
    if outbox is None:
        return Announcement()
    table = Tables(resource).golden
    written = database_dataset(database.url(Role.APPLICATION), table)
    run = str(new_entry_id())
    told = Told(run, settings.hub_id, source, resource, dataset_of(source), written, parent, window)
    announcement = Announcement(outbox, database, told)
    outbox.put(partial(_started, told, at), announcement.first_settled)
    return announcement


def _started(told: Told, at: datetime) -> Any:
    from hub.openlineage.events import started

    return started(told, at)


def _ended(
    database: Database, told: Told, at: datetime, outcome: str, counted: Counted, problem: Problem | None
) -> Any:
    from hub.openlineage.events import ended

    with database.engine(Role.APPLICATION).connect() as connection:
        types = shapes.columns(connection, told.source.code)
    return ended(told, at, outcome, replace(counted, types=types), problem)


@contextmanager
def opened_outbox(settings: Settings) -> Iterator[Outbox | None]:
    """Open the way to the backend that the settings name; None where they name none."""
    if settings.openlineage_url is None:
        yield None
        return
    seconds = settings.openlineage_seconds
    outbox = Outbox(sender(settings.openlineage_url, settings.openlineage_api_key, seconds), seconds)
    try:
        yield outbox
    finally:
        outbox.close()


def told_runs(connection: Connection, source: str | None, number: int) -> list[dict[str, Any]]:
    """Return the newest runs, of one source or all, with what became of their events, the newest first."""
    found = connection.execute(
        text(
            "SELECT number, source, ended_at, outcome, batches, pulled, lineage FROM library.run "
            "WHERE CAST(:source AS text) IS NULL OR source = :source ORDER BY number DESC LIMIT :number"
        ),
        {"source": source, "number": number},
    )
    return [dict(row) for row in found.mappings()]
