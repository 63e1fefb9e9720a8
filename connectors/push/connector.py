"""The connector of sources that are pushed to: there is nothing to pull."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from connectors.batch import Delivery
from connectors.source import Source
from schemas.errors import DefinitionError


class PushConnector:
    """A source whose rows come by ``POST /v1/sources/{code}/batches``; an ingest of it finds nothing new."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield nothing: rows are pushed."""
        return iter(())

    def references(self) -> Iterator[pa.Array]:
        """A push tells what changed, not what is gone."""
        raise DefinitionError(
            f"Source {self._source.code}: deletions cannot be found by comparison where rows are pushed.",
            hint="Name a tombstone column.",
        )

    def acknowledge(self, state: dict[str, Any]) -> None:
        """The answer to the push said what was stored."""

    def close(self) -> None:
        """Nothing is open."""
