"""Reference systems that features are asked for and answered in (OGC 18-058r1), one table; kept is CGCS2000, EPSG:4490."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from pyproj import Transformer
from shapely import Geometry, transform

from schemas.errors import MalformedRequest

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
"""Longitude, latitude: what GeoJSON is in, and the default."""

_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
STORED = _EPSG + "4490"
SYSTEMS: Mapping[str, str] = {
    CRS84: "OGC:CRS84",
    **{_EPSG + code: f"EPSG:{code}" for code in ("4490", "4326", "3857", "4544", "4545", "4546")},
}
"""By URI: geographic ones with latitude first, the web's Mercator, and Gauss-Krüger zones of 3° at 105°, 108° and 111° E."""

_EDGE = 20  # points of each side of a box that is brought to another system: its sides bend


def known(uri: str, parameter: str) -> str:
    """Return the URI of a reference system, written with or without ``<>``; ``MalformedRequest`` where it is none of these."""
    plain = uri.strip("<>")
    if plain not in SYSTEMS:
        raise MalformedRequest(
            f"Parameter {parameter} names no reference system of this collection.",
            hint=f"There are: {', '.join(SYSTEMS)}.",
        )
    return plain


def brought(geometries: np.ndarray, uri: str, *, swapped: bool = False) -> np.ndarray:
    """Return stored geometries in another reference system, axes in its own order, or ``swapped`` to x, y.

    As they are for ``CRS84``: CGCS2000 and WGS 84 differ by less than a metre.
    """
    if uri == CRS84:
        return geometries
    transformer = _between(uri, inverse=False)
    northing_first = (
        transformer.target_crs is not None and transformer.target_crs.axis_info[0].direction == "north"
    )

    def _brought(points: np.ndarray) -> np.ndarray:
        axes = transformer.transform(points[:, 1], points[:, 0])
        return np.column_stack(axes[::-1] if swapped and northing_first else axes)

    return transform(geometries, _brought)


def stored_bounds(bounds: tuple[float, float, float, float], uri: str) -> tuple[float, float, float, float]:
    """Return the stored system's bounds (west, south, east, north) of a box that is given in another system."""
    if uri == CRS84:
        return bounds
    first, second = _sides(bounds)
    latitudes, longitudes = _between(uri, inverse=True).transform(first, second)
    found = (np.min(longitudes), np.min(latitudes), np.max(longitudes), np.max(latitudes))
    if not all(map(np.isfinite, found)):
        raise MalformedRequest("Parameter bbox lies outside its reference system.")
    west, south, east, north = map(float, found)
    return west, south, east, north


def stored_geometry(geometry: Geometry, uri: str) -> Geometry:
    """Return a geometry that is given in another system in the stored one, longitude first as it is kept."""
    if uri == CRS84:
        return geometry
    transformer = _between(uri, inverse=True)
    return transform(
        geometry, lambda points: np.column_stack(transformer.transform(points[:, 0], points[:, 1])[::-1])
    )


def _sides(bounds: tuple[float, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    low, left, high, right = bounds
    first, second = np.linspace(low, high, _EDGE), np.linspace(left, right, _EDGE)
    along = np.full(_EDGE, 1.0)
    return (
        np.concatenate([first, first, low * along, high * along]),
        np.concatenate([left * along, right * along, second, second]),
    )


@lru_cache(maxsize=2 * len(SYSTEMS))
def _between(uri: str, *, inverse: bool) -> Transformer:
    """Return the way from the stored system to another, or back: both take the axes in their own order (EPSG: latitude first)."""
    ends = ("EPSG:4490", SYSTEMS[uri])
    return Transformer.from_crs(*(reversed(ends) if inverse else ends))
