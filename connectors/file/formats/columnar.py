"""Parquet, row group by row group, its types kept; one batch is read while the last one is used."""

import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.types as pt
from pyarrow import parquet

from connectors.batch import Shape
from connectors.file.formats import Reading, Wanted
from connectors.file.formats.headers import asked, lacking, missing
from infra.prefetch import prefetched
from schemas.errors import SourceError, TruncatedFile, WrongFormat

_MAGIC = b"PAR1"
_IPC_FILE = b"ARROW1"
_BROKEN = (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError)


def read_parquet(path: Path, wanted: Wanted, rows: int) -> Reading:
    """Stream the needed columns in the file's own types; what has parts (lists, structs, maps) becomes JSON text."""
    file = _opened(path, wanted)
    shape = _shape(file)
    try:
        names = _names(shape, path, wanted)
    except SourceError:
        file.close()
        raise
    return Reading(shape, prefetched(_tables(file, names, path, wanted, rows)))


def read_stream(path: Path, wanted: Wanted, rows: int) -> Reading:
    """Read an Arrow IPC stream, or a file of it, likewise; its batches are as large as its writer made them."""
    file = path.open("rb")
    try:
        stream = _ipc(file)
        shape = {field.name: str(field.type) for field in stream.schema}
        names = _names(shape, path, wanted)
    except _BROKEN:
        file.close()
        raise _broken(path, wanted, "an Arrow IPC stream") from None
    except SourceError:
        file.close()
        raise
    return Reading(shape, _streamed(file, stream, names, path, wanted))


def _ipc(file: Any) -> Any:
    head = file.read(len(_IPC_FILE))
    file.seek(0)
    if head == _IPC_FILE:
        opened = pa.ipc.open_file(file)
        return pa.RecordBatchReader.from_batches(
            opened.schema, (opened.get_batch(place) for place in range(opened.num_record_batches))
        )
    return pa.ipc.open_stream(file)


def _streamed(
    file: Any, stream: Any, names: dict[str, str], path: Path, wanted: Wanted
) -> Iterator[pa.Table]:
    with file:
        try:
            for batch in stream:
                yield pa.table({column: _simple(batch.column(name)) for column, name in names.items()})
        except _BROKEN:
            raise _broken(path, wanted, "a whole Arrow IPC stream") from None


def _names(shape: Shape, path: Path, wanted: Wanted) -> dict[str, str]:
    names = {column: name for column in asked(wanted) if (name := _present(column, shape, wanted))}
    if without := lacking(wanted, names):
        raise missing(without, wanted, f"file {path.name}", shape)
    return names


def described(path: Path, wanted: Wanted) -> Shape:
    """Return every column with its type in Arrow."""
    with _opened(path, wanted) as file:
        return _shape(file)


def _opened(path: Path, wanted: Wanted) -> parquet.ParquetFile:
    _refuse_cut_file(path, wanted)
    try:
        return parquet.ParquetFile(path, memory_map=False)
    except _BROKEN:
        raise _broken(path, wanted) from None


def _shape(file: parquet.ParquetFile) -> dict[str, str]:
    return {field.name: str(field.type) for field in file.schema_arrow}


def _present(column: str, shape: Shape, wanted: Wanted) -> str | None:
    names = (column, *wanted.option("aliases").get(column, ()))
    return next((name for name in names if name in shape), None)


def _tables(
    file: parquet.ParquetFile, names: dict[str, str], path: Path, wanted: Wanted, rows: int
) -> Generator[pa.Table, None, None]:
    with file:
        try:
            for batch in file.iter_batches(batch_size=rows, columns=list(dict.fromkeys(names.values()))):
                yield pa.table({column: _simple(batch.column(name)) for column, name in names.items()})
        except _BROKEN:
            raise _broken(path, wanted) from None


def _simple(column: pa.Array) -> pa.Array:
    """Bring a column to a type that the hub's own reading knows."""
    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        return _simple(column.storage)
    if pt.is_dictionary(kind):
        return _simple(column.dictionary_decode())
    if pt.is_nested(kind):
        return _as_json(column)
    if pt.is_large_string(kind) or pt.is_string_view(kind) or pt.is_null(kind) or pt.is_duration(kind):
        return column.cast(pa.string())
    if pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind) or pt.is_binary_view(kind):
        return _readable(column.cast(pa.binary()))
    if pt.is_binary(kind):
        return _readable(column)
    return column.cast(pa.float32()) if pt.is_float16(kind) else column


def _readable(column: pa.Array) -> pa.Array:
    """Some writers call text binary; bytes that are none are written in hexadecimal, as WKB often is."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())


def _as_json(column: pa.Array) -> pa.Array:
    texts = [
        None if value is None else json.dumps(value, ensure_ascii=False, default=str)
        for value in column.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _refuse_cut_file(path: Path, wanted: Wanted) -> None:
    """A Parquet file begins and ends with its magic word; what describes the columns is at the end."""
    with path.open("rb") as file:
        head = file.read(4)
        size = file.seek(0, 2)
        file.seek(max(0, size - 4))
        end = file.read()
    if not head or (head == _MAGIC and end != _MAGIC):
        raise TruncatedFile(
            f"Source {wanted.code}, file {path.name} ends before its columns are described.",
            hint="Ask the department to deliver the file again.",
            source=wanted.code,
            file=path.name,
        )


def _broken(path: Path, wanted: Wanted, what: str = "Parquet") -> SourceError:
    return WrongFormat(
        f"Source {wanted.code}, file {path.name} is not {what}, or a broken one.",
        source=wanted.code,
        file=path.name,
    )
