"""Run by Alembic: the migrations of ``versions/``, on the connection ``infra.database.upgrade`` hands over."""

from alembic import context
from sqlalchemy import text

from infra.database import VERSION_SCHEMA

connection = context.config.attributes["connection"]
# a migration that cannot have its lock soon gives up, rather than hold up every call behind it
connection.execute(text("SET LOCAL lock_timeout = '5s'"))
connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {VERSION_SCHEMA}"))
context.configure(connection=connection, version_table_schema=VERSION_SCHEMA)
with context.begin_transaction():
    context.run_migrations()
