"""Identifiers of persons, organisations, divisions and licences: the public face of their checks.

``check`` and ``is_valid`` judge one value, ``valid_mask`` a whole Arrow column by the same rule. The kinds are what
``identifier:`` may name in a resource's definition:

=====================  ==========================================================================================
citizen_number         GB 11643: form, real date of birth that is not in the future, check character
credit_code            GB 32100: form, check character, and the check of the organisation code inside
organisation_code      GB 11714: form and check character, without hyphen
subject_code           a citizen number or a credit code
division_code          GB/T 2260, GB/T 10114: 6, 9 or 12 digits of a known province; whether it was in use on a
                       date is asked of ``schemas.divisions``
licence_identifier     GB/T 36904: form and check character
mobile_phone           11 digits, 13… to 19…
=====================  ==========================================================================================

No message and no error here ever holds the value.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow.compute as pc

from schemas import citizen_numbers, credit_codes, licence_identifiers
from schemas.citizen_numbers import (
    birth_date,
    birth_dates,
    citizen_check,
    citizen_check_digits,
    citizen_number_from_15,
    citizen_numbers_from_15,
    sex,
    sexes,
)
from schemas.credit_codes import (
    credit_check,
    credit_check_digits,
    organisation_check,
    organisation_check_digits,
)
from schemas.errors import DefinitionError, InvalidIdentifier
from schemas.fixed_width import Bytes, Mask, as_strings, by_blocks, rows_of_width, today
from schemas.licence_identifiers import licence_check

__all__ = [
    "KINDS",
    "birth_date",
    "birth_dates",
    "check",
    "citizen_check",
    "citizen_check_digits",
    "citizen_number_from_15",
    "citizen_numbers_from_15",
    "credit_check",
    "credit_check_digits",
    "is_valid",
    "licence_check",
    "organisation_check",
    "organisation_check_digits",
    "sex",
    "sexes",
    "valid_mask",
]

# Province part of GB/T 2260; 83 is what residence permits of Taiwan residents carry.
_PROVINCE = "(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_DIVISION = rf"{_PROVINCE}[0-9]{{4}}(?:[0-9]{{3}}){{0,2}}"
_MOBILE_PHONE = r"1[3-9][0-9]{9}"

R = TypeVar("R")
_Problem = Callable[[str, date], str | None]
_Judge = Callable[[Any, date], Mask]


def _pattern_problem(pattern: str, reason: str, value: str, _on: date) -> str | None:
    return None if re.fullmatch(pattern, value) else reason


def _subject_problem(value: str, on: date) -> str | None:
    if citizen_numbers.problem(value, on) is None or credit_codes.credit_problem(value, on) is None:
        return None
    return "it is neither a citizen number nor a credit code"


_PROBLEMS: dict[str, _Problem] = {
    "citizen_number": citizen_numbers.problem,
    "credit_code": credit_codes.credit_problem,
    "organisation_code": credit_codes.organisation_problem,
    "subject_code": _subject_problem,
    "division_code": partial(_pattern_problem, _DIVISION, "it is not 6, 9 or 12 digits of a known province"),
    "licence_identifier": licence_identifiers.problem,
    "mobile_phone": partial(_pattern_problem, _MOBILE_PHONE, "it is not 11 digits from 13… to 19…"),
}

KINDS = frozenset(_PROBLEMS)


def check(kind: str, value: str, on: date | None = None) -> None:
    """Raise ``InvalidIdentifier`` with the reason unless ``value`` is a valid identifier of that kind.

    ``on`` is the day on which a date counts as future (default: today in China). An unknown kind is a
    ``DefinitionError``.
    """
    reason = _rule(kind, _PROBLEMS)(value, on or today())
    if reason:
        raise InvalidIdentifier(f"The {kind.replace('_', ' ')} is not valid: {reason}.", kind=kind)


def is_valid(kind: str, value: str, on: date | None = None) -> bool:
    """Tell whether ``check`` would pass."""
    return _rule(kind, _PROBLEMS)(value, on or today()) is None


def valid_mask(kind: str, column: Any, on: date | None = None) -> Mask:
    """Judge an Arrow column (array or chunked array of strings): one bool per row; a null is no fault, so True."""
    judge = _rule(kind, _JUDGES)
    strings = as_strings(column)
    missing = strings.is_null().to_numpy(zero_copy_only=False)
    return np.asarray(missing | judge(strings, on or today()))


def _judge_width(width: int, valid_rows: Callable[[Bytes, date], Mask], strings: Any, on: date) -> Mask:
    rows, matrix = rows_of_width(strings, width)
    valid = np.zeros(len(rows), dtype=np.bool_)
    valid[rows] = by_blocks(lambda columns: valid_rows(columns, on), matrix)
    return valid


def _judge_pattern(pattern: str, strings: Any, _on: date) -> Mask:
    matched = pc.match_substring_regex(strings, rf"\A(?:{pattern})\z")
    return np.asarray(pc.fill_null(matched, False).to_numpy(zero_copy_only=False))


def _judge_subject(strings: Any, on: date) -> Mask:
    return _judge_width(18, _valid_subject_rows, strings, on)


def _valid_subject_rows(columns: Bytes, on: date) -> Mask:
    return citizen_numbers.valid_rows(columns, on) | credit_codes.valid_credit_rows(columns, on)


def _judge_licence(strings: Any, _on: date) -> Mask:
    return licence_identifiers.valid_rows(pc.fill_null(strings, ""))


_JUDGES: dict[str, _Judge] = {
    "citizen_number": partial(_judge_width, 18, citizen_numbers.valid_rows),
    "credit_code": partial(_judge_width, 18, credit_codes.valid_credit_rows),
    "organisation_code": partial(_judge_width, 9, credit_codes.valid_organisation_rows),
    "subject_code": _judge_subject,
    "division_code": partial(_judge_pattern, _DIVISION),
    "licence_identifier": _judge_licence,
    "mobile_phone": partial(_judge_pattern, _MOBILE_PHONE),
}


def _rule(kind: str, rules: Mapping[str, R]) -> R:
    if kind not in rules:
        raise DefinitionError(
            f"There is no kind of identifier {kind!r}.", hint=f"Known are: {', '.join(sorted(rules))}."
        )
    return rules[kind]
