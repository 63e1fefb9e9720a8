"""CSV and its kin, streamed: memory is bounded by a few blocks and the batch."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from connectors.file.formats import Reading, Wanted
from connectors.file.formats.blocks import blank_rows, filled_down
from connectors.file.formats.encoding import UTF_8, Encoding, tell_encoding
from connectors.file.formats.layout import Layout, find_layout, refuse_unclosed_quote
from connectors.file.formats.tail import before_footer
from connectors.file.spool import Spool, spooled
from infra.prefetch import prefetched
from schemas.errors import TruncatedFile, WrongFormat

_BLOCKS = (2 << 20, 16 << 20)
"""Bytes that are parsed at a time; the longer only where a row does not fit into the shorter."""
_TOO_LONG = "straddling object"
_GROWTH = 3
"""How many times as long a text may be in UTF-8: a byte of Windows-1252 may be one of three."""


def read_delimited(path: Path, wanted: Wanted, rows: int) -> Reading:
    """Stream the needed columns as strings, a block ahead of need; every row must have as many fields as the header.

    Rows without a single value are left out.
    """
    with ExitStack() as stack:
        content, encoding = stack.enter_context(_in_utf8(path, wanted))
        layout = find_layout(content, wanted, encoding)
        if encoding.quotes % 2:
            refuse_unclosed_quote(content, wanted, encoding, layout.delimiter)
        tables = _tables(_Csv(content, wanted, encoding, layout), stack.pop_all())
    return Reading(layout.header.shape, prefetched(filled_down(tables, wanted.option("fill_down"))))


@contextmanager
def _in_utf8(path: Path, wanted: Wanted) -> Iterator[tuple[Path, Encoding]]:
    """Give the file as it is read: in UTF-8, decoded once into a copy where it is in another encoding."""
    with ExitStack() as stack:
        copies: list[Spool] = []

        def copy() -> Spool:
            limit = _GROWTH * path.stat().st_size
            copies.append(stack.enter_context(spooled(wanted, path.name, limit=limit)))
            copies[0].unname()
            return copies[0]

        encoding = tell_encoding(path, wanted, copy)
        content = copies[0].finish() if copies else path
        yield content, replace(encoding, codec=UTF_8)


def _tables(csv: "_Csv", held: ExitStack) -> Iterator[pa.Table]:
    """Yield the rows; begin again behind those handed on, and read otherwise, where one does not fit a block or seems blank."""
    size, every, done = _BLOCKS[0], False, 0
    with held:
        while True:
            try:
                for table in csv.blocks(size, every, done):
                    blank = blank_rows(table)
                    if blank is not None and not every:
                        every = True
                        break
                    done += table.num_rows
                    yield csv.needed(table if blank is None else table.filter(pc.invert(blank)))
                else:
                    return
            except pa.ArrowInvalid as error:
                if _TOO_LONG not in str(error) or size == _BLOCKS[-1]:
                    raise csv.refusal() from None
                size = _BLOCKS[-1]


@dataclass(frozen=True)
class _Csv:
    """A file in UTF-8 whose layout is known.

    Columns are numbered, not named: a file may hold a name twice among those that are not needed.
    """

    path: Path
    wanted: Wanted
    encoding: Encoding
    layout: Layout

    def blocks(self, size: int, every: bool, done: int) -> Iterator[pa.Table]:
        """Yield the rows behind the first ``done``, with the needed columns or with every one."""
        count = 0
        with self._opened(size, every) as stream:
            for block in stream:
                count += block.num_rows
                if count > done:
                    table = pa.Table.from_batches([block])
                    yield table.slice(max(0, done - (count - block.num_rows)))

    def needed(self, table: pa.Table) -> pa.Table:
        """Give the needed columns by their names."""
        names = list(self.layout.header.positions)
        return table.select(self._numbers()).rename_columns(names)

    def refusal(self) -> Exception:
        """Read again without threads, for only so is a wrong row's number known, and tell what is wrong with it."""
        bad: list[Any] = []
        with suppress(pa.ArrowInvalid), self._opened(_BLOCKS[-1], False, bad) as stream:
            for _ in stream:
                pass
        return _refusal(self.path, self.wanted, self.encoding, bad)

    def _numbers(self) -> list[str]:
        return [f"c{position}" for position in self.layout.header.positions.values()]

    @contextmanager
    def _opened(
        self, size: int, every: bool, bad: list[Any] | None = None
    ) -> Iterator[arrow_csv.CSVStreamingReader]:
        numbered = [f"c{position}" for position in range(self.layout.header.width)]
        read = numbered if every else self._numbers()
        with before_footer(self.path, self.wanted, self.layout) as content:
            yield arrow_csv.open_csv(
                content,
                read_options=arrow_csv.ReadOptions(
                    skip_rows=self.layout.lines,
                    column_names=numbered,
                    block_size=size,
                    use_threads=bad is None,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.layout.delimiter,
                    newlines_in_values=self.encoding.quotes > 0,
                    # no Python on Arrow's threads: they may outlive the interpreter when a run is stopped
                    invalid_row_handler=None if bad is None else _noting(bad),
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(read, pa.string()),
                    include_columns=read,
                    strings_can_be_null=False,
                    check_utf8=False,  # the whole file was seen to be UTF-8
                ),
            )


def _noting(bad: list[Any]) -> Callable[[Any], str]:
    def note(row: Any) -> str:
        bad.append(row)
        return "error"

    return note


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
