"""Identifiers of electronic licences (电子证照标识, GB/T 36904): OID, type, issuer, serial, version, check."""

import re
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import InvalidIdentifier
from schemas.fixed_width import Bytes, Mask, by_blocks, rows_of_width, symbol_values

OID = "1.2.156.3005.2."
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_PATTERN = r"1\.2\.156\.3005\.2\.[0-9A-Z]{18}[0-9]{3}\.[0-9A-Z]{6,18}\.[0-9A-Z]{1,32}\.[0-9]{3}\.[0-9A-Z]"
_FORM = re.compile(_PATTERN)
_VALUES = symbol_values(ALPHABET)


def licence_check(payload: str) -> str:
    """Return the check character (ISO 7064 MOD 37,36) over type + issuer + serial + version, without OID and dots."""
    if not payload or not set(payload) <= set(ALPHABET):
        raise InvalidIdentifier(
            "A licence identifier's check needs digits and capitals.", kind="licence_identifier"
        )
    product = 36
    for character in payload:
        product = (product + ALPHABET.index(character)) % 36 or 36
        product = product * 2 % 37
    return ALPHABET[(37 - product) % 36]


def problem(value: str, _on: date) -> str | None:
    """Say what is wrong with a licence identifier, or return None."""
    if not _FORM.fullmatch(value):
        return "it is not of the form OID, type, issuer, serial, version, check"
    if licence_check(value[len(OID) : -2].replace(".", "")) != value[-1]:
        return "its check character is wrong"
    return None


def valid_rows(strings: Any) -> Mask:
    """Judge an Arrow ``string`` array without nulls; rows are taken by length, as identifiers differ in it."""
    in_form = pc.match_substring_regex(strings, rf"\A{_PATTERN}\z").to_numpy(zero_copy_only=False)
    # Wrong forms are blanked, so that only whole identifiers reach the sums below.
    whole = pc.if_else(pa.array(in_form), strings, "")
    symbols = pc.replace_substring(pc.utf8_slice_codeunits(whole, len(OID)), ".", "")
    valid = np.zeros(len(strings), dtype=np.bool_)
    for width in pc.unique(pc.binary_length(symbols)).to_pylist():
        if width:
            rows, matrix = rows_of_width(symbols, width)
            valid[rows] = by_blocks(_passes, matrix)
    return valid


def _passes(columns: Bytes) -> Mask:
    *payload, check = _VALUES[columns].astype(np.int32)
    product = np.full(len(check), 36, dtype=np.int32)
    for value in payload:
        product = (product + value) % 36
        product[product == 0] = 36
        product = product * 2 % 37
    return np.asarray((37 - product) % 36 == check)
