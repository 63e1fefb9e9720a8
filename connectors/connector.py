"""What every connector does, whatever system it reads."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from connectors.batch import Delivery
from connectors.window import Window


class Connector(Protocol):
    """A department's system, open for reading.

    A connector keeps to what the source's definition names (``source.columns``), never writes, and bounds what it asks of
    the department's system. What it cannot read is a ``SourceError`` that names source and place, and no value.
    """

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield what is new since ``state``, at most ``batch_rows`` rows at a time.

        Each delivery has the raw columns of ``source.columns`` that the system has, and ``_row``: the reference by which the
        department finds the row again. Given the ``watermark`` of a delivery that was stored, it goes on behind that one.
        """

    def references(self) -> Iterator[pa.Array]:
        """Yield the reference of every row that is there now, so that the hub finds those that are gone.

        Raises ``DefinitionError`` where a system of this kind cannot tell.
        """

    def acknowledge(self, state: dict[str, Any]) -> None:
        """What ``state`` covers is stored: a queue or a log may let it go. Most systems need no word."""

    def close(self) -> None:
        """Let the system go."""


@runtime_checkable
class Windowed(Protocol):
    """A connector whose rows can be chosen by time, so that a window of the past can be read again."""

    def within(self, window: Window, batch_rows: int) -> Iterator[Delivery]:
        """Yield the rows whose watermark lies in the window, at most ``batch_rows`` at a time; they move no watermark."""


@runtime_checkable
class Glimpsed(Protocol):
    """A connector whose reading leaves a mark at the system, as of a slot or a queue, and which can look without leaving one."""

    def glimpse(self, rows: int) -> Iterator[Delivery]:
        """Yield up to ``rows`` rows as they would come; nothing is taken off, created or advanced, and no watermark moves."""
