"""Geometries that a filter names, of both forms of CQL2 (OGC 21-065r2): GeoJSON or a box in JSON, WKT or ``BBOX`` in text."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from numpy import isfinite
from shapely import (
    Geometry,
    box,
    force_2d,
    from_geojson,
    from_wkt,
    get_coordinates,
    get_num_coordinates,
    to_geojson,
)

from schemas.errors import MalformedFilter

KINDS = frozenset(
    {
        "POINT",
        "LINESTRING",
        "POLYGON",
        "MULTIPOINT",
        "MULTILINESTRING",
        "MULTIPOLYGON",
        "GEOMETRYCOLLECTION",
        "BBOX",
    }
)
"""With what a geometry begins in a text."""

MOST_POINTS = 10_000
MOST_DEGREES = 1e9  # or metres, before they are brought to degrees


def shape_in(told: Any) -> Geometry:
    """Read the JSON form; ``MalformedFilter`` where it is no geometry, not a valid one, or one of too many points."""
    match told:
        case {"bbox": [*bounds]} if len(bounds) == 4 and all(map(_is_finite, bounds)):
            found = box(*map(float, bounds))
        case {"type": str(), "coordinates": _} | {"type": "GeometryCollection", "geometries": _}:
            found = force_2d(from_geojson(orjson.dumps(told), on_invalid="ignore"))
        case _:
            found = None
    if found is not None and get_num_coordinates(found) > MOST_POINTS:
        raise MalformedFilter(f"The geometry has more than {MOST_POINTS} points.", hint="Simplify it.")
    if found is None or found.is_empty or not isfinite(get_coordinates(found)).all() or not found.is_valid:
        raise MalformedFilter(
            "The geometry is none, or not valid.",
            hint="Write GeoJSON, or WKT in a text: POLYGON((106 29, …)).",
        )
    return found


def json_of_shape(text: str) -> Mapping[str, Any] | None:
    """Return the JSON form of ``BBOX(west, south, east, north)`` or of WKT; None where it is neither."""
    if text[:4].upper() == "BBOX":
        try:
            return {"bbox": [float(part) for part in text[text.index("(") + 1 : -1].split(",")]}
        except ValueError:
            return None
    found = from_wkt(text, on_invalid="ignore")
    return None if found is None else orjson.loads(to_geojson(found))


def _is_finite(number: Any) -> bool:
    return (
        isinstance(number, int | float | Decimal)
        and not isinstance(number, bool)
        and abs(float(number)) < MOST_DEGREES
    )
