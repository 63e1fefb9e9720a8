"""Consistency across sources: the same datum, told by two departments, compared; the inspection is on the ledger.

Contributions are personal data, so that looking at them is an act: the entry is durable before anything is shown.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from audit.entry import Entry, Kind
from audit.recording import append_sync
from base_libraries.disagreements import Comparison, compare
from hub import scorecards
from hub.composition import Hub
from infra.database import Role
from schemas.errors import UnknownResource
from schemas.resource import Resource

PURPOSE = "数据质量监督"
LEGAL_BASIS = "政务数据共享条例 第三十八条"  # Decree 809, article 38: quality is supervised


@dataclass(frozen=True)
class Inspection:
    """What was compared, with the sources' codes by ordinal."""

    resource: str
    at: datetime
    comparison: Comparison
    sources: dict[int, str]

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON document; examples are masked."""
        found = self.comparison
        return {
            "resource": self.resource, "at": self.at.isoformat(), "items": list(found.items), "subjects": found.subjects,
            "records": found.records,
            "disagreements": [
                {"item": d.item, "source": self.sources[d.source], "other": self.sources[d.other], "subjects": d.subjects,
                 "differing": d.differing, "share": round(d.differing / d.subjects, 6)}
                for d in found.disagreements
            ],
            "examples": [
                {"item": e.item, "key": str(e.key), self.sources[e.source]: str(e.said), self.sources[e.other]: str(e.other_said)}
                for e in found.examples
            ],
        }  # fmt: skip


def inspect(hub: Hub, code: str, actor: str, examples: int = 3) -> Inspection:
    """Compare what all sources of a resource say of the same subjects; the scorecards of these sources learn of it."""
    if code not in hub.resources:
        known = ", ".join(hub.resources)
        raise UnknownResource(f"There is no resource {code!r}.", hint=f"Defined are: {known}.", resource=code)
    resource = hub.resources[code]
    with hub.database.bulk(Role.APPLICATION) as bulk, bulk.cursor() as cursor:
        found = compare(cursor, hub.survivorship(resource), hub.keyring, examples)
    sources = {told.ordinal: told.source for told in hub.standing}
    sources |= {source.ordinal: source.code for source in hub.sources.values()}
    inspection = Inspection(code, datetime.now(UTC), found, sources)
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        _keep(connection, inspection)
        _rescore(connection, hub, resource, inspection)
        append_sync(connection, _entry(inspection, actor))
    return inspection


def _keep(connection: Connection, inspection: Inspection) -> None:
    statement = text(
        "INSERT INTO library.disagreement (resource, recorded_at, item, source, other, subjects, differing) "
        "VALUES (:resource, :at, :item, :source, :other, :subjects, :differing)"
    )
    rows = [
        {"resource": inspection.resource, "at": inspection.at, "item": d.item, "source": inspection.sources[d.source],
         "other": inspection.sources[d.other], "subjects": d.subjects, "differing": d.differing}
        for d in inspection.comparison.disagreements
    ]  # fmt: skip
    if rows:
        connection.execute(statement, rows)


def _rescore(connection: Connection, hub: Hub, resource: Resource, inspection: Inspection) -> None:
    met = {ordinal for d in inspection.comparison.disagreements for ordinal in (d.source, d.other)}
    for ordinal in sorted(met):
        if (code := inspection.sources[ordinal]) in hub.sources:
            scorecards.keep(connection, hub.sources[code], resource, inspection.at)


def _entry(inspection: Inspection, actor: str) -> Entry:
    found = inspection.comparison
    differing = sum(d.differing for d in found.disagreements)
    return Entry(
        kind=Kind.ADMINISTRATION, action="quality.consistency", outcome="done", actor=actor, resource=inspection.resource,
        items=found.items, purpose=PURPOSE, legal_basis=LEGAL_BASIS, records=found.records, at=inspection.at,
        facts={"subjects": found.subjects, "differing": differing, "examples": len(found.examples)},
    )  # fmt: skip
