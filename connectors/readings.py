"""Reading cleaned text as the type an item has: codes, numbers, truth values, geometries.

Each returns an Arrow array with null where the text cannot be read so; ``standardise`` tells those from what was
empty before and names them as problems.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation, localcontext

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.mapping import ItemMapping
from schemas.code_sets import code_set

_WIDE = pa.decimal128(28, 10)
_PLAIN_NUMBER = r"^[+-]?\d{1,17}(\.\d{1,10})?$"
_ANY_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_MONEY_SIGNS = r"[,\s¥￥$]"
_TRUTH = dict.fromkeys(("1", "true", "t", "y", "yes", "是", "有", "真"), True)
_TRUTH |= dict.fromkeys(("0", "false", "f", "n", "no", "否", "无", "假"), False)


def words_understood(mapping: ItemMapping) -> frozenset[str]:
    """Every word the mapping's codes or code set understand; empty without them."""
    words = frozenset(mapping.codes)
    return words | frozenset(code_set(mapping.code_set).words) if mapping.code_set else words


def to_codes(column: pa.Array, mapping: ItemMapping) -> pa.Array:
    """Map the department's words to codes; each distinct word is looked up once."""
    words = {**(code_set(mapping.code_set).words if mapping.code_set else {}), **mapping.codes}
    return _per_distinct(column, words.get, pa.string())


def to_truth(column: pa.Array) -> pa.Array:
    """Read 是/否, 1/0, true/false, Y/N."""
    return _per_distinct(pc.utf8_lower(column), _TRUTH.get, pa.bool_())


def to_number(column: pa.Array, target: pa.DataType, scale: Decimal) -> pa.Array:
    """Read numbers, thousands separators and currency signs allowed, times ``scale``, rounded to the target's scale."""
    bare = pc.replace_substring_regex(column, _MONEY_SIGNS, "")
    if pa.types.is_floating(target):
        number = pc.if_else(pc.match_substring_regex(bare, _ANY_NUMBER), bare, pa.scalar(None, pa.string()))
        return pc.multiply(number.cast(target), float(scale)) if scale != 1 else number.cast(target)
    plain = pc.fill_null(pc.match_substring_regex(bare, _PLAIN_NUMBER), False)
    odd = pc.and_(pc.invert(plain), pc.is_valid(bare))
    if scale != 1 or pc.any(odd).as_py():
        return _per_distinct(bare, _exactly(target, scale), target)
    wide = bare.cast(_WIDE)
    digits = 0 if pa.types.is_integer(target) else target.scale
    fits = pc.less(pc.abs(wide), pa.scalar(_limit(target), _WIDE)) if _limit(target) < 10**17 else plain
    if pa.types.is_integer(target):  # a fraction of a person is no number of persons
        fits = pc.and_(fits, pc.equal(pc.floor(wide), wide))
    kept = pc.if_else(fits, wide, pa.scalar(None, _WIDE))
    rounded = pc.round(kept, digits, round_mode="half_towards_infinity")
    return rounded.cast(pa.decimal128(38, digits)).cast(target)


def to_geometry(column: pa.Array) -> pa.Array:
    """Pass WKB on; read WKT and hexadecimal WKB where a department writes geometry as text."""
    import shapely

    if not pa.types.is_binary(column.type):
        shapes = _shapes_of_text(column.cast(pa.string()))
    else:
        shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore")
    usable = ~shapely.is_missing(shapes)
    wkb = np.where(usable, shapely.to_wkb(shapes), None)
    return pa.array(wkb, pa.binary())


def _shapes_of_text(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    import shapely

    hexadecimal = pc.fill_null(pc.match_substring_regex(column, r"^[0-9A-Fa-f]+$"), False)
    texts = column.to_numpy(zero_copy_only=False)
    shapes = np.full(len(column), None, dtype=object)
    places = hexadecimal.to_numpy(zero_copy_only=False)
    shapes[places] = shapely.from_wkb(texts[places], on_invalid="ignore")
    shapes[~places] = shapely.from_wkt(texts[~places], on_invalid="ignore")
    return shapes


def _per_distinct(column: pa.Array, read: Callable[[str], object], target: pa.DataType) -> pa.Array:
    encoded = column.dictionary_encode()
    read_once = pa.array([read(word) for word in encoded.dictionary.to_pylist()], target)
    return read_once.take(encoded.indices)


def _limit(target: pa.DataType) -> int:
    return 2**63 if pa.types.is_integer(target) else 10 ** (target.precision - target.scale)


def _exactly(target: pa.DataType, scale: Decimal) -> Callable[[str], Decimal | int | None]:
    """Make a reader of one number for what the fast way cannot hold: scaled, long, or in scientific notation."""
    digits = 0 if pa.types.is_integer(target) else target.scale

    def read(text: str) -> Decimal | int | None:
        try:
            with localcontext(prec=60):
                number = Decimal(text) * scale
                if not number.is_finite() or abs(number) >= _limit(target):
                    return None
                if pa.types.is_integer(target):
                    return int(number) if number == number.to_integral_value() else None
                return number.quantize(Decimal(1).scaleb(-digits))
        except InvalidOperation:
            return None

    return read
