"""Looking at a text column's bytes at once: to learn, far cheaper than by a regular expression, that nothing is to do."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

CONTROL = bytes(range(0x20)) + b"\x7f"
BLANK = b" "
DIGITS = b"0123456789"
JSON_ESCAPED = bytes(range(0x20)) + b'"\\'
UPPER_ALPHANUMERIC = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_PIECE = 1 << 18


def text_bytes(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Return all UTF-8 bytes of a ``string`` column, one value after another, without a copy."""
    _, offsets, data = column.buffers()
    if data is None or not len(column):
        return np.empty(0, dtype=np.uint8)
    ends = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]]


def has_any(column: pa.Array, wanted: bytes) -> bool:
    """Tell whether any of the bytes ``wanted`` is in the column."""
    return _any(text_bytes(column), _ranges(wanted))


def has_only(column: pa.Array, allowed: bytes) -> bool:
    """Tell whether the column is made of the bytes ``allowed`` alone."""
    return not _any(text_bytes(column), _ranges(bytes(set(range(256)) - set(allowed))))


def _any(data: npt.NDArray[np.uint8], ranges: tuple[tuple[int, int], ...]) -> bool:
    """Bytes from ``first`` on wrap around below it, so one comparison tests a range; pieces stay in the cache."""
    pieces = (data[start : start + _PIECE] for start in range(0, len(data), _PIECE))
    return any(
        (piece - np.uint8(first) <= np.uint8(width)).any() for piece in pieces for first, width in ranges
    )


@cache
def _ranges(members: bytes) -> tuple[tuple[int, int], ...]:
    """Describe a set of bytes as runs: first byte, and how many more follow it."""
    runs: list[tuple[int, int]] = []
    for byte in sorted(set(members)):
        if runs and sum(runs[-1]) == byte - 1:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((byte, 0))
    return tuple(runs)
