"""Records as columns: what is told of records, as an Arrow table whose types are the resource's.

Part of the security boundary: the tables hold records in the clear. Columns of the hub's own begin with an underscore, which no
item's name does.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
import pyarrow as pa
import shapely

from schemas.resource import Item, ItemType, Resource

Told = Mapping[str, Any]
_KEY = pa.field("_key", pa.string(), metadata={"title": "查询键"})
_VERSION = pa.field("_version", pa.int32(), metadata={"title": "版本"})
_VALID_FROM = pa.field("_valid_from", pa.timestamp("us", tz="UTC"), metadata={"title": "生效时间"})
_RECORD = pa.field("_record", pa.string(), metadata={"title": "记录标识"})
_OPERATION = pa.field("_operation", pa.string(), metadata={"title": "变更类型"})
_RECORDED_AT = pa.field("_recorded_at", pa.timestamp("us", tz="UTC"), metadata={"title": "入库时间"})
_CHANGED = pa.field("_changed", pa.string(), metadata={"title": "变更信息项"})
_ANSWER = pa.field("_answer", pa.bool_(), metadata={"title": "结果"})
_PROVENANCE = pa.field("_provenance", pa.string(), metadata={"title": "来源"})
_DOUBTS = pa.field("_doubts", pa.string(), metadata={"title": "异议"})
STOOD, CHANGES = (_RECORD,), (_OPERATION, _RECORD, _RECORDED_AT, _CHANGED)
_BY_TEXT = frozenset({ItemType.NUMERIC, ItemType.MONEY, ItemType.DATE, ItemType.DATETIME})
_WKB = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": '{"crs": "EPSG:4490"}'}


@dataclass(frozen=True)
class Layout:
    """The columns of an answer: its items, those masked as text, and beside them the hub's own.

    ``keyed`` answers say what each record was asked by; ``verdicts`` hold yes or no instead of items. What a subscriber is told has
    columns ``beside``: ``STOOD`` of a snapshot, ``CHANGES`` of changes.
    """

    resource: Resource
    items: tuple[str, ...]
    masked: Collection[str] = frozenset()
    keyed: bool = True
    provenance: bool = False
    verdicts: bool = False
    beside: tuple[pa.Field, ...] = ()

    @cached_property
    def schema(self) -> pa.Schema:
        """The table's schema; its metadata name the resource and its version."""
        fields = [_KEY] if self.keyed else []
        if self.verdicts:
            fields += [_ANSWER, _DOUBTS]
        else:
            own = [_PROVENANCE, _DOUBTS] if self.provenance else [_DOUBTS]
            fields += [
                *self.beside,
                _VERSION,
                _VALID_FROM,
                *(self._field(item) for item in self._items),
                *own,
            ]
        about = {"resource": self.resource.code, "version": str(self.resource.version)}
        return pa.schema(fields, metadata=about)

    def table(self, told: Sequence[Told]) -> pa.Table:
        """Return the table of what is told; of a key without a record, and so without ``data``, all but the key is null."""
        data = [one.get("data") or {} for one in told]
        columns = [self._own(field.name, told) for field in self.schema if field.name.startswith("_")]
        named = {
            field.name: column
            for field, column in zip(
                (field for field in self.schema if field.name.startswith("_")), columns, strict=True
            )
        }
        for item in () if self.verdicts else self._items:
            named[item.name] = self._column(item, [record.get(item.name) for record in data])
        return pa.table([named[field.name] for field in self.schema], schema=self.schema)

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        return tuple(self.resource.item(name) for name in self.items)

    def _field(self, item: Item) -> pa.Field:
        about = {"title": item.title} | (_WKB if item.geometry and item.name not in self.masked else {})
        return pa.field(item.name, self._type(item), metadata=about)

    def _type(self, item: Item) -> pa.DataType:
        return pa.string() if item.name in self.masked else item.arrow_type

    def _column(self, item: Item, values: list[Any]) -> pa.Array:
        if item.geometry and item.name not in self.masked:
            return pa.array(
                [None if one is None else shapely.geometry.shape(one).wkb for one in values], pa.binary()
            )
        if item.type in _BY_TEXT:
            return pa.array(values, pa.string()).cast(self._type(item))
        return pa.array(values, self._type(item))

    @staticmethod
    def _own(name: str, told: Sequence[Told]) -> pa.Array:
        field, of = _OWN[name]
        return pa.array([of(one) for one in told], field.type)


def _as_json(name: str) -> Callable[[Told], str | None]:
    def of(one: Told) -> str | None:
        return orjson.dumps(one[name]).decode() if name in one else None

    return of


_OWN: Mapping[str, tuple[pa.Field, Callable[[Told], Any]]] = {
    "_key": (_KEY, lambda one: one.get("key")),
    "_record": (_RECORD, lambda one: one.get("record")),
    "_operation": (_OPERATION, lambda one: one.get("operation")),
    "_recorded_at": (_RECORDED_AT, lambda one: one.get("recorded_at")),
    "_changed": (_CHANGED, lambda one: ",".join(one["changed"]) if "changed" in one else None),
    "_version": (_VERSION, lambda one: one.get("version")),
    "_valid_from": (_VALID_FROM, lambda one: one.get("valid_from")),
    "_answer": (_ANSWER, lambda one: one.get("answer")),
    "_provenance": (_PROVENANCE, _as_json("provenance")),
    "_doubts": (_DOUBTS, _as_json("doubts")),
}
