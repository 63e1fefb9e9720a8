"""The tables of the catalogue's parties and agreements, as SQLAlchemy knows them; the migrations make them."""

from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

METADATA = MetaData(schema="catalog")

ORGANISATION = Table(
    "organisation",
    METADATA,
    Column("code", Text, primary_key=True),
    *(Column(name, Text) for name in ("name", "division", "parent")),
)
OFFICE = Table(
    "office",
    METADATA,
    Column("organisation", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("name", Text),
)
PERSON = Table(
    "person",
    METADATA,
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("name", "organisation", "office", "status")),
    Column("roles", ARRAY(Text)),
)
CONTACT = Table(
    "contact",
    METADATA,
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("organisation", "address")),
    Column("bearers", ARRAY(Text)),
)
SYSTEM = Table(
    "system",
    METADATA,
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("organisation", "title", "status")),
    Column("keys", JSONB),
    Column("administrator", Boolean),
)
AGREEMENT = Table(
    "agreement",
    METADATA,
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("system", "resource", "status")),
    *(Column(name, ARRAY(Text)) for name in ("items", "masked", "purposes", "legal_bases")),
    *(Column(name, DateTime(timezone=True)) for name in ("valid_from", "valid_to")),
    Column("max_keys", Integer),
    Column("terms", JSONB),
)
MATTER = Table(
    "matter",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("state", "duty")),
    *(Column(name, DateTime(timezone=True)) for name in ("due_at", "opened_at")),
    Column("parties", JSONB),
    Column("position", Integer),
)
EVENT = Table(
    "event",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("matter", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    *(Column(name, Text) for name in ("act", "state", "actor", "organisation")),
    Column("at", DateTime(timezone=True)),
    Column("facts", JSONB),
)
