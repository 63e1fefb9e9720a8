"""Identifiers of the city's persons and companies, unique and valid by their standards."""

from typing import Any

import numpy as np
import pyarrow as pa

from hub.city.draw import Days, Ints, digits, joined
from schemas.credit_codes import CREDIT_ALPHABET
from schemas.identifiers import citizen_check_digits, credit_check_digits, organisation_check_digits

ORDERS = 498
"""Order numbers per division, day of birth and sex; 996–999 stay free, they mean something else in old numbers."""
MOBILE_PREFIXES = [
    "133",
    "135",
    "136",
    "137",
    "138",
    "139",
    "147",
    "150",
    "151",
    "152",
    "153",
    "155",
    "156",
    "157",
    "158",
    "159",
    "166",
    "173",
    "175",
    "176",
    "177",
    "178",
    "180",
    "181",
    "182",
    "183",
    "185",
    "186",
    "187",
    "188",
    "189",
    "191",
    "193",
    "198",
    "199",
]


def citizen_numbers(divisions: Ints, born: Days, sex: Ints) -> Any:
    """Make citizen numbers (GB 11643) from six-digit divisions of birth, birth dates and sexes (1 male, 2 female)."""
    day = _yyyymmdd(born)
    group = (divisions * 100_000_000 + day) * 2 + (sex % 2)
    rank = _rank_within(group)
    if rank.size and rank.max() >= ORDERS:
        raise OverflowError("More births in one division on one day than citizen numbers have orders for.")
    start = (group * 2_654_435_761 % 4_294_967_296) % ORDERS
    order = (start + rank * 7) % ORDERS * 2 + (
        sex % 2
    )  # 7 has no factor in common with 498: no order comes twice
    first17 = (divisions * 100_000_000 + day) * 1000 + order
    checks = citizen_check_digits(first17.astype("S17"))
    return joined(pa.array(first17), _text(checks))


def _yyyymmdd(days: Days) -> Ints:
    months = days.astype("datetime64[M]")
    year = days.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (days - months).astype(np.int64) + 1
    return year * 10_000 + month * 100 + day


def _rank_within(groups: Ints) -> Ints:
    """Count, for each entry, the earlier entries of the same group."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = (
        np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        if len(groups)
        else np.zeros(0, dtype=np.int64)
    )
    lengths = np.diff(np.r_[starts, len(groups)])
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(len(groups)) - np.repeat(starts, lengths)
    return rank


def organisation_codes(serials: Ints) -> Any:
    """Make organisation codes (GB 11714) in the ``MA…`` block from distinct serials below 31⁶."""
    symbols = np.frombuffer(CREDIT_ALPHABET.encode(), dtype=np.uint8)
    scattered = (serials * 271_828_183 + 11_111_111) % 31**6
    matrix = np.empty((len(serials), 8), dtype=np.uint8)
    matrix[:, 0], matrix[:, 1] = ord("M"), ord("A")
    for place in range(7, 1, -1):
        scattered, value = np.divmod(scattered, 31)
        matrix[:, place] = symbols[value]
    first8 = matrix.view("S8").ravel()
    return joined(_text(first8), _text(organisation_check_digits(first8)))


def credit_codes(kinds: Any, divisions: Any, organisations: Any) -> Any:
    """Make unified social credit codes (GB 32100): registrar and kind, division, organisation code, check."""
    first17 = joined(kinds, divisions, organisations)
    return joined(first17, _text(credit_check_digits(_bytes(first17, 17))))


def registration_numbers(divisions: Any, serials: Ints) -> Any:
    """Make 15-digit registration numbers (GS 15): division, serial, ISO 7064 MOD 11,10 check."""
    first14 = joined(divisions, digits(serials % 100_000_000, 8))
    matrix = _bytes(first14, 14).view(np.uint8).reshape(-1, 14).astype(np.int64) - 48
    carry = np.full(len(matrix), 10, dtype=np.int64)
    for place in range(14):
        total = (carry + matrix[:, place]) % 10
        carry = np.where(total == 0, 10, total) * 2 % 11
    return joined(first14, pa.array((11 - carry) % 10))


def mobile_phones(serials: Ints) -> Any:
    """Make distinct mobile numbers from distinct serials."""
    prefix = np.array(MOBILE_PREFIXES).astype(np.int64)[serials % len(MOBILE_PREFIXES)]
    rest = (
        serials // len(MOBILE_PREFIXES) * 49_979_687 + 13_131_313 + serials % len(MOBILE_PREFIXES)
    ) % 100_000_000
    return pa.array(prefix * 100_000_000 + rest).cast(pa.string())


def _text(codes: Any) -> Any:
    return pa.array(np.asarray(codes).astype("U"), pa.string())


def _bytes(column: Any, width: int) -> Any:
    return np.array(column.to_numpy(zero_copy_only=False), dtype=f"S{width}")
