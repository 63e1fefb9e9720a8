"""Citizen numbers (公民身份号码, GB 11643): form, check character, birth date, sex, and the old 15-digit form.

The division part is checked for form only: codes of divisions long gone stay in people's numbers for life, so a
table of today's divisions would reject living persons.
"""

import re
from datetime import date
from operator import mul
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import InvalidIdentifier
from schemas.fixed_width import (
    Bytes,
    Mask,
    as_strings,
    by_blocks,
    day_numbers,
    from_numpy,
    rows_of_width,
    strings_of,
    weighted_sums,
)

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"
_OF_ZEROS = ord("0") * sum(WEIGHTS)

# [0-9], not \d: in Python \d also takes full-width and Arabic-Indic digits.
_FORM = re.compile(
    r"[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]"
)
_OLD_FORM = re.compile(r"[1-9][0-9]{14}")
_FIRST_17 = re.compile(r"[0-9]{17}")
# Orders 996–999 of the 15-digit form were kept for persons of a hundred years and more, born in 18xx.
_CENTENARIAN_ORDER = 996
_CHECKS = np.frombuffer(CHECK_CHARACTERS.encode("ascii"), dtype=np.uint8)


def citizen_check(first17: str) -> str:
    """Return the 18th character for 17 digits (GB 11643, ISO 7064 MOD 11-2); ``InvalidIdentifier`` otherwise."""
    if not _FIRST_17.fullmatch(first17):
        raise InvalidIdentifier("A citizen number's check needs 17 digits.", kind="citizen_number")
    total = sum(map(mul, first17.encode(), WEIGHTS)) - _OF_ZEROS
    return CHECK_CHARACTERS[total % 11]


def problem(value: str, on: date) -> str | None:
    """Say what is wrong with a citizen number on that date, or return None."""
    if not _FORM.fullmatch(value):
        return "it is not of the form of 17 digits and a digit or X with a date in it"
    born = _date_of(value[6:14])
    if born is None:
        return "its date of birth does not exist"
    if born > on:
        return "its date of birth is in the future"
    if citizen_check(value[:17]) != value[17]:
        return "its check character is wrong"
    return None


def citizen_number_from_15(value: str) -> str:
    """Return the 18-character form of a 15-digit number; ``InvalidIdentifier`` when it is not one.

    ``19`` goes in after position 6, or ``18`` where the order part is 996–999.
    """
    century = "18" if value[12:] >= str(_CENTENARIAN_ORDER) else "19"
    if not _OLD_FORM.fullmatch(value) or _date_of(century + value[6:12]) is None:
        raise InvalidIdentifier(
            "The 15-digit citizen number is not 15 digits with a date in it.", kind="citizen_number"
        )
    first17 = value[:6] + century + value[6:]
    return first17 + citizen_check(first17)


def birth_date(citizen_number: str) -> date:
    """Return the date of birth in an 18-character citizen number; ``InvalidIdentifier`` when it has none."""
    born = _date_of(citizen_number[6:14]) if _FORM.fullmatch(citizen_number) else None
    if born is None:
        raise InvalidIdentifier("The citizen number holds no date of birth.", kind="citizen_number")
    return born


def sex(citizen_number: str) -> str:
    """Return the code of GB/T 2261.1 in a citizen number: ``1`` male (odd 17th digit), ``2`` female."""
    if not _FORM.fullmatch(citizen_number):
        raise InvalidIdentifier("The citizen number does not tell the sex.", kind="citizen_number")
    return "1" if int(citizen_number[16]) % 2 else "2"


def _date_of(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


# ── whole columns ────────────────────────────────────────────────────────────────────────────────────


def valid_rows(columns: Bytes, on: date) -> Mask:
    """Judge citizen numbers given as bytes, shape (18, rows); the same rule as ``problem``."""
    digits = columns[:17] - 48
    born = day_numbers(digits[6:14])
    latest = on.year * 10_000 + on.month * 100 + on.day
    in_form = (digits.max(axis=0) <= 9) & (digits[0] != 0)
    in_time = (born >= 1800_01_01) & (born <= min(latest, 2099_12_31))
    return np.asarray(in_form & in_time & (_check_bytes(digits) == columns[17]))


def citizen_check_digits(first17: npt.ArrayLike) -> npt.NDArray[np.bytes_]:
    """Return the check characters (``S1``) of numbers given as ``S17``; ``InvalidIdentifier`` if one is not digits."""
    return by_blocks(_checks_of, from_numpy(first17, 17)).view("S1")


def citizen_numbers_from_15(column: Any) -> Any:
    """Return the column as strings with every well-formed 15-digit number in its 18-character form.

    All else, nulls included, stays as it is, for the gate to judge.
    """
    strings = as_strings(column)
    rows, matrix = rows_of_width(strings, 15)
    if not rows.any():
        return strings
    longer = _lengthened(np.ascontiguousarray(matrix.T))
    good = longer[17] != 0
    rows[np.flatnonzero(rows)[~good]] = False
    return pc.replace_with_mask(strings, pa.array(rows), strings_of(longer.T[good]))


def birth_dates(column: Any) -> Any:
    """Return the dates of birth (``date32``) in a column of 18-character numbers, null where there is none."""
    strings = as_strings(column)
    rows, matrix = rows_of_width(strings, 18)
    born = np.zeros(len(rows), dtype=np.int32)
    born[rows] = by_blocks(_days_of_birth, matrix)
    year, month, day = born // 10_000, born // 100 % 100, born % 100
    days = ((year - 1970).astype("M8[Y]").astype("M8[M]") + (month - 1)).astype("M8[D]") + (day - 1)
    return pa.array(days, mask=born == 0).cast(pa.date32())


def sexes(column: Any) -> Any:
    """Return the codes of GB/T 2261.1 (``1`` male, ``2`` female) in a column of 18-character numbers, else null."""
    strings = as_strings(column)
    rows, matrix = rows_of_width(strings, 18)
    order = matrix[:, 16] - 48
    codes = np.full(len(rows), b"", dtype="S1")
    codes[rows] = np.where(order > 9, b"", np.where(order % 2, b"1", b"2"))
    return pa.array(codes.astype("U1"), type=pa.string(), mask=codes == b"")


def _days_of_birth(columns: Bytes) -> npt.NDArray[np.int32]:
    return day_numbers(columns[6:14] - 48)


def _checks_of(columns: Bytes) -> Bytes:
    digits = columns - 48
    if digits.max(initial=0) > 9:
        raise InvalidIdentifier("A citizen number's check needs 17 digits.", kind="citizen_number")
    return _check_bytes(digits)


def _check_bytes(digits: Bytes) -> Bytes:
    return np.asarray(_CHECKS[weighted_sums(digits, WEIGHTS) % 11])


def _lengthened(old: Bytes) -> Bytes:
    """Turn 15-digit numbers, shape (15, rows), into 18 characters, the last 0 where the old form was wrong."""
    order = weighted_sums(old[12:15] - 48, (100, 10, 1))
    new = np.empty((18, old.shape[1]), dtype=np.uint8)
    new[:6], new[6], new[8:17] = old[:6], ord("1"), old[6:]
    new[7] = np.where(order >= _CENTENARIAN_ORDER, ord("8"), ord("9"))
    digits = new[:17] - 48
    good = (digits.max(axis=0, initial=0) <= 9) & (digits[0] != 0) & (day_numbers(digits[6:14]) > 0)
    new[17] = np.where(good, _check_bytes(digits), 0)
    return new
