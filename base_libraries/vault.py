"""Seals, opens, indexes and digests the records of one resource: part of the security boundary.

A record's sealed items become one JSON object of strings (nulls kept), encrypted as one part. Arrow tables go in
and come out; the JSON is written and read column-wise. No value is ever logged from here.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from base_libraries.row_json import rows_as_json
from infra.keyring import Keyring
from infra.sealing import BlindIndex, Sealer
from schemas.resource import Item, Resource

_VERSIONS = {"golden": "_version", "contribution": "_batch"}
SUBJECT_IDENTIFIERS = frozenset({"citizen_number", "credit_code", "subject_code"})


def index_kind(resource: Resource, item: Item) -> str:
    """Return the name space of an item's blind index: persons and firms share one, so that libraries link."""
    return "subject" if item.identifier in SUBJECT_IDENTIFIERS else f"{resource.code}.{item.name}"


def utc_engine() -> duckdb.DuckDBPyConnection:
    """Return a DuckDB that writes moments in UTC wherever it runs: equal content must have equal text."""
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    return engine


class Vault:
    """The one place where values of a resource are sealed and opened."""

    def __init__(
        self, resource: Resource, keyring: Keyring, engine: duckdb.DuckDBPyConnection | None = None
    ) -> None:
        self.resource = resource
        self._given = engine
        self._index = BlindIndex(keyring)
        self._sealers = {
            kind: Sealer(keyring, f"{resource.code}/{kind}") for kind in ("contribution", "golden")
        }

    @cached_property
    def _engine(self) -> duckdb.DuckDBPyConnection:
        return self._given or utc_engine()

    def index(self, item: Item, values: Sequence[str]) -> list[bytes]:
        """Return the 16-byte blind index of each value of a key or lookup item."""
        return self._index.index(index_kind(self.resource, item), values)

    def subjects(self, table: pa.Table) -> pa.Array:
        """Return the blind index of every row's key."""
        return pa.array(self.index(self.resource.key, table[self.resource.key.name].to_pylist()), pa.binary())

    def lookups(self, table: pa.Table) -> dict[str, pa.Array]:
        """Return the blind indexes of the lookup items, null where the item is: column → array."""
        return {
            f"_ix_{item.name}": self._nullable_index(item, table[item.name])
            for item in self.resource.lookup_items
        }

    def _nullable_index(self, item: Item, column: pa.ChunkedArray) -> pa.Array:
        present = column.drop_null()
        if len(present) == len(column):
            return pa.array(self.index(item, present.to_pylist()), pa.binary())
        indexed = iter(self.index(item, present.to_pylist()))
        return pa.array(
            [next(indexed) if valid else None for valid in column.is_valid().to_pylist()], pa.binary()
        )

    def described(self, table: pa.Table) -> pa.Table:
        """Add ``_clear``, the sealed items as the JSON that is to be sealed, and ``_digest``, keyed, of the whole content.

        Equal content, equal digest. ``_clear`` is for ``seal`` alone and must never be stored.
        """
        clear = self._json(table, self.resource.sealed_items)
        whole = pc.binary_join_element_wise(
            clear, self._json(table, self.resource.open_items), b"", null_handling="skip"
        )
        digests = self._index.digest(f"content/{self.resource.code}", whole.to_pylist())
        return table.append_column("_clear", clear).append_column("_digest", pa.array(digests, pa.binary()))

    def seal(self, kind: str, table: pa.Table, versions: pa.ChunkedArray) -> pa.Array:
        """Seal the sensitive part of every row described; all null where the resource has none."""
        if not self.resource.sealed_items:
            return pa.nulls(table.num_rows, pa.binary())
        columns = (column.to_pylist() for column in (table["_clear"], table["_subject"], versions))
        return pa.array(self._sealers[kind].seal(*columns), pa.binary())

    def seal_rows(
        self, kind: str, opened: Sequence[bytes], subjects: Sequence[bytes], versions: Sequence[int]
    ) -> list[bytes]:
        """Seal sensitive parts that ``open_rows`` gave, as JSON again."""
        return self._sealers[kind].seal(opened, subjects, versions)

    def open(self, kind: str, table: pa.Table, versions: str) -> pa.Table:
        """Replace the ``_sealed`` column by the sealed items; ``versions`` names the column of versions."""
        items = self.resource.sealed_items
        if not items:
            return table.drop_columns(["_sealed"])
        if table.num_rows == 0:
            opened = pa.schema([(item.name, item.arrow_type) for item in items]).empty_table()
        else:
            columns = (table[name].to_pylist() for name in ("_sealed", "_subject", versions))
            opened = self._parse(self._sealers[kind].open(*columns))
        for name in opened.column_names:
            table = table.append_column(name, opened[name])
        return table.drop_columns(["_sealed"])

    def open_rows(self, rows: Sequence[Mapping[str, Any]], kind: str = "golden") -> list[dict[str, Any]]:
        """Open the sealed part of rows of a resource that has one: a JSON object of strings and nulls each."""
        columns = ([row[name] for row in rows] for name in ("_sealed", "_subject", _VERSIONS[kind]))
        return [orjson.loads(opened) for opened in self._sealers[kind].open(*columns)]

    def _json(self, table: pa.Table, items: Sequence[Item]) -> pa.Array:
        if not items:
            return pa.nulls(table.num_rows, pa.binary())
        return rows_as_json(self._engine, table, items)

    def _parse(self, texts: Sequence[bytes]) -> pa.Table:
        items = self.resource.sealed_items
        rows = pa.table({"j": pa.array(texts, pa.binary()).cast(pa.string())})
        shape = orjson.dumps({item.name: "VARCHAR" for item in items}).decode()
        names = ", ".join(f'j."{item.name}"' for item in items)
        query = f"SELECT {names} FROM (SELECT json_transform(j, '{shape}') AS j FROM rows)"
        found = self._engine.execute(query).to_arrow_table()
        del rows
        return pa.table({item.name: found[item.name].cast(item.arrow_type) for item in items})
