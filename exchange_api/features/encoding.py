"""Features in the forms that maps read, one table: GeoJSON (RFC 7946) and FlatGeobuf.

Part of the security boundary: encoders hold records in the clear.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyogrio
import shapely

from exchange_api.features.reference_systems import CRS84, SYSTEMS, brought
from schemas.resource import Resource

GEOJSON = "application/geo+json"
FLATGEOBUF = "application/flatgeobuf"


@dataclass(frozen=True, slots=True)
class Feature:
    """A record as it is told: its id, its geometry as WKB in the stored system (None where it has none), its other items."""

    id: str
    geometry: bytes | None
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Features of one collection with the ``items`` that are their properties, and what GeoJSON says beside them."""

    resource: Resource
    items: Sequence[str]
    features: Sequence[Feature]
    crs: str = CRS84
    around: Mapping[str, Any] = field(default_factory=dict)

    def geometries(self, *, swapped: bool) -> np.ndarray:
        """Return the geometries in the reference system that was asked for: axes in its own order, or ``swapped`` to x, y."""
        given: np.ndarray = shapely.from_wkb([one.geometry for one in self.features])
        return brought(given, self.crs, swapped=swapped)


def geojson(page: Page) -> bytes:
    """Encode a FeatureCollection."""
    return b'{"type":"FeatureCollection","features":[%b]%b}' % (
        b",".join(_features(page)),
        b"" if not page.around else b"," + orjson.dumps(page.around)[1:-1],
    )


def geojson_feature(page: Page) -> bytes:
    """Encode the only feature of a page, with the links around it."""
    (one,) = _features(page)
    return one[:-1] + (b"," + orjson.dumps(page.around)[1:] if page.around else b"}")


def _features(page: Page) -> Sequence[bytes]:
    shapes = shapely.to_geojson(page.geometries(swapped=False))
    return [
        orjson.dumps(
            {
                "type": "Feature",
                "id": one.id,
                "geometry": None if shape is None else orjson.Fragment(shape),
                "properties": one.properties,
            }
        )
        for one, shape in zip(page.features, shapes, strict=True)
    ]


def flatgeobuf(page: Page) -> bytes:
    """Encode a layer in the order of the page, so without a spatial index; x before y, as that form has it in every system."""
    columns = {"id": pa.array([one.id for one in page.features], pa.string())}
    kinds = {item.name: item.arrow_type for item in page.resource.items}
    for name in page.items:
        columns[name] = _column([one.properties[name] for one in page.features], kinds[name])
    columns["geometry"] = pa.array(shapely.to_wkb(page.geometries(swapped=True)), pa.binary())
    file = io.BytesIO()
    pyogrio.write_arrow(
        pa.table(columns),
        file,
        driver="FlatGeobuf",
        layer=page.resource.code,
        geometry_name="geometry",
        geometry_type="Unknown",
        crs=SYSTEMS[page.crs],
        SPATIAL_INDEX="NO",
    )
    return file.getvalue()


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Make a column of JSON-ready values; what GDAL has no type for stays text."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return pa.array(values, kind)
    if pa.types.is_decimal(kind):
        return pa.array([None if one is None else float(one) for one in values], pa.float64())
    return pa.array([None if one is None else str(one) for one in values], pa.string())


@dataclass(frozen=True, slots=True)
class Form:
    """How features are sent: the media type, what encodes a page, and what one feature alone."""

    media_type: str
    page: Callable[[Page], bytes]
    feature: Callable[[Page], bytes]


FORMS: Mapping[str, Form] = {
    GEOJSON: Form(GEOJSON, geojson, geojson_feature),
    FLATGEOBUF: Form(FLATGEOBUF, flatgeobuf, flatgeobuf),
}
SHORT: Mapping[str, str] = {"json": GEOJSON, "geojson": GEOJSON, "fgb": FLATGEOBUF, "flatgeobuf": FLATGEOBUF}
"""What the parameter ``f`` may say."""
