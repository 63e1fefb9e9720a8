"""CSV and its kin, streamed: memory is bounded by a block of 4 MiB and the batch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from connectors.file.formats import Reading, Wanted
from connectors.file.formats.blocks import filled_down
from connectors.file.formats.encoding import Encoding, tell_encoding
from connectors.file.formats.layout import Layout, find_layout, refuse_unclosed_quote
from connectors.file.formats.tail import before_footer
from schemas.errors import TruncatedFile, WrongFormat

_BLOCK = 4 << 20


def read_delimited(path: Path, wanted: Wanted, rows: int) -> Reading:
    """Stream the needed columns as strings, in blocks of Arrow's; every row must have as many fields as the header."""
    encoding = tell_encoding(path, wanted)
    layout = find_layout(path, wanted, encoding)
    if encoding.quotes % 2:
        refuse_unclosed_quote(path, wanted, encoding, layout.delimiter)
    tables = _tables(path, wanted, encoding, layout)
    return Reading(layout.header.shape, filled_down(tables, wanted.option("fill_down")))


def _tables(path: Path, wanted: Wanted, encoding: Encoding, layout: Layout) -> Iterator[pa.Table]:
    names = list(layout.header.positions)
    try:
        with _opened(path, wanted, encoding, layout) as stream:
            for block in stream:
                yield pa.Table.from_batches([block]).rename_columns(names)
    except pa.ArrowInvalid:
        raise _refusal(path, wanted, encoding, _wrong_rows(path, wanted, encoding, layout)) from None


def _wrong_rows(path: Path, wanted: Wanted, encoding: Encoding, layout: Layout) -> list[Any]:
    """Read again without threads, for only so is a wrong row's number known."""
    bad: list[Any] = []
    with suppress(pa.ArrowInvalid), _opened(path, wanted, encoding, layout, bad) as stream:
        for _ in stream:
            pass
    return bad


def _noting(bad: list[Any]) -> Callable[[Any], str]:
    def note(row: Any) -> str:
        bad.append(row)
        return "error"

    return note


@contextmanager
def _opened(
    path: Path, wanted: Wanted, encoding: Encoding, layout: Layout, bad: list[Any] | None = None
) -> Iterator[arrow_csv.CSVStreamingReader]:
    # Columns are numbered, not named: a file may hold a name twice among those that are not needed.
    numbered = [f"c{position}" for position in range(layout.header.width)]
    needed = [numbered[position] for position in layout.header.positions.values()]
    with before_footer(path, wanted, encoding, layout) as content:
        yield arrow_csv.open_csv(
            content,
            read_options=arrow_csv.ReadOptions(
                encoding="utf8" if encoding.codec == "utf-8-sig" else encoding.codec,
                skip_rows=layout.lines,
                column_names=numbered,
                block_size=_BLOCK,
                use_threads=bad is None,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=layout.delimiter,
                newlines_in_values=encoding.quotes > 0,
                # no Python on Arrow's threads: they may outlive the interpreter when a run is stopped
                invalid_row_handler=None if bad is None else _noting(bad),
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in needed},
                include_columns=needed,
                strings_can_be_null=False,
            ),
        )


def _refusal(path: Path, wanted: Wanted, encoding: Encoding, bad: list[arrow_csv.InvalidRow]) -> Exception:
    place = f"Source {wanted.code}, file {path.name}"
    if not bad:
        return WrongFormat(f"{place} cannot be read as CSV.", source=wanted.code, file=path.name)
    row = bad[-1]
    where = f"line {row.number}" if not encoding.quotes else f"row {row.number}"
    counts = f"{row.actual_columns} fields where the header has {row.expected_columns}"
    context: dict[str, Any] = {"source": wanted.code, "file": path.name, "line": row.number}
    if (
        row.actual_columns < row.expected_columns
        and not encoding.ends_in_newline
        and _is_last(path, encoding, row.text)
    ):
        hint = "Ask the department to deliver the file again."
        return TruncatedFile(f"{place} ends within its last row, {where}: {counts}.", hint=hint, **context)
    hint = "Rows below the data that are no data are left out by options.until or options.footer_rows."
    return WrongFormat(f"{place}, {where} has {counts}.", hint=hint, **context)


def _is_last(path: Path, encoding: Encoding, text: str) -> bool:
    tail = text.encode(encoding.codec if encoding.codec not in ("utf-16", "utf-8-sig") else "utf-8")
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - len(tail) * 2 - 2))
        end = file.read()
    if encoding.codec == "utf-16":
        return end.endswith((text.encode("utf-16-le"), text.encode("utf-16-be")))
    return end.endswith(tail)
