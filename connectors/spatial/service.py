"""Features from a service, page by page; each page is asked for by the client of ``connector: rest`` and read as a file is.

GDAL could page by itself, but stops in silence where a page fails. Everything is read in every pull, and compared by the library.
A pull that was interrupted goes on within the page where it stopped, where that page is still the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.batch import (
    FAULT_ITEM,
    FAULT_REASON,
    FAULT_RULE,
    Delivery,
    content_digest,
    rechunk,
    with_last,
)
from connectors.file.formats.headers import missing
from connectors.references import row_references
from connectors.rest import refusals
from connectors.rest.session import Session
from connectors.source import Source
from connectors.spatial.layers import GEOMETRY, VALIDITY
from connectors.spatial.options import ServiceOptions, ServiceSource
from connectors.spatial.pages import OgcApi, Page, Place, Wfs

_PAGE, _ROW = "_page", "_place"
_FAULTS = (FAULT_ITEM, FAULT_RULE, FAULT_REASON)
_KINDS = {"wfs": Wfs, "ogc_api": OgcApi}


@dataclass(frozen=True)
class _Spot:
    """A place among the pages: ``rows`` of the page at ``place`` are done, whose content is ``mark``."""

    place: Place
    before: int
    rows: int
    mark: str


class ServiceConnector:
    """A department's service."""

    def __init__(self, source: Source) -> None:
        self._source = source
        told: ServiceOptions = source.option("service")
        self._name = refusals.place_of(source, told.url)
        self._session = Session(cast("Source", ServiceSource(source)))
        self._pages = _KINDS[told.kind](source, told, self._session, self._name)
        self._read: dict[int, tuple[Page, pa.Table]] = {}
        self._oldest = 0  # page of the last row that was handed on
        self._shape: dict[str, str] = {}

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield every feature, or those behind where an interrupted pull stopped."""
        spot = _Spot(**state["spot"]) if state and state["spot"] else None
        as_of = datetime.now(UTC)
        for table, last in with_last(rechunk(self._tables(spot), batch_rows)):
            following = None if last else vars(self._spot(table))
            rows = table.drop_columns([_PAGE, _ROW])
            yield Delivery(
                rows, f"layer {self._source.option('layer')}", {"spot": following}, as_of, dict(self._shape)
            )

    def references(self) -> Iterator[pa.Array]:
        """Yield the reference of every feature."""
        for page in self._pages.pages(None):
            yield self._referred(self._aligned(page), page)

    def acknowledge(self, state: dict[str, Any]) -> None:
        """A service keeps its features whatever the hub has stored."""

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _tables(self, spot: _Spot | None) -> Iterator[pa.Table]:
        """Yield the rows of each page that are not stored yet, with page (a number of its own) and place in it (from 1)."""
        for number, page in enumerate(self._pages.pages((spot.place, spot.before) if spot else None)):
            self._learn(page)
            table = self._aligned(page)
            self._read = {old: kept for old, kept in self._read.items() if old >= self._oldest}
            self._read[number] = page, table
            done = spot.rows if spot and not number and _is_same(table, spot) else 0
            marked = table.append_column("_row", self._referred(table, page))
            marked = marked.append_column(_PAGE, pa.array(np.full(table.num_rows, number)))
            yield marked.append_column(_ROW, pa.array(np.arange(1, table.num_rows + 1))).slice(done)

    def _spot(self, table: pa.Table) -> _Spot:
        number, row = table[_PAGE][-1].as_py(), table[_ROW][-1].as_py()
        page, whole = self._read[number]
        self._oldest = number
        return _Spot(page.place, page.before, row, content_digest(whole.slice(0, row)))

    def _learn(self, page: Page) -> None:
        first = not self._shape
        self._shape |= page.shape
        if first and (lacking := self._source.lacks({*self._shape, GEOMETRY, VALIDITY})):
            place = f"layer {self._source.option('layer')} of {self._name}"
            raise missing(lacking, self._source, place, self._shape)

    def _aligned(self, page: Page) -> pa.Table:
        """Give every page the same columns: what no feature of one has is null in it."""
        faults = _FAULTS if GEOMETRY in self._source.columns else ()
        columns = {}
        for name in (*self._source.columns, *faults):
            kind = pa.binary() if name == GEOMETRY else pa.string()
            known = name in page.table.column_names
            columns[name] = page.table[name] if known else pa.nulls(page.table.num_rows, kind)
        return pa.table(columns)

    def _referred(self, table: pa.Table, page: Page) -> Any:
        numbers = pa.array(np.arange(page.before + 1, page.before + 1 + table.num_rows)).cast(pa.string())
        return row_references(table, self._source.row_id, pc.binary_join_element_wise("#", numbers, ""))


def _is_same(table: pa.Table, spot: _Spot) -> bool:
    return content_digest(table.slice(0, spot.rows)) == spot.mark
