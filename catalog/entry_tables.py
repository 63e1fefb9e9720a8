"""The tables of catalogue entries, as SQLAlchemy knows them; migration 0020 makes them."""

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

_METADATA = MetaData(schema="catalog")

ENTRY_TABLE = Table(
    "entry",
    _METADATA,
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("provider", "category", "name", "sharing", "code", "state")),
    *(Column(name, Integer) for name in ("newest", "in_force")),
    Column("draft", JSONB(none_as_null=True)),
)
ENTRY_VERSION = Table(
    "entry_version",
    _METADATA,
    Column("entry", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content", JSONB),
    *(Column(name, Text) for name in ("digest", "published_by")),
    Column("published_at", DateTime(timezone=True)),
)
CODE_COUNTER = Table(
    "code_counter",
    _METADATA,
    Column("category", Text, primary_key=True),
    Column("last", Integer),
)
