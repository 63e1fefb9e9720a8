"""Bring the database up to what this program knows: migrations first, then the tables of every resource."""

from base_libraries.storage import create_tables
from infra.database import Database, Role, drop_everything, upgrade
from schemas.resource import resources_shipped


def upgrade_database(database: Database) -> None:
    """Upgrade as the owner; safe to run again, and by two at once."""
    upgrade(database)
    with database.engine(Role.OWNER).begin() as connection:
        for resource in resources_shipped().values():
            create_tables(connection, resource)


def reset_database(database: Database) -> None:
    """Delete everything, the ledger included, and lay the empty schema again."""
    drop_everything(database)
    upgrade_database(database)
