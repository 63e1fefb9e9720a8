"""The forms that records are answered in, one table: media type → what encodes them, portion by portion.

Part of the security boundary: encoders hold records in the clear.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from exchange_api.answers import JSON
from exchange_api.negotiation import best
from exchange_api.tabular import Layout, Told

JSON_LINES = "application/x-ndjson"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
_FORMULA = r"^[=+\-@\t\r]"  # what a spreadsheet would take for a formula
_CRLF = "\r\n"


class Encoder(Protocol):
    """Encodes the records of one answer in the order they come."""

    def portion(self, told: Sequence[Told]) -> bytes:
        """Return the next records' bytes, behind what opens the form where they are the first."""
        ...

    def end(self) -> bytes:
        """Return what closes the form."""
        ...


class Lines:
    """JSON Lines: a record a line, as JSON tells it; a key without a record is ``{"key": …, "missing": true}``."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def portion(self, told: Sequence[Told]) -> bytes:
        """Return a line each."""
        return b"".join(orjson.dumps(_marked(one), option=orjson.OPT_APPEND_NEWLINE) for one in told)

    def end(self) -> bytes:
        """Return nothing: the last line ends."""
        return b""


def _marked(one: Told) -> Told:
    return one if "data" in one or "answer" in one else {**one, "missing": True}


class Csv:
    """CSV (RFC 4180) in UTF-8 with a header: texts in quotes, null an empty field without them, geometries as WKT.

    A text that a spreadsheet would take for a formula stands behind an apostrophe, unless ``exact``.
    """

    def __init__(self, layout: Layout, *, exact: bool = False) -> None:
        self._layout, self._exact, self._begun = layout, exact, False

    def portion(self, told: Sequence[Told]) -> bytes:
        """Return a line each, behind the header's where they are the first."""
        table = self._layout.table(told)
        lines = [] if self._begun else [",".join(table.column_names)]
        self._begun = True
        if table.num_rows:
            columns = [self._texts(table.field(place), column) for place, column in enumerate(table.columns)]
            lines += pc.binary_join_element_wise(*columns, ",").to_pylist()
        return "".join(line + _CRLF for line in lines).encode()

    def end(self) -> bytes:
        """Return nothing: the last line ends."""
        return b""

    def _texts(self, field: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if pa.types.is_binary(field.type):
            told = [None if one is None else shapely.from_wkb(one).wkt for one in column.to_pylist()]
            column = pa.chunked_array([pa.array(told, pa.string())])
        elif not pa.types.is_string(field.type):
            return _plain(column).fill_null("")
        elif not self._exact:
            suspect = pc.match_substring_regex(column, _FORMULA)
            column = pc.if_else(suspect, pc.binary_join_element_wise("'", column, ""), column)
        quoted = pc.replace_substring(column, '"', '""')
        return pc.binary_join_element_wise('"', quoted, '"', "").fill_null("")


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return values that need no quotes as texts; moments as JSON writes them."""
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%S+00:00")
    return column.cast(pa.string())


class _Drained(io.RawIOBase):
    """A file that is only written to, and emptied as it is."""

    def __init__(self) -> None:
        super().__init__()
        self._held, self._place = bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, given: Any) -> int:
        self._held += given
        self._place += len(given)
        return len(given)

    def tell(self) -> int:
        return self._place

    def drained(self) -> bytes:
        given, self._held = bytes(self._held), bytearray()
        return given


class Columns:
    """Arrow's stream, or Parquet, a row group a portion and without statistics of their values."""

    def __init__(self, layout: Layout, *, parquet: bool) -> None:
        self._layout, self._file = layout, _Drained()
        if parquet:
            about = {"compression": "zstd", "write_statistics": False}
            self._writer = pq.ParquetWriter(self._file, layout.schema, **about)
        else:
            self._writer = pa.ipc.new_stream(self._file, layout.schema)

    def portion(self, told: Sequence[Told]) -> bytes:
        """Return the next batch."""
        if told:
            self._writer.write_table(self._layout.table(told))
        return self._file.drained()

    def end(self) -> bytes:
        """Return the mark of the end, or the footer."""
        self._writer.close()
        return self._file.drained()


@dataclass(frozen=True, slots=True)
class Format:
    """A form that was chosen: what the answer's Content-Type says, and who encodes it; JSON has no encoder, its answers being one object."""

    media_type: str
    encoder: Callable[[Layout], Encoder] | None = None

    def whole(self, layout: Layout, told: Sequence[Told]) -> bytes:
        """Encode an answer that is whole."""
        if self.encoder is None:
            return orjson.dumps(list(told))
        encoder = self.encoder(layout)
        return encoder.portion(told) + encoder.end()


_CSV_SENT = f"{CSV}; charset=utf-8; header=present"
FORMATS: Mapping[str, Format] = {
    JSON: Format(JSON),
    JSON_LINES: Format(JSON_LINES, Lines),
    CSV: Format(_CSV_SENT, Csv),
    ARROW: Format(ARROW, partial(Columns, parquet=False)),
    PARQUET: Format(PARQUET, partial(Columns, parquet=True)),
}
_OFFERED = tuple(FORMATS)
_EXACT = Format(_CSV_SENT, partial(Csv, exact=True))


def format_for(headers: Mapping[bytes, bytes]) -> Format:
    """Return the form that the headers of a request accept; ``NotAcceptable`` where there is none."""
    media_type, parameters = best(headers.get(b"accept", b""), _OFFERED)
    if media_type == CSV and parameters.get("formulas") == "kept":
        return _EXACT
    return FORMATS[media_type]
