"""The connector for streams of changes: at least once out of the department's system, exactly once into the library.

Nothing is taken off a stream before what it said is stored: a change that comes again is found unchanged.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import pyarrow as pa

from connectors.batch import Delivery
from connectors.connector import Connector, Glimpsed
from connectors.source import Source


class _Stream(Connector, Glimpsed, Protocol):
    """A stream of either kind."""


class StreamConnector:
    """A department's stream."""

    def __init__(self, source: Source) -> None:
        self._stream = _open(source)

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield what the stream has behind ``state``; a table's log begins with all rows of the table."""
        yield from self._stream.deliveries(state, batch_rows)

    def glimpse(self, rows: int) -> Iterator[Delivery]:
        """Yield rows of the table, or messages of the queue, and leave the log or the queue as it is."""
        yield from self._stream.glimpse(rows)

    def references(self) -> Iterator[pa.Array]:
        """Yield the references of the table's rows; a queue cannot tell."""
        yield from self._stream.references()

    def acknowledge(self, state: dict[str, Any]) -> None:
        """Let the stream forget what is stored."""
        self._stream.acknowledge(state)

    def close(self) -> None:
        """Let the system go."""
        self._stream.close()


def _open(source: Source) -> _Stream:
    if source.option("changes") is not None:
        from connectors.stream.change_log import ChangeLog

        return ChangeLog(source)
    from connectors.stream.message_queue import MessageQueue

    return MessageQueue(source)
