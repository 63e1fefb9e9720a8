"""Arrow strings of one width as a matrix of bytes, so that NumPy can check a column of identifiers at once."""

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

T = TypeVar("T", bound=np.generic)

NOT_A_SYMBOL = 255
_BLOCK = 8192
_BEIJING = timezone(timedelta(hours=8))
_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0], dtype=np.int32)


def today() -> date:
    """Return the date in China, where the rules about "not in the future" apply."""
    return datetime.now(_BEIJING).date()


def symbol_values(alphabet: str) -> Bytes:
    """Return a table of 256 entries: byte → its place in ``alphabet``, or ``NOT_A_SYMBOL``."""
    table = np.full(256, NOT_A_SYMBOL, dtype=np.uint8)
    table[np.frombuffer(alphabet.encode("ascii"), dtype=np.uint8)] = np.arange(len(alphabet), dtype=np.uint8)
    return table


def as_strings(column: Any) -> Any:
    """Return an Arrow column (array or chunked, plain, large or dictionary) as one ``string`` array."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array if array.type == pa.string() else array.cast(pa.string())


def rows_of_width(strings: Any, width: int) -> tuple[Mask, Bytes]:
    """Return which rows are exactly ``width`` bytes long, and the bytes of those rows, shape (rows, width).

    No copy is made when every row has that width.
    """
    lengths = pc.fill_null(pc.binary_length(strings), -1).to_numpy(zero_copy_only=False)
    mask: Mask = lengths == width
    chosen = strings if mask.all() else strings.filter(pa.array(mask))
    if not len(chosen):
        return mask, np.empty((0, width), dtype=np.uint8)
    _, offsets, data = chosen.buffers()
    start = int(np.frombuffer(offsets, dtype=np.int32, count=1, offset=chosen.offset * 4)[0])
    flat = np.frombuffer(data, dtype=np.uint8, count=len(chosen) * width, offset=start)
    return mask, flat.reshape(-1, width)


def strings_of(matrix: Bytes) -> Any:
    """Return the rows of a byte matrix as an Arrow ``string`` array; the inverse of ``rows_of_width``."""
    rows, width = matrix.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)[: rows + 1]
    data = np.ascontiguousarray(matrix)
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def from_numpy(values: npt.ArrayLike, width: int) -> Bytes:
    """Return a NumPy array of byte strings (``S<width>``) as a matrix, shape (values, width)."""
    fixed = np.ascontiguousarray(np.asarray(values).ravel(), dtype=f"S{width}")
    return fixed.view(np.uint8).reshape(-1, width)


def by_blocks(rule: Callable[[Bytes], npt.NDArray[T]], matrix: Bytes) -> npt.NDArray[T]:
    """Apply ``rule`` to a matrix, shape (rows, width), block by block, and join its answers, one per row.

    The rule gets the block on its side, shape (width, rows): then each place of the identifier is one contiguous
    run, and a block stays in the processor's cache, which is worth a factor of ten on a million rows.
    """
    starts = range(0, max(len(matrix), 1), _BLOCK)
    return np.concatenate([rule(np.ascontiguousarray(matrix[start : start + _BLOCK].T)) for start in starts])


def weighted_sums(places: Bytes, weights: tuple[int, ...]) -> npt.NDArray[np.int32]:
    """Return Σ value × weight per column of ``places``, shape (places, rows)."""
    total = np.zeros(places.shape[1], dtype=np.int32)
    for place, weight in zip(places, weights, strict=True):
        total += place * np.int32(weight)
    return total


def day_numbers(digits: Bytes) -> npt.NDArray[np.int32]:
    """Return eight rows of digits YYYYMMDD, shape (8, rows), as numbers yyyymmdd, 0 where no such day exists."""
    wide = digits.astype(np.int32)
    year = wide[0] * 1000 + wide[1] * 100 + wide[2] * 10 + wide[3]
    month = wide[4] * 10 + wide[5]
    day = wide[6] * 10 + wide[7]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = _DAYS[np.minimum(month, 13)] - ((month == 2) & ~leap)
    real = (day >= 1) & (day <= last) & (digits.max(axis=0) <= 9)
    return np.where(real, year * 10_000 + month * 100 + day, 0).astype(np.int32)
