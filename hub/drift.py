"""What a run makes of a change in its source's columns: by the source's policy, with what depends on it told.

A change that is refused travels with the error to the record of the run, which keeps both in one transaction.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from audit.recording import record_administration
from base_libraries import batches, shapes
from base_libraries.shapes import Drift, Past
from connectors import drift
from connectors.batch import Batch, Shape
from connectors.drift import Change
from connectors.pull import glimpse
from connectors.source import Source
from connectors.standardise import PROBLEMS, Standardised
from hub.composition import Hub
from infra.database import Role
from quality.rules import DRIFT
from schemas.errors import MissingColumn, NothingToAccept, SchemaDrift


@dataclass(frozen=True)
class Found:
    """The shape a batch came with, what changed, and what is made of it; ``outcome`` is None where nothing changed."""

    shape: Shape
    changes: tuple[Change, ...]
    outcome: str | None


class Watch:
    """Compares each batch of a run with what is known of its source's columns."""

    def __init__(self, source: Source, past: Past) -> None:
        self._source, self._known, self._waiting = source, past.known, past.waiting

    def over(self, pulled: Generator[Batch, None, None]) -> Generator[Batch, None, None]:
        """Hand batches on; where the reader finds columns missing, tell what changed. Raises ``MissingColumn`` as it does."""
        with closing(pulled):
            try:
                yield from pulled
            except MissingColumn as missing:
                found = drift.refused(self._source, self._known, missing)
                missing.changes = [change.record() for change in found]
                raise

    def look(self, batch: Batch) -> Found:
        """Raises ``SchemaDrift`` where the policy is to refuse."""
        if not batch.shape:
            return Found({}, (), None)
        found = drift.changes(
            self._source, drift.expected(self._source, self._known, batch.shape), batch.shape
        )
        touching = drift.touching(self._source, found)
        if touching and self._source.drift == "freeze":
            raise self._refusal(batch, found, touching)
        if touching and self._source.drift == "quarantine":
            self._waiting = True
            return Found(batch.shape, found, "quarantined")
        return Found(batch.shape, found, self._taken(batch, found))

    def _taken(self, batch: Batch, found: tuple[Change, ...]) -> str | None:
        """Take the batch's shape for known, and say what that is: a return where a change was waiting to be accepted."""
        returned = "returned" if self._waiting else None
        outcome = "first" if not self._known else "taken" if found else returned
        self._known, self._waiting = drift.merged(self._known, batch.shape), False
        return outcome

    def _refusal(self, batch: Batch, found: tuple[Change, ...], touching: tuple[Change, ...]) -> SchemaDrift:
        code = self._source.code
        return SchemaDrift(
            f"Source {code}: {'; '.join(change.title for change in touching)}.",
            hint=f"See `hub source drift {code}`; correct the definition, or accept the change.",
            columns=[change.column for change in touching],
            found=batch.shape,
            changes=[change.record() for change in found],
            source=code,
            column=touching[0].column,
        )


def kept_out(source: Source, standard: Standardised, found: Found) -> Standardised:
    """Make every row of the batch a problem of drift, so that the gate keeps it until a person has looked.

    A column that feeds no item names or orders rows: what became of it is told at the key.
    """
    rows = standard.table.num_rows
    told = []
    for change in drift.touching(source, found.changes):
        for item in change.items or (source.key,):
            words = pa.repeat(pa.scalar(change.title, pa.string()), rows)
            names = [pa.repeat(pa.scalar(name, pa.string()), rows) for name in (item, DRIFT)]
            told.append(pa.Table.from_arrays([pa.array(np.arange(rows)), *names, words], schema=PROBLEMS))
    return replace(standard, problems=pa.concat_tables([standard.problems, *told]))


def accept(hub: Hub, code: str, actor: str) -> bool:
    """Take the shape that was refused or quarantined last for known, on the ledger; False when none waits.

    The system is looked at before. Raises ``NothingToAccept`` where its columns are no longer those, or cannot be read with
    them either, and a ``SourceError`` where it cannot be read at all.
    """
    source = hub.source(code)
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        waiting = shapes.waiting(connection, code)
    if waiting is None:
        return False
    _require_still_there(hub, source, waiting)
    _require_readable(source, waiting)
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        if taken := shapes.accept(connection, code, waiting.number):
            facts = {"shape": waiting.number, "changes": len(waiting.changes)}
            record_administration(connection, actor=actor, action="source.accept", target=code, facts=facts)
    return taken


def _require_readable(source: Source, waiting: Drift) -> None:
    needed = [change["column"] for change in waiting.changes if change.get("needed")]
    if lacking := [repr(column) for column in needed if column in source.columns]:
        raise NothingToAccept(
            f"Source {source.code} is not read without column {', '.join(lacking)}, accepted or not.",
            hint="Correct its definition: name the column as it is called now, or take it out.",
            source=source.code,
        )


def _require_still_there(hub: Hub, source: Source, waiting: Drift) -> None:
    """Look at the next rows; of a push, and where rows wait in the quarantine only, what was seen last is all there is."""
    now = None if source.connector == "push" else _next_shape(hub, source)
    if now is None and (source.connector == "push" or waiting.outcome == "quarantined"):
        return
    changed = [
        change
        for change in drift.changes(source, waiting.columns, now or {})
        if change.column in source.columns
    ]
    if now is None or changed:
        what = "; ".join(change.title for change in changed) or "nothing waits to be read there"
        raise NothingToAccept(
            f"The columns of {source.code} are not those that were {waiting.outcome} any more: {what}.",
            hint=f"Run `hub ingest {source.code}`, and accept what it then finds.",
            source=source.code,
        )


def _next_shape(hub: Hub, source: Source) -> Shape | None:
    """Read what the next run would read first, without storing it; None where nothing waits."""
    with hub.database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
        state = batches.watermark(cursor, source.code)
    batch = glimpse(source, hub.settings.batch_rows, state)
    return batch.shape if batch else None
