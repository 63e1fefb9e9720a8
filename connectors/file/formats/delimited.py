"""CSV and its kin, streamed: memory is bounded by a few blocks and the batch."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from connectors.file.formats import Reading, Wanted
from connectors.file.formats.blocks import filled_down
from connectors.file.formats.encoding import UTF_8, Encoding, tell_encoding
from connectors.file.formats.layout import Layout, find_layout, refuse_unclosed_quote
from connectors.file.formats.tail import before_footer
from connectors.file.spool import Spool, spooled
from infra.prefetch import prefetched
from schemas.errors import TruncatedFile, WrongFormat

_BLOCKS = (1 << 20, 16 << 20)
"""Bytes that are parsed at a time; the longer only where a row does not fit into the shorter."""
_TOO_LONG = "straddling object"
_GROWTH = 3
"""How many times as long a text may be in UTF-8: a byte of Windows-1252 may be one of three."""


def read_delimited(path: Path, wanted: Wanted, rows: int) -> Reading:
    """Stream the needed columns as strings, a block ahead of need; every row must have as many fields as the header."""
    with ExitStack() as stack:
        content, encoding = stack.enter_context(_in_utf8(path, wanted))
        layout = find_layout(content, wanted, encoding)
        if encoding.quotes % 2:
            refuse_unclosed_quote(content, wanted, encoding, layout.delimiter)
        tables = _tables(content, wanted, encoding, layout, stack.pop_all())
    return Reading(layout.header.shape, prefetched(filled_down(tables, wanted.option("fill_down"))))


@contextmanager
def _in_utf8(path: Path, wanted: Wanted) -> Iterator[tuple[Path, Encoding]]:
    """Give the file as it is read: in UTF-8, decoded once into a copy where it is in another encoding."""
    with ExitStack() as stack:
        copies: list[Spool] = []

        def copy() -> Spool:
            limit = _GROWTH * path.stat().st_size
            copies.append(stack.enter_context(spooled(wanted, path.name, limit=limit)))
            return copies[0]

        encoding = tell_encoding(path, wanted, copy)
        content = copies[0].finish() if copies else path
        yield content, replace(encoding, codec=UTF_8)


def _tables(
    path: Path, wanted: Wanted, encoding: Encoding, layout: Layout, held: ExitStack
) -> Generator[pa.Table, None, None]:
    with held:
        done = 0
        for size in _BLOCKS:
            try:
                for table in _blocks(path, wanted, encoding, layout, size, done):
                    done += table.num_rows
                    yield table
                return
            except pa.ArrowInvalid as error:
                if _TOO_LONG not in str(error) or size == _BLOCKS[-1]:
                    break
        raise _refusal(path, wanted, encoding, _wrong_rows(path, wanted, encoding, layout))


def _blocks(
    path: Path, wanted: Wanted, encoding: Encoding, layout: Layout, size: int, done: int
) -> Iterator[pa.Table]:
    """Yield the rows behind the first ``done``."""
    names = list(layout.header.positions)
    count = 0
    with _opened(path, wanted, encoding, layout, size) as stream:
        for block in stream:
            count += block.num_rows
            if count > done:
                table = pa.Table.from_batches([block]).rename_columns(names)
                yield table.slice(max(0, done - (count - block.num_rows)))


def _wrong_rows(path: Path, wanted: Wanted, encoding: Encoding, layout: Layout) -> list[Any]:
    """Read again without threads, for only so is a wrong row's number known."""
    bad: list[Any] = []
    with suppress(pa.ArrowInvalid), _opened(path, wanted, encoding, layout, _BLOCKS[-1], bad) as stream:
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
    path: Path, wanted: Wanted, encoding: Encoding, layout: Layout, size: int, bad: list[Any] | None = None
) -> Iterator[arrow_csv.CSVStreamingReader]:
    # Columns are numbered, not named: a file may hold a name twice among those that are not needed.
    numbered = [f"c{position}" for position in range(layout.header.width)]
    needed = [numbered[position] for position in layout.header.positions.values()]
    with before_footer(path, wanted, layout) as content:
        yield arrow_csv.open_csv(
            content,
            read_options=arrow_csv.ReadOptions(
                skip_rows=layout.lines,
                column_names=numbered,
                block_size=size,
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
        and _is_last(path, row.text)
    ):
        hint = "Ask the department to deliver the file again."
        return TruncatedFile(f"{place} ends within its last row, {where}: {counts}.", hint=hint, **context)
    hint = "Rows below the data that are no data are left out by options.until or options.footer_rows."
    return WrongFormat(f"{place}, {where} has {counts}.", hint=hint, **context)


def _is_last(path: Path, text: str) -> bool:
    tail = text.encode()
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - len(tail)))
        return file.read() == tail
