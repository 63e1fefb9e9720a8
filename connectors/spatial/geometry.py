"""Geometry looked through: what is invalid is repaired and told, or told to be kept out; nothing is changed in silence.

Validity is that of OGC 06-103r4 (simple features), proved by arithmetic where that can, else judged by GEOS, which mends too.
What a reason says of coordinates is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from connectors.batch import Fault
from connectors.spatial.proof import proved
from infra.own_thread import OwnThread

REPAIRED, INVALID = "geometry_repaired", "geometry_invalid"
_UNREADABLE = "the geometry is of a form that cannot be read"
_OUTSIDE = "the coordinates are no degrees of longitude and latitude"
_OPEN_RING = "Ring not closed"
_PIECE = 1024  # shapes that are judged while the next are parsed

Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Examined:
    """WKB, repaired where it had to be, and what was found by place in the column."""

    wkb: pa.Array
    faults: Mapping[int, Fault]


def examined(wkb: pa.Array, *, repair: bool) -> Examined:
    """Look through a column of WKB in degrees; what is invalid and not repaired stays as it came."""
    places = np.flatnonzero(wkb.is_valid().to_numpy(zero_copy_only=False) & ~proved(wkb))
    if not len(places):
        return Examined(wkb, {})
    values = wkb.take(pa.array(places)).to_numpy(zero_copy_only=False)
    shapes, reasons = _judged(values)
    faults: dict[int, Fault] = {}
    mended: dict[int, bytes] = {}
    for number, reason in reasons.items():
        sound = _mended(shapes[number]) if repair and reason != _UNREADABLE else None
        faults[number] = (INVALID if sound is None else REPAIRED), reason
        if sound is not None:
            shapes[number], mended[number] = sound, shapely.to_wkb(sound)
    faults |= dict.fromkeys(_outside(shapes).tolist(), (INVALID, _OUTSIDE))
    return Examined(
        _replaced(wkb, {int(places[number]): value for number, value in mended.items()}),
        {int(places[number]): fault for number, fault in faults.items()},
    )


def _judged(values: Shapes) -> tuple[Shapes, dict[int, str]]:
    """Return the shapes that WKB stands for, and why some are invalid, by place."""
    shapes, valid = _parsed(values)
    unread = np.flatnonzero(shapely.is_missing(shapes))
    invalid = np.setdiff1d(np.flatnonzero(~valid), unread, assume_unique=True)
    told = (reason.partition("[")[0].strip() for reason in shapely.is_valid_reason(shapes[invalid]))
    reasons = dict(zip(invalid.tolist(), told, strict=True))
    shapes[unread] = shapely.from_wkb(values[unread], on_invalid="fix")
    unreadable = shapely.is_missing(shapes[unread])
    reasons |= dict.fromkeys(unread[unreadable].tolist(), _UNREADABLE)
    return shapes, reasons | dict.fromkeys(unread[~unreadable].tolist(), _OPEN_RING)


def _parsed(values: Shapes) -> tuple[Shapes, npt.NDArray[np.bool_]]:
    """Return the shapes, None where there is none to read, and which are valid: judged beside the parsing of the next."""
    shapes = np.empty(len(values), dtype=object)
    with OwnThread("validity") as beside:
        judged = []
        for start in range(0, len(values), _PIECE):
            piece = slice(start, start + _PIECE)
            shapes[piece] = shapely.from_wkb(values[piece], on_invalid="ignore")
            judged.append(beside.submit(shapely.is_valid, shapes[piece]))
        return shapes, np.concatenate([answer.result() for answer in judged])


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
