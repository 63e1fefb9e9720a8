"""What arithmetic alone proves valid, many shapes at once, so that GEOS need not build and judge each of them.

Proved are points, and polygons of one ring that turns once around the mean of its corners, always the same way: each edge has
a sector of its own, so the ring meets itself nowhere and is valid (OGC 06-103r4). Most parcels and buildings are such. A turn
counts only where its sign is beyond the error of the arithmetic (Shewchuk 1997, ``orient2d``, bound A). What is not proved is
not therefore invalid.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_POINT = bytes.fromhex("01 01000000")
_POLYGON = bytes.fromhex("01 03000000 01000000")
_SINGLE_PART = bytes.fromhex("01 06000000 01000000") + _POLYGON
_CORNER = 16  # bytes
_MOST = 1024  # bytes of a shape; GEOS is as quick with longer ones
_PIECE = 4096  # shapes at a time: what is worked on stays in the processor's cache
_FEWEST = 32  # shapes of one length that are worth being looked at together
_ERROR = (3 + 16 * 2.0**-53) * 2.0**-53
_UNDERFLOW = 1e-300

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


def proved(wkb: pa.Array) -> Mask:
    """Tell which values of a column of WKB are proved valid, in degrees of longitude and latitude; a null is not."""
    found = np.zeros(len(wkb), dtype=bool)
    _, ends, data = wkb.buffers()
    if data is None or not len(wkb):
        return found
    offsets = np.frombuffer(ends, dtype=np.int32)[wkb.offset : wkb.offset + len(wkb) + 1]
    lengths = np.where(wkb.is_valid().to_numpy(zero_copy_only=False), np.diff(offsets), 0)
    content = np.frombuffer(data, dtype=np.uint8)
    counts = np.bincount(np.minimum(lengths, _MOST), minlength=_MOST)[:_MOST]
    for length in np.flatnonzero(counts >= _FEWEST).tolist():
        if head := _head(length):
            windows = np.lib.stride_tricks.sliding_window_view(content, length)
            places = np.flatnonzero(lengths == length)
            for start in range(0, len(places), _PIECE):
                piece = places[start : start + _PIECE]
                found[piece] = _proved(windows[offsets[piece]], head)
    return found


def _proved(shapes: Bytes, head: bytes) -> Mask:
    """Tell which shapes, of as many bytes each, begin like that and are proved valid."""
    alike: Mask = (shapes[:, : len(head)] == np.frombuffer(head, dtype=np.uint8)).all(axis=1)
    corners = np.ascontiguousarray(shapes[:, len(head) :]).view("<f8").reshape(len(shapes), -1, 2)
    x, y = np.ascontiguousarray(corners.transpose(2, 1, 0))
    return alike & _sound(x, y)


def _head(length: int) -> bytes | None:
    """Return what a shape of so many bytes begins with, if it is of a kind that can be proved."""
    if length == len(_POINT) + _CORNER:
        return _POINT
    for start in (_POLYGON, _SINGLE_PART):
        corners, rest = divmod(length - len(start) - 4, _CORNER)
        if corners >= 4 and not rest:
            return start + corners.to_bytes(4, "little")
    return None


def _sound(x: Numbers, y: Numbers) -> Mask:
    """Tell which are in degrees and, where they are rings, closed and turning once around their mean; what is no number is not.

    ``x`` and ``y`` have a row for each corner and a column for each shape.
    """
    with np.errstate(all="ignore"):
        sound: Mask = (np.abs(x).max(axis=0) <= 180) & (np.abs(y).max(axis=0) <= 90)
        if len(x) == 1:
            return sound
        closed = (x[0] == x[-1]) & (y[0] == y[-1])
        east, north = x - x[:-1].mean(axis=0), y - y[:-1].mean(axis=0)
        one, other = east[:-1] * north[1:], north[:-1] * east[1:]
        certain = np.abs(one - other) > _ERROR * (np.abs(one) + np.abs(other)) + _UNDERFLOW
        left = one > other
        once = np.count_nonzero((north[:-1] <= 0) & (north[1:] > 0), axis=0) == 1
    return sound & closed & once & certain.all(axis=0) & (left.all(axis=0) | ~left.any(axis=0))
