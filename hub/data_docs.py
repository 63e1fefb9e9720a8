"""Data Docs over what the hub's batches left: every registered source's suite and its latest validations."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from connectors.source import Source
from hub.composition import Hub
from infra.database import Role
from quality.data_docs import Documented, Validation, publish
from quality.definition import suite_of
from quality.report import score_of
from quality.stated_rules import rules_for

FOLDER = "data-docs"
VALIDATIONS = 10  # of each source, the latest

_REPORTS = """
    SELECT 'batch-' || number AS name, recorded_at AS at, report FROM library.batch
    WHERE source = :source AND pulled > 0
    UNION ALL
    SELECT 'refused-' || number, ended_at, report FROM library.run WHERE source = :source AND report IS NOT NULL
    ORDER BY at DESC LIMIT :number
"""


def build(hub: Hub, folder: Path | None = None, validations: int = VALIDATIONS) -> Path:
    """Write the site into ``folder`` (default: ``data-docs`` in the hub's home); returns its index page."""
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        documented = [_documented(connection, hub, source, validations) for source in hub.sources.values()]
    return publish(folder or hub.settings.home / FOLDER, documented)


def _documented(connection: Connection, hub: Hub, source: Source, validations: int) -> Documented:
    resource = hub.resources[source.resource]
    rules = rules_for(resource, source.quality, source.code, suite_of(resource).rules, source.mapping)
    found = connection.execute(text(_REPORTS), {"source": source.code, "number": validations})
    return Documented(source.code, resource, rules, [_validation(row) for row in found])


def _validation(row: Any) -> Validation:
    return Validation(row.name, row.at, [score_of(record) for record in row.report])
