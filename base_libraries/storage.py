"""The tables of a resource, made from its definition.

Four tables a resource, in PostgreSQL schema ``library``: ``contribution_*`` (what each department said),
``golden_*`` (what the hub knows), ``history_*`` (what it knew before) and ``change_*`` (the feed). Columns that start
with an underscore are the hub's own, so no item can collide with them. All are distributable by ``_subject``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
from sqlalchemy import Connection, text

from schemas.resource import Resource

BOUNDS = ("_xmin", "_ymin", "_xmax", "_ymax")

_SQL_TYPES: dict[pa.DataType, str] = {
    pa.string(): "text",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamptz",
    pa.bool_(): "boolean",
    pa.int64(): "bigint",
    pa.float64(): "double precision",
    pa.binary(): "bytea",
}


def sql_type(kind: pa.DataType) -> str:
    """Return the PostgreSQL type that binary COPY accepts for an Arrow type."""
    return "numeric" if pa.types.is_decimal(kind) else _SQL_TYPES[kind]


@dataclass(frozen=True)
class Tables:
    """Names and columns of one resource's tables."""

    resource: Resource

    @property
    def contribution(self) -> str:
        """What each department said: one row a source and subject."""
        return f"library.contribution_{self.resource.code}"

    @property
    def golden(self) -> str:
        """The version in force of every subject."""
        return f"library.golden_{self.resource.code}"

    @property
    def history(self) -> str:
        """Every version that is no longer in force."""
        return f"library.history_{self.resource.code}"

    @property
    def change(self) -> str:
        """The change feed: one row a new version, positions without gaps in commit order."""
        return f"library.change_{self.resource.code}"

    @cached_property
    def lookups(self) -> dict[str, str]:
        """Lookup item → the column that holds its blind index."""
        return {item.name: f"_ix_{item.name}" for item in self.resource.lookup_items}

    @cached_property
    def has_bounds(self) -> bool:
        """Whether records have a geometry, and so a bounding box."""
        return any(item.geometry for item in self.resource.items)

    @cached_property
    def value_columns(self) -> dict[str, str]:
        """Columns that hold a record's values, sealed part last: name → SQL type."""
        found = dict.fromkeys(self.lookups.values(), "bytea")
        found |= {item.name: sql_type(item.arrow_type) for item in self.resource.open_items}
        if self.has_bounds:
            found |= dict.fromkeys(BOUNDS, "double precision")
        return found | {"_sealed": "bytea"}

    @cached_property
    def contribution_columns(self) -> dict[str, str]:
        """All columns of ``contribution_*``."""
        head = {
            "_subject": "bytea",
            "_source": "smallint",
            "_batch": "integer",
            "_observed_at": "timestamptz",
            "_row": "text",
        }
        return head | {"_digest": "bytea"} | self.value_columns

    @cached_property
    def golden_columns(self) -> dict[str, str]:
        """All columns of ``golden_*``; ``history_*`` has ``_valid_to`` beside them."""
        head = {
            "_subject": "bytea",
            "_version": "integer",
            "_valid_from": "timestamptz",
            "_recorded_at": "timestamptz",
        }
        return head | {"_digest": "bytea", "_provenance": "integer[]"} | self.value_columns

    def statements(self) -> Iterator[str]:
        """Yield the DDL; each statement may be run again without harm."""
        yield _table(self.contribution, self.contribution_columns, "PRIMARY KEY (_subject, _source)")
        yield f"ALTER TABLE {self.contribution} ADD COLUMN IF NOT EXISTS _row text"
        yield _table(self.golden, self.golden_columns, "PRIMARY KEY (_subject)")
        history = self.golden_columns | {"_valid_to": "timestamptz"}
        yield _table(self.history, history, "PRIMARY KEY (_subject, _version)")
        yield _table(
            self.change,
            {"_position": "bigint", "_subject": "bytea", "_version": "integer", "_operation": "text",
             "_changed": "text[]", "_recorded_at": "timestamptz"},
            "PRIMARY KEY (_position)",
        )  # fmt: skip
        yield (
            f"CREATE INDEX IF NOT EXISTS change_{self.resource.code}_close ON {self.change} (_position) "
            f"WHERE _operation = 'close'"
        )
        for table in (self.contribution, self.golden, self.history):
            yield _unreckoned(
                table, self.golden_columns if table != self.contribution else self.contribution_columns
            )
        for column in self.lookups.values():
            yield f"CREATE INDEX IF NOT EXISTS golden_{self.resource.code}{column} ON {self.golden} ({column})"
        if self.has_bounds:
            box = "box(point(_xmin, _ymin), point(_xmax, _ymax))"
            yield f"CREATE INDEX IF NOT EXISTS golden_{self.resource.code}_box ON {self.golden} USING gist (({box}))"


def _unreckoned(name: str, columns: dict[str, str]) -> str:
    """Spare ANALYZE the columns that no query chooses by: it would sort and compress a sample of ciphertext."""
    spared = [column for column in ("_digest", "_provenance", "_sealed") if column in columns]
    return f"ALTER TABLE {name} " + ", ".join(f"ALTER {column} SET STATISTICS 0" for column in spared)


def _table(name: str, columns: dict[str, str], key: str) -> str:
    optional = {"_sealed", "_changed", "_row"}
    parts = []
    for column, kind in columns.items():
        mandatory = (
            column.startswith("_")
            and column not in optional
            and not column.startswith("_ix_")
            and column not in BOUNDS
        )
        parts.append(f'"{column}" {kind}{" NOT NULL" if mandatory else ""}')
    return f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(parts)}, {key})"


def create_tables(connection: Connection, resource: Resource) -> None:
    """Create the resource's tables as the owner; does nothing where they exist."""
    for statement in Tables(resource).statements():
        connection.execute(text(statement))
