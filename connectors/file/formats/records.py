"""JSON: an array of objects, an object that holds one under ``options.record_path``, or JSON Lines; streamed."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.file.formats.encoding import tell_encoding
from connectors.file.formats.headers import missing
from connectors.file.formats.json_stream import JsonStream
from connectors.source import Source
from schemas.errors import WrongFormat


def read_records(path: Path, source: Source, rows: int) -> Iterator[pa.Table]:
    """Yield the needed members of each record as strings; an absent member is null.

    Writers of JSON leave out what is empty, so a column counts as missing when no record of the first batch has it.
    """
    stream = JsonStream(path, tell_encoding(path, source).codec, source.code)
    records = stream.records(_path(source))
    first = True
    while part := list(islice(records, rows)):
        for record in part:
            if not isinstance(record, dict):
                raise WrongFormat(
                    f"Source {source.code}, file {path.name}: a record is not an object.",
                    source=source.code,
                    file=path.name,
                )
        if first:
            _require_columns(part, path, source)
            first = False
        yield pa.table(
            {
                name: pa.array([_text(record.get(name)) for record in part], pa.string())
                for name in source.columns
            }
        )


def _path(source: Source) -> tuple[str, ...]:
    declared = source.option("record_path")
    return tuple(str(declared).split(".")) if declared else ()


def _require_columns(records: list[dict[str, Any]], path: Path, source: Source) -> None:
    found = set().union(*records)
    if lacking := [name for name in source.columns if name not in found]:
        raise missing(lacking, source, f"file {path.name}")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)
