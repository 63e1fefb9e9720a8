"""From a department's raw columns to a resource's items.

Text is trimmed, half-width and free of look-alikes; identifiers are upper case and 18 digits long; words become
codes, dates dates, numbers numbers; what stands for nothing is null. A value that cannot become its item's
type is null too, and a row of ``problems`` says so without repeating it. Works on whole columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors import cleaning, dates, readings
from connectors.batch import FAULT_ITEM, FAULT_REASON, FAULT_RULE, Batch
from connectors.mapping import Constant, ItemMapping
from connectors.raw_json import rows_as_json
from connectors.source import Source
from schemas.citizen_numbers import citizen_numbers_from_15
from schemas.errors import DefinitionError, MissingColumn
from schemas.identifiers import valid_mask
from schemas.resource import Item, ItemType, Resource

PROBLEMS = pa.schema(
    [
        pa.field("_index", pa.int64()),
        pa.field("item", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("reason", pa.string()),
    ]
)
TRAVELLING = (
    pa.field("_row", pa.string()),
    pa.field("_observed_at", dates.STAMP),
    pa.field("_place", pa.int64()),
)
_REASONS = {
    "code": "the value is no code or label of its set",
    "date": "the value is no possible date",
    "number": "the value is not a number that fits",
    "truth": "the value is neither yes nor no",
    "geometry": "the value is no geometry",
}
_TEXTS = (ItemType.CHARACTER, ItemType.MEMO)
_NUMBERS = (ItemType.NUMERIC, ItemType.MONEY, ItemType.DOUBLE, ItemType.FLOAT, ItemType.INTEGER)


@dataclass(frozen=True)
class Standardised:
    """``table`` has the resource's items in order, then ``_row`` (string), ``_observed_at`` (timestamp[us, UTC])
    and ``_place`` (the row's in the batch); ``problems`` has ``_index`` (row in ``table``), ``item``, ``rule``, ``reason``.
    ``delivered`` has the raw columns.
    """

    table: pa.Table
    problems: pa.Table
    delivered: pa.Table

    def originals(self, places: pa.ChunkedArray) -> pa.Array:
        """Return rows as they were delivered, each as a JSON object."""
        return rows_as_json(self.delivered.take(places))


def standardise(source: Source, resource: Resource, batch: Batch) -> Standardised:
    """Standardise one batch; unmapped items are null. Raises ``MissingColumn`` naming source and column."""
    if source.resource != resource.code:
        raise DefinitionError(
            f"Source {source.code} contributes to {source.resource}, not to {resource.code}."
        )
    raw = batch.table.combine_chunks()
    _require_columns(source, raw)
    columns: list[pa.Array] = []
    problems: list[pa.Table] = []
    for item in resource.items:
        mapping = source.mapping.get(item.name)
        if mapping is None:
            columns.append(pa.nulls(raw.num_rows, item.arrow_type))
            continue
        value, rule, failed = _item(item, mapping, raw)
        columns.append(value)
        problems.extend(_problems(item.name, rule, failed))
    problems.extend(_found_before(raw))
    columns += [
        _whole(raw.column("_row")),
        _observed_at(source, batch, raw),
        pa.array(np.arange(raw.num_rows)),
    ]
    return Standardised(
        pa.Table.from_arrays(columns, schema=pa.schema([*resource.arrow_schema, *TRAVELLING])),
        pa.concat_tables([PROBLEMS.empty_table(), *problems]),
        raw.drop_columns([name for name in raw.column_names if name.startswith("_")]),
    )


def _require_columns(source: Source, raw: pa.Table) -> None:
    for column in source.columns:
        if column not in raw.column_names:
            raise MissingColumn(
                f"Source {source.code}: the batch has no column {column!r}.",
                hint="Correct the mapping of the source, or ask the department what it renamed.",
                source=source.code,
                column=column,
            )


def _item(item: Item, mapping: ItemMapping, raw: pa.Table) -> tuple[pa.Array, str, pa.Array | None]:
    """Return the item's column, the rule it was read by, and which rows could not be read (None: all could)."""
    if item.geometry:
        given = _whole(raw.column(mapping.source_columns[0]))
        value = readings.to_geometry(given)
        return value, "geometry", _lost(given, value)
    typed = _whole(raw.column(mapping.column)) if mapping.column is not None else None
    if (
        typed is not None
        and item.type in (ItemType.DATE, ItemType.DATETIME)
        and pa.types.is_temporal(typed.type)
    ):
        return _dated(item, mapping, typed), "date", None
    text = _text(item, mapping, raw)
    if item.type in _TEXTS:
        return _texts(item, mapping, text)
    if item.type in (ItemType.DATE, ItemType.DATETIME):
        rule, given = "date", cleaning.without_no_end(text)
        value = _dated(item, mapping, given)
    elif item.type in _NUMBERS:
        rule, given = "number", text
        value = readings.to_number(text, item.arrow_type, mapping.scale)
    else:
        rule, given = "truth", text
        value = readings.to_truth(text)
    return value, rule, _lost(given, value)


def _dated(item: Item, mapping: ItemMapping, column: pa.Array) -> pa.Array:
    return (dates.to_dates if item.type is ItemType.DATE else dates.to_timestamps)(column, *mapping.date)


def _texts(item: Item, mapping: ItemMapping, text: pa.Array) -> tuple[pa.Array, str, pa.Array | None]:
    if (mapping.codes or mapping.code_set) and mapping.constant is None:
        value = readings.to_codes(text, mapping)
        return value, "code", _lost(text, value)
    if item.identifier is None:
        return text, "code", None
    identifiers = cleaning.identifier_form(text, item.identifier)
    if item.identifier == "citizen_number":
        identifiers = citizen_numbers_from_15(identifiers)
    elif item.identifier == "subject_code":
        identifiers = _longer_where_valid(identifiers)
    return identifiers, "code", None


def _longer_where_valid(column: pa.Array) -> pa.Array:
    """A subject of 15 digits may be an old citizen number or an old registration number: lengthen only the former."""
    longer = citizen_numbers_from_15(column)
    changed = pc.fill_null(pc.not_equal(longer, column), False)
    return pc.if_else(pc.and_(changed, pa.array(valid_mask("citizen_number", longer))), longer, column)


def _text(item: Item, mapping: ItemMapping, raw: pa.Table) -> pa.Array:
    """Get the item's text, cleaned, null where it says nothing."""
    if mapping.constant is not None:
        return pa.repeat(pa.scalar(mapping.constant, pa.string()), raw.num_rows)
    if mapping.columns:
        parts = [
            part.text if isinstance(part, Constant) else _cleaned(item, raw.column(part))
            for part in mapping.columns
        ]
        filled = [part if isinstance(part, str) else pc.fill_null(part, "") for part in parts]
        joined = pc.binary_join_element_wise(*filled, mapping.join)
        empty = [pc.equal(part, "") for part in filled if not isinstance(part, str)]
        nothing = empty[0]
        for other in empty[1:]:
            nothing = pc.and_(nothing, other)
        return pc.if_else(nothing, pa.scalar(None, pa.string()), joined)
    return _cleaned(item, raw.column(mapping.column), readings.words_understood(mapping))


def _cleaned(item: Item, column: pa.ChunkedArray, spared: frozenset[str] = frozenset()) -> pa.Array:
    text = _as_text(_whole(column))
    if item.type is not ItemType.MEMO:
        text = cleaning.one_line(text)
    text = cleaning.cleaned(text, fold=item.type is not ItemType.MEMO)
    if item.type is ItemType.LOGICAL:
        spared = frozenset(("无",))
    return cleaning.without_blanks(text, spared)


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):  # 3.0 is how a spreadsheet or SQLite keeps the number 3
        whole = pc.and_(pc.equal(pc.trunc(column), column), pc.less(pc.abs(column), 1e15))
        digits = pc.if_else(whole, column, None).cast(pa.int64()).cast(pa.string())
        return pc.coalesce(digits, column.cast(pa.string()))
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _observed_at(source: Source, batch: Batch, raw: pa.Table) -> pa.Array:
    default = pa.scalar(batch.as_of, dates.STAMP)
    if source.observed_at is None:
        return pa.repeat(default, raw.num_rows)
    stated = _whole(raw.column(source.observed_at))
    stamps = dates.to_timestamps(cleaning.cleaned(stated) if pa.types.is_string(stated.type) else stated)
    return pc.fill_null(stamps, default)


def _lost(given: pa.Array, value: pa.Array) -> pa.Array:
    return pc.and_(pc.is_valid(given), pc.is_null(value))


def _problems(item: str, rule: str, failed: pa.Array | None) -> Iterator[pa.Table]:
    if failed is None:
        return
    places = np.flatnonzero(failed.to_numpy(zero_copy_only=False))
    if len(places):
        texts = [
            pa.repeat(pa.scalar(text, pa.string()), len(places)) for text in (item, rule, _REASONS[rule])
        ]
        yield pa.Table.from_arrays([pa.array(places, pa.int64()), *texts], schema=PROBLEMS)


def _found_before(raw: pa.Table) -> Iterator[pa.Table]:
    """Take over what the connector found wrong already."""
    if FAULT_ITEM not in raw.column_names:
        return
    places = np.flatnonzero(_whole(raw.column(FAULT_ITEM)).is_valid().to_numpy(zero_copy_only=False))
    if len(places):
        index = pa.array(places, pa.int64())
        told = [_whole(raw.column(name)).take(index) for name in (FAULT_ITEM, FAULT_RULE, FAULT_REASON)]
        yield pa.Table.from_arrays([index, *told], schema=PROBLEMS)


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks)
        if column.num_chunks
        else pa.array([], column.type)
    )
