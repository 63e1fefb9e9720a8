"""JSON: an array of objects, an object that holds one under ``options.record_path``, or JSON Lines; streamed."""

from collections.abc import Iterator
from pathlib import Path

from connectors.file.formats import Reading, Wanted
from connectors.file.formats.encoding import tell_encoding
from connectors.file.formats.json_stream import JsonStream
from connectors.file.formats.records import Record, reading_of
from schemas.errors import WrongFormat


def read_json(path: Path, wanted: Wanted, rows: int) -> Reading:
    """Read the objects under ``options.record_path`` as records."""
    codec = tell_encoding(path, wanted).codec
    declared = wanted.option("record_path")
    record_path = tuple(str(declared).split(".")) if declared else ()

    def records() -> Iterator[Record]:
        for record in JsonStream(path, codec, wanted.code).records(record_path):
            if not isinstance(record, dict):
                raise WrongFormat(
                    f"Source {wanted.code}, file {path.name}: a record is not an object.",
                    source=wanted.code,
                    file=path.name,
                )
            yield record

    return reading_of(records, path, wanted, rows)
