"""A page of rows, and the databases that give one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from connectors.batch import Shape
from connectors.sql.values import json_ready

Key = list[Any]
Span = tuple[str, str, str | None]
UNPLACED = "_unplaced"


@dataclass(frozen=True)
class Page:
    """Up to ``limit`` rows of ``columns`` in the order of the columns ``order``, behind the key ``after``.

    ``null`` restricts it to rows in which that column is (True) or is not (False) null, or what the database has in place of
    null: a zero date, an infinite one. ``within`` restricts it to those in which a column is at least the first value and, if
    there is one, below the second. Of a database that is ``nulls_first``, rows in which the column ``besides`` is null, or what
    stands for it, come too, before the others; a column ``UNPLACED`` tells them. Rows come at most ``chunk`` at a time.
    """

    columns: tuple[str, ...]
    order: tuple[str, ...]
    limit: int
    after: Key | None = None
    null: tuple[str, bool] | None = None
    within: Span | None = None
    besides: str | None = None
    chunk: int = 10_000


class Register(Protocol):
    """A department's database: one table, view or query of it, open for reading on one connection."""

    @property
    def shape(self) -> Shape:
        """Every column with its type."""

    @property
    def nulls_first(self) -> bool:
        """Whether null, and what stands for it, comes before all values in this database's order."""

    def rows(self, page: Page) -> Iterator[pa.Table]:
        """Stream one page, in a transaction of its own that can only read."""

    def close(self) -> None:
        """Let the database go."""


def behind(tables: Iterator[pa.Table], page: Page) -> Iterator[pa.Table]:
    """Leave out the one row that has exactly the key of the page before, and what is more than the page may have.

    A page is asked for from that key on, so that none is passed over that has the same, or one that the database holds for equal.
    """
    wanted, key = page.limit, [str(part) for part in page.after or ()]
    looking = True
    for table in tables:
        kept = table
        if looking:
            place, looking = _place(table, page.order, key)
            kept = (
                table if place is None else pa.concat_tables([table.slice(0, place), table.slice(place + 1)])
            )
        kept = kept.slice(0, wanted)
        wanted -= kept.num_rows
        if kept.num_rows:
            yield kept


def _place(table: pa.Table, order: Sequence[str], key: list[str]) -> tuple[int | None, bool]:
    """Find the row of that key among the first ones, which are those that may be equal to it; tell if it may still come."""
    rows = zip(*(table.column(name).to_pylist() for name in order), strict=True)
    alike = [part.strip().casefold() for part in key]
    for place, row in enumerate(rows):
        found = [str(json_ready(value)) for value in row]
        if found == key:
            return place, False
        if [part.strip().casefold() for part in found] != alike:
            return None, False
    return None, True
