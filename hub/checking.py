"""Looking at a source without storing anything: can it be reached, read, standardised, and would its rows be let in."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from base_libraries import shapes
from connectors import drift
from connectors.drift import Change
from connectors.pull import pull
from connectors.source import Source
from connectors.standardise import standardise
from hub import departures
from hub.composition import Hub
from infra.database import Role
from quality.gate import gate
from schemas.resource import Resource

SAMPLE_ROWS = 1_000


@dataclass(frozen=True)
class Checked:
    """What a sample of a source's rows would come to: per item how many have a value, and each rule that is broken."""

    rows: int
    admitted: int
    quarantined: int
    filled: dict[str, int]
    broken: list[dict[str, Any]]
    changes: tuple[Change, ...]
    missing: tuple[str, ...]


def check(hub: Hub, source: Source, rows: int = SAMPLE_ROWS) -> Checked:
    """Read up to ``rows`` rows from the live system and judge them; raises what an ingest would, and stores nothing."""
    resource = hub.resources[source.resource]
    with hub.database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
        known = shapes.known(cursor, source.code)
    with closing(pull(source, None, rows)) as pulled:
        batch = next(pulled, None)
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
    )


def _filled(source: Source, resource: Resource, admitted: pa.Table) -> dict[str, int]:
    names = [item.name for item in resource.items if item.name in source.mapping]
    return {name: pc.count(admitted[name]).as_py() for name in names}
