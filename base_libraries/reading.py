"""Golden records, out of the tables and unsealed: used by the guarded door and by nothing else.

Part of the security boundary: the values it returns are in the clear.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import shapely

from base_libraries.storage import Tables
from base_libraries.survivorship import decode
from base_libraries.vault import Vault
from infra.keyring import Keyring
from schemas.resource import Item, ItemType, Resource


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
        self._select = f"SELECT {quoted} FROM {self.tables.golden}"

    @cached_property
    def sql(self) -> str:
        """Records by subject, many at once."""
        return f"{self._select} WHERE _subject = ANY($1::bytea[])"

    def lookup_sql(self, item: str) -> str:
        """Records by a lookup item, many at once."""
        return f"{self._select} WHERE {self.tables.lookups[item]} = ANY($1::bytea[]) ORDER BY _subject"

    def subject(self, key: str) -> bytes:
        """Return the blind index of a key, in its canonical form."""
        return self._vault.index(self.resource.key, [key])[0]

    def lookup(self, item: str, value: str) -> bytes:
        """Return the blind index of a lookup item's value."""
        return self._vault.index(self.resource.item(item), [value])[0]

    def record(self, row: Mapping[str, Any], items: Sequence[str]) -> dict[str, Any]:
        """Return the named items of a row as JSON-ready values, unsealing only when one of them is sealed."""
        wanted = [self.resource.item(name) for name in items]
        opened = self._vault.open_row(row) if any(item.sealed for item in wanted) else {}
        return {
            item.name: _sealed_value(item, opened) if item.sealed else _open_value(row[item.name])
            for item in wanted
        }

    def provenance(
        self, row: Mapping[str, Any], items: Sequence[str], batches: Mapping[int, str]
    ) -> dict[str, Any]:
        """Return, for every named item with a value, its source, batch and rule; ``batches`` maps number → source."""
        found: dict[str, Any] = {}
        for name in items:
            origin = decode(row["_provenance"][self.resource.position(name)])
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


def _sealed_value(item: Item, opened: Mapping[str, str | None]) -> Any:
    text = opened.get(item.name)
    if text is None:
        return None
    if item.type is ItemType.INTEGER:
        return int(text)
    if item.type in (ItemType.NUMERIC, ItemType.MONEY):
        return _open_value(Decimal(text))
    if item.type in (ItemType.DOUBLE, ItemType.FLOAT):
        return float(text)
    return text == "true" if item.type is ItemType.LOGICAL else text


def _open_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return shapely.geometry.mapping(shapely.from_wkb(value))
    if isinstance(value, date | datetime):
        return value.isoformat()
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value
