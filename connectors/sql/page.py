"""A page of rows, and the databases that give one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from connectors.batch import Shape

Key = list[Any]
Span = tuple[str, str, str]


@dataclass(frozen=True)
class Page:
    """Up to ``limit`` rows of ``columns`` in the order of the columns ``order``, behind the key ``after``.

    ``null`` restricts it to rows in which that column is (True) or is not (False) null, ``within`` to those in which a
    column is at least the first value and below the second.
    """

    columns: tuple[str, ...]
    order: tuple[str, ...]
    limit: int
    after: Key | None = None
    null: tuple[str, bool] | None = None
    within: Span | None = None


class Register(Protocol):
    """A department's database: one table, view or query of it, open for reading."""

    @property
    def shape(self) -> Shape:
        """Every column with its type."""

    def rows(self, page: Page) -> Iterator[pa.Table]:
        """Stream one page."""

    def close(self) -> None:
        """Let the database go."""
