"""Every run over a source is on record, those that fail and those that find nothing new too, with its scorecard.

Run, scorecard and ledger entry commit together, after the last batch. A process killed outright leaves no run; its
committed batches are there.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from audit.entry import Entry, Kind
from audit.recording import append_sync
from base_libraries import shapes
from connectors.source import Source
from connectors.window import Window
from hub import scorecards
from hub.composition import Hub
from hub.openlineage.announcing import Announcement, Counts, begun
from hub.openlineage.told import Parent, Problem
from infra.database import Role
from schemas.errors import BatchRefused, HubError, SchemaDrift

_log = logging.getLogger(__name__)
LONGEST_DETAIL = 1000  # characters


@dataclass(frozen=True)
class Ended:
    """How a run ended: ``done``, ``refused``, ``failed`` or ``stopped``; the error's code, words and context."""

    outcome: str
    problem: str | None = None
    detail: str | None = None
    refusal: BatchRefused | None = None
    title: str = ""
    drift: SchemaDrift | None = None


@contextmanager
def recorded(
    hub: Hub, source: Source, counts: Counts, window: Window | None = None, parent: Parent | None = None
) -> Iterator[None]:
    """Record how the block ends, and which window it read again, if it did; what it raises goes on.

    A lineage backend, where there is one, hears of its begin and its end, and whose part it is: ``parent``.
    """
    began = datetime.now(UTC)
    resource = hub.resources[source.resource]
    announcement = begun(hub.outbox, hub.settings, hub.database, source, resource, began, window, parent)
    run = _Recording(hub, source, counts, began, window, announcement)
    try:
        yield
    except BaseException as error:
        try:
            run.record(_ended(error))
        except HubError as failure:  # the database that broke the run off takes no record of it either
            _log.warning("The run over %s that failed is not on record: %s", source.code, failure)
        raise
    run.record(Ended("done"))


def _ended(error: BaseException) -> Ended:
    if isinstance(error, BatchRefused):
        return Ended("refused", error.code, error.detail, error, error.title)
    if isinstance(error, HubError):
        drift = error if isinstance(error, SchemaDrift) else None
        return Ended("failed", error.code, error.detail[:LONGEST_DETAIL], title=error.title, drift=drift)
    # What another library says may quote a value, so only its kind is kept.
    return Ended("failed" if isinstance(error, Exception) else "stopped", type(error).__name__)


@dataclass(frozen=True)
class _Recording:
    hub: Hub
    source: Source
    counts: Counts
    began: datetime
    window: Window | None
    announcement: Announcement

    def record(self, ended: Ended) -> None:
        """Put the run on record, and only then tell others how it ended."""
        now = datetime.now(UTC)
        number = self._kept(ended, now)
        problem = Problem(ended.problem, ended.title) if ended.problem else None
        self.announcement.ended(now, ended.outcome, self.counts, problem, number)

    def _kept(self, ended: Ended, now: datetime) -> int:
        hub, source, counts = self.hub, self.source, self.counts
        with hub.database.engine(Role.APPLICATION).begin() as connection:
            number = _insert(connection, self, ended, now)
            card = scorecards.keep(connection, source, hub.resources[source.resource], now)
            told: dict[str, Any] = {"run": number, "batches": counts.batches, "pulled": counts.pulled}
            told |= {} if card.total is None else {"score": round(card.total, 2)}
            told |= ended.refusal.context if ended.refusal else {}
            told |= _refused(connection, source.code, ended.drift) if ended.drift else {}
            entry = Entry(
                kind=Kind.INGEST, action="ingest.run", outcome=ended.outcome, problem=ended.problem,
                actor=f"source:{source.code}", resource=source.resource, facts=told, at=now,
            )  # fmt: skip
            append_sync(connection, entry)
        return number


def _refused(connection: Connection, source: str, drift: SchemaDrift) -> dict[str, Any]:
    """Keep the columns for which the run was broken off; the ledger's entry names them by number."""
    if not drift.changes:
        return {}
    return {"shape": shapes.refuse(connection, source, drift.found, drift.changes)}


def _insert(connection: Connection, run: _Recording, ended: Ended, now: datetime) -> int:
    refusal, source, window = ended.refusal, run.source, run.window
    found = connection.execute(
        text(
            "INSERT INTO library.run (source, resource, outcome, problem, detail, digest, report, batches, pulled, started_at, "
            "ended_at, window_from, window_to, lineage) VALUES (:source, :resource, :outcome, :problem, :detail, :digest, "
            "CAST(:report AS jsonb), :batches, :pulled, :began, :ended, :since, :until, :lineage) RETURNING number"
        ),
        {
            "source": source.code, "resource": source.resource, "outcome": ended.outcome, "problem": ended.problem,
            "detail": ended.detail, "digest": refusal.context.get("digest") if refusal else None,
            "report": json.dumps(list(refusal.report)) if refusal else None, "batches": run.counts.batches,
            "pulled": run.counts.pulled, "began": run.began, "ended": now,
            "since": window and window.since, "until": window and window.until, "lineage": run.announcement.state,
        },
    )  # fmt: skip
    return int(found.scalar_one())


def newest_runs(connection: Connection, sources: list[str], number: int) -> list[dict[str, Any]]:
    """Return the newest runs of the sources, the newest first; those that merely found nothing new left out."""
    found = connection.execute(
        text(
            "SELECT number, source, ended_at, outcome, problem, detail, batches, pulled FROM library.run "
            "WHERE source = ANY(:sources) AND (outcome <> 'done' OR batches > 0) ORDER BY number DESC LIMIT :number"
        ),
        {"sources": sources, "number": number},
    )
    return [dict(row) for row in found.mappings()]
