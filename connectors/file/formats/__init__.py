"""One reader per file format; each streams Arrow tables of the columns a source needs.

Columns come as strings, exactly as written, except a ``geometry`` column of WKB. A reader raises ``WrongFormat``,
``TruncatedFile``, ``UnknownEncoding`` or ``MissingColumn``, naming source, file and place.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from connectors.source import Source

Reader = Callable[[Path, Source, int], Iterator[pa.Table]]


def reader_of(format_name: str) -> Reader:
    """Return the reader of a format of ``FILE_FORMATS``; loads its libraries only now."""
    if format_name == "csv":
        from connectors.file.formats.delimited import read_delimited

        return read_delimited
    if format_name == "excel":
        from connectors.file.formats.excel import read_workbook

        return read_workbook
    if format_name == "json":
        from connectors.file.formats.records import read_records

        return read_records
    from connectors.file.formats.layers import read_layer

    return read_layer
