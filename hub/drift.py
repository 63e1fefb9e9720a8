"""What a run makes of a change in its source's columns: by the source's policy, with what depends on it told."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from audit.recording import record_administration
from base_libraries import shapes
from connectors import drift
from connectors.batch import Batch, Shape
from connectors.drift import Change
from connectors.source import Source
from connectors.standardise import PROBLEMS, Standardised
from hub.composition import Hub
from infra.database import Role
from quality.rules import DRIFT
from schemas.errors import SchemaDrift


@dataclass(frozen=True)
class Found:
    """The shape a batch came with, what changed, and what is made of it; ``outcome`` is None where nothing changed."""

    shape: Shape
    changes: tuple[Change, ...]
    outcome: str | None


class Watch:
    """Compares each batch of a run with what is known of its source's columns."""

    def __init__(self, hub: Hub, source: Source, known: Shape) -> None:
        self._hub, self._source, self._known = hub, source, known

    def look(self, batch: Batch) -> Found:
        """Raises ``SchemaDrift`` where the policy is to refuse; the refusal is remembered."""
        if not batch.shape:
            return Found({}, (), None)
        # Before anything is known, the definition is: a column that it names must be there.
        expected = self._known or {**batch.shape, **dict.fromkeys(self._source.columns, "unstated")}
        found = drift.changes(self._source, expected, batch.shape)
        touching = drift.touching(self._source, found)
        if touching and self._source.drift == "freeze":
            self._refuse(batch, found, touching)
        if touching and self._source.drift == "quarantine":
            return Found(batch.shape, found, "quarantined")
        shape = drift.merged(self._known, batch.shape)
        outcome = "first" if not self._known else "taken" if found else None
        self._known = shape
        return Found(shape, found, outcome)

    def _refuse(self, batch: Batch, found: tuple[Change, ...], touching: tuple[Change, ...]) -> None:
        code = self._source.code
        with self._hub.database.engine(Role.APPLICATION).begin() as connection:
            shapes.refuse(connection, code, batch.shape, [change.record() for change in found])
        raise SchemaDrift(
            f"Source {code}: {'; '.join(change.title for change in touching)}.",
            hint=f"See `hub source drift {code}`; correct the definition, or accept the change.",
            source=code,
            column=touching[0].column,
        )


def kept_out(source: Source, standard: Standardised, found: Found) -> Standardised:
    """Make every row of the batch a problem of drift, so that the gate keeps it until a person has looked."""
    rows = standard.table.num_rows
    told = []
    for change in drift.touching(source, found.changes):
        for item in change.items:
            words = pa.repeat(pa.scalar(change.title, pa.string()), rows)
            names = [pa.repeat(pa.scalar(name, pa.string()), rows) for name in (item, DRIFT)]
            told.append(pa.Table.from_arrays([pa.array(np.arange(rows)), *names, words], schema=PROBLEMS))
    return replace(standard, problems=pa.concat_tables([standard.problems, *told]))


def accept(hub: Hub, source: str, actor: str) -> bool:
    """Take the shape that was last refused or quarantined for known, on the ledger; False when none waits."""
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        taken = shapes.accept(connection, source)
        if taken is not None:
            facts = {"shape": taken.number, "changes": len(taken.changes)}
            record_administration(connection, actor=actor, action="source.accept", target=source, facts=facts)
    return taken is not None
