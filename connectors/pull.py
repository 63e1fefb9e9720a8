"""Pulling what is new at a source, as batches in bounded memory."""

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import pyarrow as pa

from connectors.batch import Batch, Delivery, content_digest
from connectors.connector import Glimpsed, Windowed
from connectors.kinds import open_connector
from connectors.push.body import Body
from connectors.push.body import deliveries as body_deliveries
from connectors.source import Source
from connectors.window import Window
from schemas.errors import InvalidWindow

__all__ = ["Batch", "Window", "glimpse", "pull", "pull_window", "pushed", "standing"]

DEFAULT_BATCH_ROWS = 20_000


def pull(
    source: Source, state: dict[str, Any] | None = None, batch_rows: int = DEFAULT_BATCH_ROWS
) -> Generator[Batch, None, None]:
    """Yield the source's new rows in batches of at most ``batch_rows``; nothing new yields nothing.

    ``state`` is the ``watermark`` of the last batch that was committed; None reads from the start. A pull that is
    interrupted and started again from that state yields the same batches, with the same digests, from there on.
    Raises a ``SourceError`` that names source and place. Who stops before the end closes it, and the system with it.
    """
    with closing(open_connector(source)) as connector:
        if state is not None:
            connector.acknowledge(state)
        for delivery in connector.deliveries(state, batch_rows):
            yield _batch(source, delivery)


def glimpse(source: Source, rows: int, state: dict[str, Any] | None = None) -> Batch | None:
    """Return the first rows of the system as a batch that is not to be stored, None where there are none; leaves no mark there.

    ``state`` is as of ``pull``: the rows are the first behind it, but for a log or a queue, which are looked at from their start.
    Raises a ``SourceError`` as ``pull`` does.
    """
    with closing(open_connector(source)) as connector:
        deliveries = (
            connector.glimpse(rows) if isinstance(connector, Glimpsed) else connector.deliveries(state, rows)
        )
        delivery = next(deliveries, None)
        batch = None if delivery is None else _batch(source, delivery)
        if isinstance(deliveries, Generator):
            deliveries.close()
        return batch


def pull_window(
    source: Source, window: Window, batch_rows: int = DEFAULT_BATCH_ROWS
) -> Generator[Batch, None, None]:
    """Yield the rows of a window again, whatever was read before; the batches' watermarks are empty and not to be stored.

    Raises ``InvalidWindow`` where rows cannot be chosen by time, and a ``SourceError`` as ``pull`` does.
    """
    with closing(open_connector(source)) as connector:
        if not isinstance(connector, Windowed):
            raise InvalidWindow(
                f"Source {source.code} cannot be read by window: its system cannot choose rows by time.",
                hint="Read what is new instead, without a window.",
                source=source.code,
            )
        for delivery in connector.within(window, batch_rows):
            yield _batch(source, delivery)


def pushed(
    source: Source, body: Body, done: int, batch_rows: int = DEFAULT_BATCH_ROWS
) -> Generator[Batch, None, None]:
    """Yield a pushed body's rows behind the first ``done``; the batches' watermarks are empty and not to be stored."""
    for delivery in body_deliveries(source, body, done, batch_rows):
        yield _batch(source, delivery)


def standing(source: Source) -> Iterator[pa.Array]:
    """Yield the references of all rows that stand at the source now, in parts; raises a ``SourceError`` likewise."""
    with closing(open_connector(source)) as connector:
        yield from connector.references()


def _batch(source: Source, delivery: Delivery) -> Batch:
    table, missing = _whole(source, delivery.table)
    digest = content_digest(table)
    return Batch(
        source.code,
        table,
        digest,
        delivery.window,
        delivery.watermark,
        delivery.as_of,
        delivery.shape,
        missing,
    )


def _whole(source: Source, table: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """Add the columns that the system lacks and the source can do without, as nulls, and flag the rows that are gone."""
    missing = tuple(name for name in source.columns if name not in table.column_names)
    for name in missing:
        table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    if source.tombstone is not None and "_gone" not in table.column_names:
        table = table.append_column("_gone", source.tombstone.gone(table[source.tombstone.column]))
    return table, missing
