"""The tables of harvests, as SQLAlchemy knows them; migration 0025 makes them."""

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

_METADATA = MetaData(schema="catalog")

HARVEST = Table(
    "harvest",
    _METADATA,
    Column("code", Text, primary_key=True),
    *(Column(name, Text) for name in ("url", "kind", "catalogue", "title")),
    Column("added_at", DateTime(timezone=True)),
)
HARVEST_RUN = Table(
    "harvest_run",
    _METADATA,
    Column("harvest", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    *(Column(name, Text) for name in ("state", "cursor", "problem")),
    Column("visited", ARRAY(Text)),
    *(Column(name, Integer) for name in ("pages", "created", "updated", "unchanged", "skipped", "vanished")),
    *(Column(name, DateTime(timezone=True)) for name in ("began_at", "ended_at")),
)
HARVEST_SKIP = Table(
    "harvest_skip",
    _METADATA,
    Column("harvest", Text, primary_key=True),
    *(Column(name, Integer, primary_key=True) for name in ("run", "position")),
    *(Column(name, Text) for name in ("foreign_id", "reason")),
)
HARVESTED = Table(
    "harvested_entry",
    _METADATA,
    *(Column(name, Text, primary_key=True) for name in ("harvest", "foreign_id")),
    Column("digest", Text),
    Column("content", JSONB),
    Column("run", Integer),
    *(Column(name, DateTime(timezone=True)) for name in ("first_seen_at", "seen_at", "vanished_at")),
)
