"""Bring the database up to what this program knows: migrations first, then the tables of every resource, then what entries are found by."""

from sqlalchemy import Connection

from audit.recording import record_administration
from base_libraries.storage import create_tables
from catalog.published_resource import PublishedResources
from catalog.search_index import index_missing
from infra.database import Database, Role, drop_everything, upgrade
from schemas.resource import Resource, resources_shipped


def upgrade_database(database: Database) -> None:
    """Upgrade as the owner; safe to run again, and by two at once."""
    upgrade(database)
    with database.engine(Role.OWNER).begin() as connection:
        for resource in _known(connection):
            create_tables(connection, resource)
        index_missing(connection)


def _known(connection: Connection) -> list[Resource]:
    """Return the shipped resources and the published ones: a newer program may keep more beside their records."""
    published = PublishedResources(connection, record_administration).every()
    standing = {one.resource.code: one.resource for one in published if one.in_force_at is not None}
    return [*resources_shipped().values(), *standing.values()]


def reset_database(database: Database) -> None:
    """Delete everything, the ledger included, and lay the empty schema again."""
    drop_everything(database)
    upgrade_database(database)
