"""How long changes are kept for subscribers."""

from datetime import timedelta

from sqlalchemy import inspect

from audit.recording import record_administration
from base_libraries.feed import prune
from base_libraries.storage import Tables
from hub.composition import Hub
from infra.clock import now
from infra.database import Role


def prune_feeds(hub: Hub, days: int, *, actor: str) -> dict[str, int]:
    """Forget changes older than so many days, resource by resource, each on the ledger; returns how many of which."""
    before, forgotten = now() - timedelta(days=days), {}
    for code, resource in hub.resources.items():
        with hub.database.engine(Role.APPLICATION).begin() as connection:
            schema, name = Tables(resource).change.split(".")
            if not inspect(connection).has_table(name, schema):
                continue  # nothing was ever ingested into it
            if number := prune(connection, resource, before):
                facts = {"before": before.isoformat(), "changes": number}
                record_administration(connection, actor=actor, action="feed.prune", target=code, facts=facts)
                forgotten[code] = number
    return forgotten
