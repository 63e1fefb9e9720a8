"""Bring the database up to what this program knows: migrations first, then the tables of every resource."""

from sqlalchemy import text

from base_libraries.storage import create_tables
from infra.database import Database, Role, upgrade
from schemas.resource import resources_shipped


def upgrade_database(database: Database) -> None:
    """Upgrade as the owner; safe to run again, and by two at once."""
    upgrade(database)
    with database.engine(Role.OWNER).begin() as connection:
        for resource in resources_shipped().values():
            create_tables(connection, resource)


def reset_database(database: Database) -> None:
    """Delete everything, the ledger included, and lay the empty schema again; in two transactions, as the owner."""
    with database.engine(Role.OWNER).begin() as connection:
        for schema in ("catalog", "ledger", "library", "migration"):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    upgrade_database(database)
