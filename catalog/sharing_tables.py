"""The table of what applications state, as SQLAlchemy knows it; a migration makes it."""

from sqlalchemy import Column, DateTime, Integer, MetaData, Sequence, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

_METADATA = MetaData(schema="catalog")

APPLICATION_CONTENT = Table(
    "application",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    *(Column(name, Text) for name in ("organisation", "system", "resource", "changes")),
    Column("content", JSONB),
    Column("at", DateTime(timezone=True)),
)
APPLICATION_NUMBER = Sequence("application_number", schema="catalog")
