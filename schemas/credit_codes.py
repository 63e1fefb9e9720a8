"""Unified social credit codes (统一社会信用代码, GB 32100) and the organisation codes inside them (GB 11714)."""

import re
from datetime import date

import numpy as np
import numpy.typing as npt

from schemas.errors import InvalidIdentifier
from schemas.fixed_width import NOT_A_SYMBOL, Bytes, Mask, by_blocks, from_numpy, symbol_values, weighted_sums

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
ORGANISATION_CHECKS = "0123456789X"

_CREDIT_FORM = re.compile(r"[1-9ANY][1-59][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_ORGANISATION_FORM = re.compile(r"[0-9A-Z]{8}[0-9X]")
_CREDIT_VALUES = symbol_values(CREDIT_ALPHABET)
_ORGANISATION_VALUES = symbol_values(ORGANISATION_ALPHABET)
_FIRST_CHARACTERS = symbol_values("123456789ANY")
_SECOND_CHARACTERS = symbol_values("123459")
_CREDIT_BYTES = np.frombuffer(CREDIT_ALPHABET.encode("ascii"), dtype=np.uint8)
_ORGANISATION_BYTES = np.frombuffer(ORGANISATION_CHECKS.encode("ascii"), dtype=np.uint8)


def credit_check(first17: str) -> str:
    """Return the 18th character of a credit code (GB 32100); ``InvalidIdentifier`` for symbols outside its alphabet."""
    if len(first17) != 17 or not set(first17) <= set(CREDIT_ALPHABET):
        raise InvalidIdentifier(
            "A credit code's check needs 17 characters of its alphabet.", kind="credit_code"
        )
    total = sum(CREDIT_ALPHABET.index(c) * weight for c, weight in zip(first17, CREDIT_WEIGHTS, strict=True))
    return CREDIT_ALPHABET[-total % 31]


def organisation_check(first8: str) -> str:
    """Return the 9th character of an organisation code (GB 11714): 11 − Σ mod 11, with 10 → X and 11 → 0."""
    if len(first8) != 8 or not set(first8) <= set(ORGANISATION_ALPHABET):
        raise InvalidIdentifier(
            "An organisation code's check needs 8 digits or capitals.", kind="organisation_code"
        )
    total = sum(
        ORGANISATION_ALPHABET.index(c) * weight
        for c, weight in zip(first8, ORGANISATION_WEIGHTS, strict=True)
    )
    return ORGANISATION_CHECKS[-total % 11]


def credit_problem(value: str, _on: date) -> str | None:
    """Say what is wrong with a credit code, or return None."""
    if not _CREDIT_FORM.fullmatch(value):
        return "it is not 18 characters of the standard's alphabet with a known registrar and kind first"
    if organisation_check(value[8:16]) != value[16]:
        return "the check of the organisation code in it is wrong"
    if credit_check(value[:17]) != value[17]:
        return "its check character is wrong"
    return None


def organisation_problem(value: str, _on: date) -> str | None:
    """Say what is wrong with an organisation code, or return None."""
    if not _ORGANISATION_FORM.fullmatch(value):
        return "it is not 8 digits or capitals and a check character"
    if organisation_check(value[:8]) != value[8]:
        return "its check character is wrong"
    return None


# ── whole columns ────────────────────────────────────────────────────────────────────────────────────


def valid_credit_rows(columns: Bytes, _on: date) -> Mask:
    """Judge credit codes given as bytes, shape (18, rows); the same rule as ``credit_problem``."""
    values = _CREDIT_VALUES[columns]
    in_form = values.max(axis=0) != NOT_A_SYMBOL
    in_form &= (_FIRST_CHARACTERS[columns[0]] != NOT_A_SYMBOL) & (
        _SECOND_CHARACTERS[columns[1]] != NOT_A_SYMBOL
    )
    in_form &= (columns[2:8] - 48).max(axis=0) <= 9
    inner = _organisation_bytes(_ORGANISATION_VALUES[columns[8:16]]) == columns[16]
    return np.asarray(in_form & inner & (_credit_bytes(values[:17]) == columns[17]))


def valid_organisation_rows(columns: Bytes, _on: date) -> Mask:
    """Judge organisation codes given as bytes, shape (9, rows); the same rule as ``organisation_problem``."""
    values = _ORGANISATION_VALUES[columns[:8]]
    in_form = values.max(axis=0) != NOT_A_SYMBOL
    return np.asarray(in_form & (_organisation_bytes(values) == columns[8]))


def credit_check_digits(first17: npt.ArrayLike) -> npt.NDArray[np.bytes_]:
    """Return the check characters (``S1``) of credit codes given as ``S17``; ``InvalidIdentifier`` on a wrong symbol."""
    return by_blocks(_credit_checks_of, from_numpy(first17, 17)).view("S1")


def organisation_check_digits(first8: npt.ArrayLike) -> npt.NDArray[np.bytes_]:
    """Return the check characters (``S1``) of codes given as ``S8``; ``InvalidIdentifier`` on a wrong symbol."""
    return by_blocks(_organisation_checks_of, from_numpy(first8, 8)).view("S1")


def _credit_checks_of(columns: Bytes) -> Bytes:
    values = _CREDIT_VALUES[columns]
    if values.max(initial=0) == NOT_A_SYMBOL:
        raise InvalidIdentifier(
            "A credit code's check needs 17 characters of its alphabet.", kind="credit_code"
        )
    return _credit_bytes(values)


def _organisation_checks_of(columns: Bytes) -> Bytes:
    values = _ORGANISATION_VALUES[columns]
    if values.max(initial=0) == NOT_A_SYMBOL:
        raise InvalidIdentifier(
            "An organisation code's check needs 8 digits or capitals.", kind="organisation_code"
        )
    return _organisation_bytes(values)


def _credit_bytes(values: Bytes) -> Bytes:
    return np.asarray(_CREDIT_BYTES[-weighted_sums(values, CREDIT_WEIGHTS) % 31])


def _organisation_bytes(values: Bytes) -> Bytes:
    return np.asarray(_ORGANISATION_BYTES[-weighted_sums(values, ORGANISATION_WEIGHTS) % 11])
