"""The body of a push, read batch by batch; what is stored of it already is left out."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.batch import Delivery, rechunk
from connectors.file.formats import Reading
from connectors.file.formats.columnar import read_stream
from connectors.file.options import FileOptions
from connectors.push.options import PushFormat
from connectors.references import row_references
from connectors.source import Source
from schemas.errors import MissingColumn

PUSHED = "pushed"
"""The type of every column of a push: one body may state types and the next may not, so that only names can drift."""

FEW = 50
"""Records of JSON that tell nothing of the columns: writers leave out what is empty, and in a few all may have left it out."""


WINDOW = "push "
"""How the windows of pushed batches begin."""


@dataclass(frozen=True)
class Body:
    """A body that was taken whole: where it lies, what it is, and the key under which its sender may send it again."""

    path: Path
    format: PushFormat
    key: str

    @property
    def window(self) -> str:
        """What its batches are known by."""
        return window_of(self.key)


def window_of(key: str) -> str:
    """Return what the batches of the body under that key are known by."""
    return f"{WINDOW}{key}"


@dataclass(frozen=True)
class _Wanted:
    """The source as the readers of files want it; a body of ``few`` records may lack what is not vital."""

    source: Source
    options: FileOptions
    few: bool = False

    @property
    def code(self) -> str:
        return self.source.code

    @property
    def columns(self) -> tuple[str, ...]:
        return self.source.columns

    def lacks(self, found: Collection[str]) -> list[str]:
        if self.few:
            return [name for name in self.source.vital_columns if name not in found]
        return self.source.lacks(found)

    def option(self, name: str) -> Any:
        return getattr(self.options, name)


def deliveries(source: Source, body: Body, done: int, batch_rows: int) -> Iterator[Delivery]:
    """Yield the body's rows behind the first ``done``, which are stored; raises a ``SourceError`` naming the place."""
    try:
        reading = _read(source, body, batch_rows)
    except MissingColumn as missing:
        missing.found = dict.fromkeys(missing.found, PUSHED)
        raise
    shape = dict.fromkeys(reading.shape, PUSHED)
    now = datetime.now(UTC)
    for table in rechunk(_referenced(source, body, reading.tables, done), batch_rows):
        yield Delivery(table, body.window, {}, now, shape)


def _read(source: Source, body: Body, rows: int) -> Reading:
    told = {name: source.option(name) for name in ("record_path", "encoding", "delimiter", "aliases")}
    declared = "parquet" if body.format == "arrow" else body.format
    given = {name: value for name, value in told.items() if value is not None}
    wanted = _Wanted(
        source, FileOptions.model_validate({"path": str(body.path), "format": declared, **given})
    )
    if body.format == "arrow":
        return read_stream(body.path, wanted, rows)
    if body.format == "parquet":
        from connectors.file.formats.columnar import read_parquet

        return read_parquet(body.path, wanted, rows)
    if body.format == "csv":
        from connectors.file.formats.delimited import read_delimited

        return read_delimited(body.path, wanted, rows)
    from connectors.file.formats.json_records import has_few, read_json

    few = has_few(body.path, wanted, FEW)
    try:
        reading = read_json(body.path, replace(wanted, few=few), rows)
    except MissingColumn as missing:
        missing.found = {} if few else missing.found
        raise
    return replace(reading, shape={}) if few else reading


def _referenced(source: Source, body: Body, tables: Iterator[pa.Table], done: int) -> Iterator[pa.Table]:
    count = 0
    for table in tables:
        numbers = pa.array(np.arange(count + 1, count + 1 + table.num_rows)).cast(pa.string())
        count += table.num_rows
        if count <= done:
            continue
        fallback = pc.binary_join_element_wise(f"{body.key}:", numbers, "")
        full = table.append_column("_row", row_references(table, source.row_id, fallback))
        yield full.slice(max(0, done - (count - table.num_rows)))
