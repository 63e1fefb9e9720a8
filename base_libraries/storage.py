"""The tables of a resource, made from its definition: what they are is told here, the database does it (migration 0022).

Four tables a resource, in PostgreSQL schema ``library``: ``contribution_*`` (what each department said),
``golden_*`` (what the hub knows), ``history_*`` (what it knew before) and ``change_*`` (the feed). Columns that start
with an underscore are the hub's own, so no item can collide with them. All are distributable by ``_subject``.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
import pyarrow as pa
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from schemas.errors import TablesBusy
from schemas.resource import Resource

_MOMENT, _ATTEMPTS = 200, 25  # milliseconds that readers may have to wait, and how often that is tried
_LOCK_NOT_AVAILABLE = "55P03"
BOUNDS = ("_xmin", "_ymin", "_xmax", "_ymax")
_FEED = {
    "_position": "bigint", "_subject": "bytea", "_version": "integer", "_operation": "text", "_changed": "text[]",
    "_recorded_at": "timestamptz",
}  # fmt: skip

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

    def operations(self) -> Iterator[dict[str, Any]]:
        """Yield what ``library.shape`` does to lay the tables; each may be done again without harm."""
        yield _created("contribution", self.contribution_columns, ["_subject", "_source"])
        yield {"do": "add", "table": "contribution", "name": "_row", "type": "text"}
        yield _created("golden", self.golden_columns, ["_subject"])
        history = self.golden_columns | {"_valid_to": "timestamptz"}
        yield _created("history", history, ["_subject", "_version"])
        yield _created("change", _FEED, ["_position"])
        yield {"do": "index_ends", "table": "change", "suffix": "_close"}
        for table in ("contribution", "golden", "history"):
            yield from _spared(
                table, self.contribution_columns if table == "contribution" else self.golden_columns
            )
        yield from self.indexes()

    def indexes(self) -> Iterator[dict[str, Any]]:
        """Yield the indexes that records are found by, beside the key's."""
        for column in self.lookups.values():
            yield {"do": "index", "table": "golden", "suffix": column, "name": column}
        for item in self.resource.filterable_items:
            suffix, kind = f"_by_{item.name}", sql_type(item.arrow_type)
            yield {
                "do": "index_ordered",
                "table": "golden",
                "suffix": suffix,
                "name": item.name,
                "type": kind,
            }
        if self.has_bounds:
            yield {"do": "index_boxes", "table": "golden", "suffix": "_box"}


def _spared(table: str, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Spare ANALYZE the columns that no query chooses by: it would sort and compress a sample of ciphertext."""
    for column in ("_digest", "_provenance", "_sealed"):
        if column in columns:
            yield {"do": "spare", "table": table, "name": column}


def _created(table: str, columns: Mapping[str, str], key: list[str]) -> dict[str, Any]:
    described = [
        {"name": name, "type": kind, "required": _is_mandatory(name)} for name, kind in columns.items()
    ]
    return {"do": "create", "table": table, "columns": described, "key": key}


def _is_mandatory(column: str) -> bool:
    optional = {"_sealed", "_changed", "_row", *BOUNDS}
    return column.startswith("_") and column not in optional and not column.startswith("_ix_")


def create_tables(connection: Connection, resource: Resource) -> None:
    """Create the resource's tables as the owner; does nothing where they exist."""
    _shape(connection, "library.shape", resource, Tables(resource).operations())


def shape_tables(connection: Connection, resource: Resource, operations: Iterable[Mapping[str, Any]]) -> None:
    """Do as the application to the tables of a published resource what the ledger of this transaction tells of.

    Who reads or writes them meanwhile is not kept waiting for longer than a moment at a time: where the tables cannot be had,
    it is tried again, and at last ``TablesBusy`` raised.
    """
    done = list(operations)
    connection.execute(text(f"SET LOCAL lock_timeout = '{_MOMENT}ms'"))
    for attempt in range(_ATTEMPTS):
        try:
            with connection.begin_nested():
                _shape(connection, "library.shape_recorded", resource, done)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            time.sleep(_MOMENT / 1000 * (1 + attempt / 4))
        else:
            connection.execute(text("SET LOCAL lock_timeout = DEFAULT"))
            return
    raise TablesBusy(
        f"The tables of resource {resource.code} were in use for too long, so nothing was changed.",
        hint="Look for a transaction that does not end, and try again.",
        resource=resource.code,
    )


def _shape(
    connection: Connection, function: str, resource: Resource, operations: Iterable[Mapping[str, Any]]
) -> None:
    done = {"code": resource.code, "operations": orjson.dumps(list(operations)).decode()}
    connection.execute(text(f"SELECT {function}(:code, CAST(:operations AS jsonb))"), done)
