"""The work that follows new data in a library: scores are made anew, the ledger is sealed. Counts and scores come back."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from hub.composition import Hub
from infra.database import Role


def rescore(hub: Hub, resource: str, *, actor: str) -> dict[str, Any]:
    """Compare what the sources of a resource say of the same subjects, and return the resource's scorecard in brief."""
    from hub import consistency, scorecards

    found = consistency.inspect(hub, resource, actor, examples=0)
    card = scorecards.scorecard(hub, resource)
    return {
        "resource": resource,
        "rows": card.rows,
        "total": scorecards.told(card.total),
        "dimensions": {name.value: scorecards.told(score) for name, score in card.dimensions.items()},
        "differing": sum(each.differing for each in found.comparison.disagreements),
    }


def arrived(hub: Hub, source: str, since: datetime | None) -> int:
    """Count the batches of a source stored since then, or ever: pushed, repaired by hand, or pulled by a run broken off."""
    query = text(
        "SELECT count(*) FROM library.batch WHERE source = :source AND (CAST(:since AS timestamptz) IS NULL OR recorded_at > :since)"
    )
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return int(connection.execute(query, {"source": source, "since": since}).scalar_one())


def seal_ledger(hub: Hub) -> dict[str, int]:
    """Seal what was committed; a hub that is serving does so by itself too, and neither minds the other."""
    from audit.notes import ledger_signer
    from audit.sealer import seal

    signer = ledger_signer(hub.keyring, hub.settings.hub_id)
    sealed = seal(hub.database.engine(Role.APPLICATION), signer)
    return {"entries": sealed.entries, "size": sealed.size}
