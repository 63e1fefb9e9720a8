"""Pulling what is new at a source, as batches in bounded memory."""

from collections.abc import Iterator
from typing import Any

from connectors.batch import Batch, content_digest
from connectors.source import Source

__all__ = ["Batch", "pull"]

DEFAULT_BATCH_ROWS = 20_000


def pull(
    source: Source, state: dict[str, Any] | None = None, batch_rows: int = DEFAULT_BATCH_ROWS
) -> Iterator[Batch]:
    """Yield the source's new rows in batches of at most ``batch_rows``; nothing new yields nothing.

    ``state`` is the ``watermark`` of the last batch that was committed; None reads from the start. A pull that is
    interrupted and started again from that state yields the same batches, with the same digests, from there on.
    Raises a ``SourceError`` that names source and place.
    """
    if source.connector == "sql":
        from connectors.sql import read_rows as read
    else:
        from connectors.file import read_files as read
    for delivery in read(source, state, batch_rows):
        digest = content_digest(delivery.table)
        yield Batch(source.code, delivery.table, digest, delivery.window, delivery.watermark, delivery.as_of)
