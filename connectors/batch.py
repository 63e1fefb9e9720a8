"""What a connector hands on: an Arrow table with its provenance."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Kind = TypeVar("Kind")

FAULT_ITEM, FAULT_RULE, FAULT_REASON = "_fault_item", "_fault_rule", "_fault_reason"
"""Columns for what a connector found wrong with a row: the item it concerns, the rule it breaks, the reason; no value."""

Fault = tuple[str, str]
"""A rule that a row breaks, and the reason for people."""

Shape = Mapping[str, str]
"""Every column that a system has, the ones the hub reads and the others, and the type that it gives each."""


@dataclass(frozen=True)
class Batch:
    """Rows of one source as delivered, at most ``batch_rows`` of them.

    ``table`` has the raw columns the source's definition names, plus ``_row`` (string), the reference by which the
    department finds the row again, ``_gone`` (bool) where rows may say that they are deleted, and the columns of
    ``with_faults`` where the connector found some. ``digest`` is the SHA-256
    of that content, ``window`` says to a human what it covers. ``watermark`` is the JSON-ready state to store once this
    batch is committed: a pull given it goes on after this batch. ``as_of`` (UTC) is the file's date or the time of the pull,
    for rows that state no time of their own. ``shape`` is the system's when the batch was read; ``missing`` are the columns
    of the definition that it lacks, null in ``table``.
    """

    source: str
    table: pa.Table
    digest: str
    window: str
    watermark: dict[str, Any]
    as_of: datetime
    shape: Shape = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def number_of_rows(self) -> int:
        """How many rows the batch holds."""
        return self.table.num_rows


@dataclass(frozen=True)
class Delivery:
    """A batch in the making: what a connector yields before the content is digested.

    ``table`` may lack columns that the source can do without; ``shape`` is empty where a system tells none.
    """

    table: pa.Table
    window: str
    watermark: dict[str, Any]
    as_of: datetime
    shape: Shape = field(default_factory=dict)


def content_digest(table: pa.Table) -> str:
    """SHA-256 over column names, types and values; the same rows give the same digest however they are chunked.

    Made of values alone: Arrow's own buffers differ with how a table was cut out of a larger one. A column's values follow
    their lengths, which are as wide as the longest needs, and told once where all are the same.
    """
    digest = hashlib.sha256()
    for told, column in zip(table.schema, table.combine_chunks().columns, strict=True):
        text = column if _is_bytes(told.type) else column.cast(pa.string())
        parts = [_lengths_and_bytes(chunk) for chunk in text.chunks if len(chunk)]
        low = min((int(lengths.min()) for lengths, _ in parts), default=0)
        high = max((int(lengths.max()) for lengths, _ in parts), default=0)
        head = f"{len(told.name)} {told.name} {told.type} {len(column)} {low} {high}\n"
        digest.update(head.encode())
        for lengths, _ in parts if low < high else ():
            digest.update(lengths.astype(_width(high)).data)
        for _, content in parts:
            digest.update(content)
    return digest.hexdigest()


def _width(high: int) -> str:
    """The type of lengths up to that one, in the same order of bytes on every machine."""
    return next(kind for kind in ("<i1", "<i2", "<i4") if high <= np.iinfo(kind).max)


def _lengths_and_bytes(chunk: pa.Array) -> tuple[npt.NDArray[np.int32], memoryview]:
    """Return the length of each value, -1 for null, and the values one after another; without a copy where it can be."""
    lengths, content = _laid_out(chunk)
    if chunk.null_count:
        null = chunk.is_null().to_numpy(zero_copy_only=False)
        if (lengths * null).any():  # what lies under a null is undefined
            lengths, content = _laid_out(pc.fill_null(chunk.cast(pa.binary()), b""))
        lengths -= null  # -1 where it is null
    return lengths, content


def _laid_out(chunk: pa.Array) -> tuple[npt.NDArray[np.int32], memoryview]:
    _, offsets, data = chunk.buffers()
    if data is None or not len(chunk):
        return np.zeros(len(chunk), dtype=np.int32), memoryview(b"")
    ends = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    return np.diff(ends), memoryview(data)[ends[0] : ends[-1]]


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_binary(kind)


def with_faults(table: pa.Table, item: str, faults: Mapping[int, Fault]) -> pa.Table:
    """Tell what is wrong with rows, by their place in the table; the gate makes of it what the rule's severity says."""
    found = sorted(faults.items())
    mask = np.zeros(table.num_rows, dtype=bool)
    mask[[place for place, _ in found]] = True
    told = ([item] * len(found), [rule for _, (rule, _) in found], [reason for _, (_, reason) in found])
    for name, values in zip((FAULT_ITEM, FAULT_RULE, FAULT_REASON), told, strict=True):
        column = pa.nulls(table.num_rows, pa.string())
        if found:
            column = pc.replace_with_mask(column, pa.array(mask), pa.array(values, pa.string()))
        table = table.append_column(name, column)
    return table


def rechunk(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Regroup tables of the same columns into tables of exactly ``rows`` rows, the last one shorter; never an empty one."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        while count >= rows:
            whole = _joined(held)
            yield whole.slice(0, rows)
            held, count = [whole.slice(rows)] if count > rows else [], count - rows
    if count:
        yield _joined(held)


def _joined(tables: list[pa.Table]) -> pa.Table:
    """Concatenate; a column whose type differs between tables, as SQLite allows, becomes text."""
    first = tables[0].schema
    if all(table.schema.equals(first) for table in tables):
        return pa.concat_tables(tables)
    fields = []
    for place, name in enumerate(first.names):
        types = {table.schema.field(place).type for table in tables} - {pa.null()}
        fields.append(pa.field(name, types.pop() if len(types) == 1 else pa.string()))
    return pa.concat_tables([table.cast(pa.schema(fields)) for table in tables])


def with_last(values: Iterable[Kind]) -> Iterator[tuple[Kind, bool]]:
    """Pair each value with whether it is the last one; reads one ahead."""
    iterator = iter(values)
    try:
        current = next(iterator)
    except StopIteration:
        return
    for following in iterator:
        yield current, False
        current = following
    yield current, True
