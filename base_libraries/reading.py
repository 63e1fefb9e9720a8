"""Golden records, out of the tables and unsealed: used by the guarded door, and by ``lineage``.

Part of the security boundary: the values it returns are in the clear.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

import shapely

from base_libraries.storage import Tables
from base_libraries.survivorship import origin_at
from base_libraries.vault import Vault
from infra.keyring import Keyring
from schemas.resource import ItemType, Resource

Decode = Callable[[Any], Any]


@dataclass(frozen=True)
class Decoding:
    """How to decode some items: each with whether it is sealed, and those whose values are not yet JSON-ready."""

    places: Sequence[tuple[str, bool]]
    unready: Sequence[tuple[str, Decode]]

    @cached_property
    def any_sealed(self) -> bool:
        """Whether the sealed part of a row has to be opened."""
        return any(sealed for _, sealed in self.places)


class GoldenReader:
    """Builds the queries of one resource and decodes their rows.

    ``sql`` takes one parameter, an array of subjects (bytea[]); ``lookup_sql`` one of blind indexes of a lookup item.
    A row is any mapping by column name (an ``asyncpg.Record`` is one).
    """

    def __init__(self, resource: Resource, keyring: Keyring) -> None:
        self.resource = resource
        self.tables = Tables(resource)
        self._vault = Vault(resource, keyring)
        columns = [
            "_subject",
            "_version",
            "_valid_from",
            "_provenance",
            "_sealed",
            *self.tables.lookups.values(),
        ]
        self.columns = tuple(columns + [item.name for item in resource.open_items])
        quoted = ", ".join(f'"{name}"' for name in self.columns)
        self._decoding = lru_cache(maxsize=1024)(self._decoding_of)  # few choices of items, many records
        self.select = f"SELECT {quoted} FROM {self.tables.golden}"

    @cached_property
    def sql(self) -> str:
        """Records by subject, many at once."""
        return f"{self.select} WHERE _subject = ANY($1::bytea[])"

    @cached_property
    def history_sql(self) -> str:
        """What was known before, by subject, many at once, the newest version first."""
        select = self.select.replace(self.tables.golden, self.tables.history)
        return f"{select} WHERE _subject = ANY($1::bytea[]) ORDER BY _subject, _version DESC"

    def lookup_sql(self, item: str) -> str:
        """Records by a lookup item, many at once."""
        return f"{self.select} WHERE {self.tables.lookups[item]} = ANY($1::bytea[]) ORDER BY _subject"

    def versions_sql(self, by: str) -> str:
        """Versions of many records as of a moment, ``$2``: the last recorded by then, or, by ``valid_at``, the one valid then.

        Only of records that are there now: what has left every answer does not come back by a date.
        """
        names = ", ".join(f'"{name}"' for name in self.columns)
        now, then = self.tables.golden, self.tables.history
        if by == "valid_at":
            held, held_then = "_valid_from <= $2", "_valid_from <= $2 AND _valid_to > $2"
        else:
            held = held_then = "_recorded_at <= $2"
        return (
            f"SELECT DISTINCT ON (_subject) {names} FROM ("
            f"SELECT {names} FROM {now} WHERE _subject = ANY($1::bytea[]) AND {held} UNION ALL "
            f"SELECT {names} FROM {then} AS past WHERE _subject = ANY($1::bytea[]) AND {held_then} "
            f"AND EXISTS (SELECT FROM {now} AS present WHERE present._subject = past._subject)"
            ") AS version ORDER BY _subject, _version DESC"
        )

    def subject(self, key: str) -> bytes:
        """Return the blind index of a key, in its canonical form."""
        return self._vault.index(self.resource.key, [key])[0]

    def lookup(self, item: str, value: str) -> bytes:
        """Return the blind index of a lookup item's value."""
        return self._vault.index(self.resource.item(item), [value])[0]

    def records(
        self, rows: Sequence[Mapping[str, Any]], items: tuple[str, ...], kind: str = "golden"
    ) -> list[dict[str, Any]]:
        """Return the named items of rows as JSON-ready values, unsealing only when one of them is sealed.

        ``kind`` is ``golden``, of history too, or ``contribution``.
        """
        decoding = self._decoding(items)
        opened = self._vault.open_rows(rows, kind) if decoding.any_sealed else [{}] * len(rows)
        return [_decoded(decoding, row, clear) for row, clear in zip(rows, opened, strict=True)]

    def _decoding_of(self, items: tuple[str, ...]) -> Decoding:
        wanted = [self.resource.item(name) for name in items]
        ways = [(item.name, (_SEALED if item.sealed else _OPEN).get(item.type)) for item in wanted]
        return Decoding(
            [(item.name, item.sealed) for item in wanted], [(name, ready) for name, ready in ways if ready]
        )

    def provenance(
        self, row: Mapping[str, Any], items: Sequence[str], batches: Mapping[int, str]
    ) -> dict[str, Any]:
        """Return, for every named item with a value, its source, batch and rule; ``batches`` maps number → source."""
        found: dict[str, Any] = {}
        for name in items:
            origin = origin_at(row["_provenance"], self.resource.position(name))
            if origin:
                batch, rule = origin
                found[name] = {
                    "source": batches[batch],
                    "batch": batch,
                    "rule": rule.name.lower().replace("_", "-"),
                }
        return found

    def batches_of(self, row: Mapping[str, Any]) -> set[int]:
        """Return the numbers of the batches a row's values came from."""
        return {code // 8 for code in row["_provenance"] if code}


def _decoded(decoding: Decoding, row: Mapping[str, Any], clear: Mapping[str, Any]) -> dict[str, Any]:
    record = {name: clear.get(name) if sealed else row[name] for name, sealed in decoding.places}
    for name, ready in decoding.unready:
        value = record[name]
        if value is not None:
            record[name] = ready(value)
    return record


def _number(value: Decimal | str) -> str:
    return format(Decimal(value).normalize(), "f")


def _geometry(value: bytes) -> Mapping[str, Any]:
    return shapely.geometry.mapping(shapely.from_wkb(value))


# Sealed values are strings as DuckDB writes them, open ones as asyncpg reads them.
_SEALED: Mapping[ItemType, Decode] = {
    ItemType.INTEGER: int, ItemType.NUMERIC: _number, ItemType.MONEY: _number, ItemType.DOUBLE: float, ItemType.FLOAT: float,
    ItemType.LOGICAL: "true".__eq__,
}  # fmt: skip
_OPEN: Mapping[ItemType, Decode] = {
    ItemType.NUMERIC: _number, ItemType.MONEY: _number, ItemType.DATE: date.isoformat, ItemType.DATETIME: datetime.isoformat,
    ItemType.GENERAL: _geometry,
}  # fmt: skip
