"""The table of what entries are found by, as SQLAlchemy knows it; their words are beside it, and go with it."""

from sqlalchemy import Boolean, Column, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

ENTRY_SEARCH = Table(
    "entry_search",
    MetaData(schema="catalog"),
    Column("entry", Text, primary_key=True),
    *(Column(name, Text) for name in ("code", "name", "provider", "category", "sharing", "update_cycle")),
    Column("open", Boolean),
    Column("size", Integer),
    Column("names", TSVECTOR),
)
