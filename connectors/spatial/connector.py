"""The connector for layers of features: delivered files, or a service that gives features page by page.

Whatever they come in, geometry leaves in EPSG:4490, longitude before latitude, and none that is invalid passes in silence.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from connectors.batch import Delivery
from connectors.connector import Connector
from connectors.source import Source


class SpatialConnector:
    """A department's layers."""

    def __init__(self, source: Source) -> None:
        self._origin = _open(source)

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield what is new in the files, or everything that the service has."""
        yield from self._origin.deliveries(state, batch_rows)

    def references(self) -> Iterator[pa.Array]:
        """Yield the references of a service's features; files cannot tell."""
        yield from self._origin.references()

    def acknowledge(self, state: dict[str, Any]) -> None:
        """Files and services stay as they are."""

    def close(self) -> None:
        """Let the system go."""
        self._origin.close()


def _open(source: Source) -> Connector:
    if source.option("service") is not None:
        from connectors.spatial.service import ServiceConnector

        return ServiceConnector(source)
    from connectors.spatial.files import SpatialFiles

    return SpatialFiles(source)
