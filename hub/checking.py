"""Looking at a source without storing anything, here or there: can it be reached, read, standardised, and would its rows be let in."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from base_libraries import shapes
from connectors import drift
from connectors.drift import Change
from connectors.pull import glimpse
from connectors.source import Source
from connectors.standardise import standardise
from hub import departures, findings
from hub.composition import Hub
from hub.findings import Reason, Uncoded
from infra.database import Role
from quality.gate import gate
from schemas.resource import Resource

SAMPLE_ROWS = 1_000


@dataclass(frozen=True)
class Checked:
    """What a sample of a source's rows would come to: per item how many have a value, each rule that is broken, why rows would be
    quarantined, which values have no code, and what changed in the columns since the last batch.
    """

    rows: int
    admitted: int
    quarantined: int
    filled: dict[str, int]
    broken: list[dict[str, Any]]
    changes: tuple[Change, ...]
    missing: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()
    uncoded: tuple[Uncoded, ...] = ()


def check(hub: Hub, source: Source, rows: int = SAMPLE_ROWS) -> Checked:
    """Read up to ``rows`` rows from the live system and judge them; raises what an ingest would, and stores nothing."""
    resource = hub.resources[source.resource]
    with hub.database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
        known = shapes.past(cursor, source.code).known
    batch = glimpse(source, rows)
    if batch is None:
        return Checked(0, 0, 0, {}, [], (), ())
    there, _ = departures.parted(batch)
    standard = standardise(source, resource, there)
    verdict = gate(
        source.code, resource, standard.table, standard.problems, source.quality, delivered=source.mapping
    )
    broken = [record for record in verdict.report.records() if record["failing"]]
    found = drift.changes(source, known, batch.shape)
    filled = _filled(source, resource, verdict.admitted)
    return Checked(
        there.number_of_rows,
        verdict.admitted.num_rows,
        verdict.quarantined.num_rows,
        filled,
        broken,
        found,
        batch.missing,
        findings.reasons(source, there.table, verdict.quarantined),
        findings.uncoded(source, resource, there.table),
    )


def _filled(source: Source, resource: Resource, admitted: pa.Table) -> dict[str, int]:
    names = [item.name for item in resource.items if item.name in source.mapping]
    return {name: pc.count(admitted[name]).as_py() for name in names}
