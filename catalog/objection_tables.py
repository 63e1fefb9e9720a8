"""The tables of objections, doubts and recall notices, as SQLAlchemy knows them; the migrations make them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID

_METADATA = MetaData(schema="catalog")

OBJECTION_NUMBER = Sequence("objection_number", schema="catalog")
OBJECTION_CONTENT = Table(
    "objection",
    _METADATA,
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("kind", "resource", "case_code", "source", "office", "outcome")),
    Column("items", ARRAY(Text)),
    Column("subject", LargeBinary),
    Column("answer", UUID(as_uuid=True)),
    *(Column(name, Integer) for name in ("version", "score")),
    Column("solved", Boolean),
    Column("sealed", LargeBinary),
)
DOUBT = Table(
    "doubt",
    _METADATA,
    Column("objection", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    *(Column(name, Text) for name in ("resource", "organisation")),
    Column("subject", LargeBinary),
    Column("since", DateTime(timezone=True)),
    *(Column(name, Boolean) for name in ("is_open", "is_recalled")),
    Column("corrected_version", Integer),
    *(Column(name, DateTime(timezone=True)) for name in ("wrong_from", "wrong_until")),
)
RECALL_NOTICE = Table(
    "recall_notice",
    _METADATA,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    *(
        Column(name, Text)
        for name in (
            "system",
            "organisation",
            "objection",
            "resource",
            "item",
            "case_code",
            "acknowledged_by",
        )
    ),
    Column("entry", UUID(as_uuid=True)),
    *(
        Column(name, DateTime(timezone=True))
        for name in ("called_at", "wrong_from", "wrong_until", "made_at", "acknowledged_at")
    ),
    Column("corrected_version", Integer),
)
