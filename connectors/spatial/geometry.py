"""Geometry looked through: what is invalid is repaired and told, or told to be kept out; nothing is changed in silence.

Validity is that of OGC 06-103r4 (simple features), judged and mended by GEOS. What a reason says of coordinates is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from connectors.batch import Fault

REPAIRED, INVALID = "geometry_repaired", "geometry_invalid"
_UNREADABLE = "the geometry is of a form that cannot be read"
_OUTSIDE = "the coordinates are no degrees of longitude and latitude"
_OPEN_RING = "Ring not closed"

Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Examined:
    """WKB, repaired where it had to be, and what was found by place in the column."""

    wkb: pa.Array
    faults: Mapping[int, Fault]


def examined(wkb: pa.Array, *, repair: bool) -> Examined:
    """Look through a column of WKB in degrees; what is invalid and not repaired stays as it came."""
    values = wkb.to_numpy(zero_copy_only=False)
    shapes = shapely.from_wkb(values, on_invalid="ignore")
    missing = shapely.is_missing(shapes)
    unread = np.flatnonzero(missing & wkb.is_valid().to_numpy(zero_copy_only=False))
    invalid = np.flatnonzero(~shapely.is_valid(shapes) & ~missing)
    reasons = [reason.partition("[")[0].strip() for reason in shapely.is_valid_reason(shapes[invalid])]
    opened = shapely.from_wkb(values[unread], on_invalid="fix")
    whole = ~shapely.is_missing(opened)
    shapes[unread] = opened
    faults = dict.fromkeys(unread[~whole].tolist(), (INVALID, _UNREADABLE))
    found = dict(zip(invalid.tolist(), reasons, strict=True))
    found |= dict.fromkeys(unread[whole].tolist(), _OPEN_RING)
    mended: dict[int, bytes] = {}
    for place, reason in found.items():
        sound = _mended(shapes[place]) if repair else None
        faults[place] = (INVALID if sound is None else REPAIRED), reason
        if sound is not None:
            shapes[place], mended[place] = sound, shapely.to_wkb(sound)
    for place in _outside(shapes).tolist():
        faults[place] = (INVALID, _OUTSIDE)
    return Examined(_replaced(wkb, mended), faults)


def _mended(shape: Any) -> Any:
    """Return a valid geometry of the same dimension and not of nothing, or None where there is none."""
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        return None
    dimension = shapely.get_dimensions(shape)
    sound = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    if shapely.get_dimensions(sound) != dimension or shapely.is_empty(sound) or not shapely.is_valid(sound):
        return None
    parts = shapely.get_parts(sound)
    if (shapely.get_dimensions(parts) != dimension).any():
        sound = shapely.union_all(parts[shapely.get_dimensions(parts) == dimension])
    return sound


def _outside(shapes: Shapes) -> npt.NDArray[np.int64]:
    """Return the places whose coordinates cannot be degrees: those of metres, or of latitude before longitude."""
    bounds = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        far = (np.abs(bounds[:, [0, 2]]) > 180).any(axis=1) | (np.abs(bounds[:, [1, 3]]) > 90).any(axis=1)
    return np.flatnonzero(far)


def _replaced(wkb: pa.Array, mended: Mapping[int, bytes]) -> pa.Array:
    if not mended:
        return wkb
    values = wkb.to_pylist()
    for place, value in mended.items():
        values[place] = value
    return pa.array(values, pa.binary())
