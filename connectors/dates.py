"""Dates and times of departments' registers, read column-wise.

Understood are 2020-01-02, 2020/1/2, 2020.1.2, 20200102, 2020年1月2日, each with or without a time and an offset, and
Excel serials (days since 1899-12-30). Times without an offset are China Standard Time (UTC+8, no daylight saving since
1991). An impossible date, such as 31 February, becomes null. Other ways of writing are stated as patterns, never guessed;
a year of two digits (``%y``) is of 1969 to 2068, as POSIX has it.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import DefinitionError
from schemas.fixed_width import Bytes, rows_of_width

Numbers = npt.NDArray[np.int64]

AUTO = "auto"
STAMP = pa.timestamp("us", tz="UTC")

_TIME = (
    r"(?:[T ]*(?P<H>\d{1,2})[:时点](?P<M>\d{1,2})(?:[:分](?:(?P<S>\d{1,2})(?:[.,](?P<f>\d{1,6})\d*)?秒?)?)?"
    r"\s*(?P<z>Z|[+-]\d{2}:?(?:\d{2})?)?)?$"
)
_SEPARATED = rf"^(?P<Y>\d{{4}})\s*[-/.年]\s*(?P<m>\d{{1,2}})\s*[-/.月]\s*(?P<d>\d{{1,2}})日?{_TIME}"
_COMPACT = rf"^(?P<Y>\d{{4}})(?P<m>\d{{2}})(?P<d>\d{{2}}){_TIME}"
_RUN_TOGETHER = r"^(?P<Y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})(?P<f>)(?P<z>)$"
_SERIAL = r"^\d{5}(\.\d+)?$"
_DIGITS = {"Y": "4", "y": "2"} | dict.fromkeys("mdHMS", "1,2")
_AUTO = (_SEPARATED, _COMPACT, _RUN_TOGETHER)

_DIGIT, _SEPARATOR = b"0123456789", b"-/."
_DAY = (*[_DIGIT] * 4, _SEPARATOR, *[_DIGIT] * 2, _SEPARATOR, *[_DIGIT] * 2)
_CLOCK = (b" T", *[_DIGIT] * 2, b":", *[_DIGIT] * 2, b":", *[_DIGIT] * 2)
_SHAPES = {8: (_DIGIT,) * 8, 10: _DAY, 19: _DAY + _CLOCK}
_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_CHINA_SECONDS = 8 * 3600
_SERIAL_EPOCH = -25569  # 1899-12-30 in days of 1970
_PIVOT = 69
_NOTHING = np.iinfo(np.int64).min  # NumPy's NaT


def to_timestamps(column: pa.Array, *patterns: str) -> pa.Array:
    """Read dates and times as ``timestamp[us, UTC]``, by the first pattern that fits (``auto`` without); what is none becomes null."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(column.type):
        if column.type.tz is not None:
            return column.cast(STAMP)
        return _shifted(column.cast(pa.timestamp("us")))
    seconds, micros = _read(column, patterns or (AUTO,))
    none = seconds == _NOTHING
    return pa.array(np.where(none, 0, seconds) * 10**6 + micros, mask=none).cast(STAMP)


def to_dates(column: pa.Array, *patterns: str) -> pa.Array:
    """Read dates as ``date32``, likewise, in China's calendar day where a time is given; what is none becomes null."""
    if pa.types.is_date(column.type):
        return column.cast(pa.date32())
    if pa.types.is_timestamp(column.type):
        stamps = to_timestamps(column).cast(pa.int64())
        days = pc.cast(
            pc.floor(pc.divide(pc.add(stamps, _CHINA_SECONDS * 10**6).cast(pa.float64()), 86_400e6)),
            pa.int32(),
        )
        return days.cast(pa.date32())
    seconds, _ = _read(column, patterns or (AUTO,))
    none = seconds == _NOTHING
    days = np.floor_divide(np.where(none, 0, seconds) + _CHINA_SECONDS, 86400)
    return pa.array(days.astype(np.int32), mask=none).cast(pa.date32())


def _shifted(local: pa.Array) -> pa.Array:
    return pc.subtract(local.cast(pa.int64()), _CHINA_SECONDS * 10**6).cast(STAMP)


def _read(column: pa.Array, patterns: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Return UTC seconds of 1970 (``_NOTHING`` where unreadable) and microseconds."""
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    seconds = np.full(len(texts), _NOTHING, dtype=np.int64)
    micros = np.zeros(len(texts), dtype=np.int64)
    if patterns[0] == AUTO:
        _fill_fixed_widths(texts, seconds)
    there = texts.is_valid().to_numpy(zero_copy_only=False)
    for pattern in patterns:
        odd = np.flatnonzero((seconds == _NOTHING) & there)
        if len(odd):
            encoded = texts.take(pa.array(odd)).dictionary_encode()
            places = encoded.indices.to_numpy()
            distinct_seconds, distinct_micros = _read_odd(encoded.dictionary, pattern)
            seconds[odd], micros[odd] = distinct_seconds[places], distinct_micros[places]
    return seconds, micros


def _read_odd(texts: pa.Array, pattern: str) -> tuple[Numbers, Numbers]:
    """Read by expressions what is not of a fixed width; each distinct text comes once."""
    seconds = np.full(len(texts), _NOTHING, dtype=np.int64)
    micros = np.zeros(len(texts), dtype=np.int64)
    for expression in _AUTO if pattern == AUTO else (_expression(pattern),):
        todo = np.flatnonzero(seconds == _NOTHING)
        if not len(todo):
            break
        parts = pc.extract_regex(texts.take(pa.array(todo)), expression)
        found = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
        if len(found):
            seconds[todo[found]], micros[todo[found]] = _assembled(parts.take(pa.array(found)))
    if pattern == AUTO:
        _fill_serials(texts, seconds)
    return seconds, micros


def _fill_fixed_widths(texts: pa.Array, seconds: Numbers) -> None:
    """Read 20200102, 2020-01-02 and 2020-01-02 03:04:05 digit by digit: registers write little else."""
    for width, (year, month, day), clock in (
        (8, (0, 4, 6), None),
        (10, (0, 5, 8), None),
        (19, (0, 5, 8), (11, 14, 17)),
    ):
        rows, matrix = rows_of_width(texts, width)
        shaped = np.ones(len(matrix), dtype=bool)
        for place, characters in enumerate(_SHAPES[width]):
            if characters == _DIGIT:
                shaped &= matrix[:, place] - np.uint8(ord("0")) <= 9
            else:
                shaped &= (matrix[:, place, None] == np.frombuffer(characters, dtype=np.uint8)).any(axis=1)
        chosen = matrix[shaped]
        of_day: Numbers | int = -_CHINA_SECONDS
        in_day = np.ones(len(chosen), dtype=bool)
        if clock:
            hour, minute, second = (_two_digits(chosen, place) for place in clock)
            in_day = (hour < 24) & (minute < 60) & (second < 60)
            of_day = hour * 3600 + minute * 60 + second - _CHINA_SECONDS
        years = _two_digits(chosen, year) * 100 + _two_digits(chosen, year + 2)
        found = _civil(years, _two_digits(chosen, month), _two_digits(chosen, day), of_day)
        seconds[np.flatnonzero(rows)[shaped]] = np.where(in_day, found, _NOTHING)


def _two_digits(matrix: Bytes, place: int) -> Numbers:
    tens, ones = matrix[:, place].astype(np.int64), matrix[:, place + 1].astype(np.int64)
    return tens * 10 + ones - 11 * ord("0")


def _fill_serials(texts: pa.Array, seconds: Numbers) -> None:
    serial = pc.fill_null(pc.match_substring_regex(texts, _SERIAL), False).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(serial)
    if len(places):
        days = texts.take(pa.array(places)).cast(pa.float64()).to_numpy()
        seconds[places] = np.round((days + _SERIAL_EPOCH) * 86400).astype(np.int64) - _CHINA_SECONDS


def _assembled(parts: pa.StructArray) -> tuple[Numbers, Numbers]:
    names = {field.name for field in parts.type}

    def number(name: str) -> Numbers:
        if name not in names:
            return np.zeros(len(parts), dtype=np.int64)
        texts = parts.field(name)
        return pc.if_else(pc.equal(texts, ""), "0", texts).cast(pa.int64()).to_numpy()

    year, month, day, hour, minute, second = (number(name) for name in "YmdHMS")
    offsets = _offsets(parts.field("z")) if "z" in names else _CHINA_SECONDS
    if "y" in names:
        short = number("y")
        year = short + np.where(short >= _PIVOT, 1900, 2000)
    seconds = _civil(year, month, day, hour * 3600 + minute * 60 + second - offsets)
    in_day = (hour < 24) & (minute < 60) & (second < 60)
    micros = _fractions(parts.field("f")) if "f" in names else np.zeros(len(parts), dtype=np.int64)
    return np.where(in_day, seconds, _NOTHING), micros


def _civil(year: Numbers, month: Numbers, day: Numbers, seconds_of_day: Numbers | int) -> Numbers:
    """Seconds since 1970 of a day of the Gregorian calendar; ``_NOTHING`` where there is no such day."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    months = np.clip(month, 0, 12)
    real = (year > 0) & (month >= 1) & (month <= 12)
    real &= (day >= 1) & (day <= _DAYS[months]) & ((month != 2) | (day < 29) | leap)
    firsts = (
        ((year - 1970) * 12 + months - 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    )
    return np.where(real, (firsts + day - 1) * 86400 + seconds_of_day, _NOTHING)


def _fractions(texts: pa.Array) -> Numbers:
    return pc.utf8_rpad(texts, 6, "0").cast(pa.int64()).to_numpy()


def _offsets(texts: pa.Array) -> Numbers:
    encoded = texts.dictionary_encode()
    seconds = [_offset(text) for text in encoded.dictionary.to_pylist()]
    return np.array(seconds, dtype=np.int64)[encoded.indices.to_numpy()]


def _offset(text: str) -> int:
    if not text:
        return _CHINA_SECONDS
    if text == "Z":
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    return (-1 if text[0] == "-" else 1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)


@cache
def _expression(pattern: str) -> str:
    """Turn ``%d/%m/%Y`` into an expression with the groups ``_assembled`` reads."""
    expression = ""
    parts = iter(pattern)
    for character in parts:
        if character != "%":
            expression += _escaped(character)
            continue
        directive = next(parts, "")
        if directive not in _DIGITS:
            raise DefinitionError(
                f"Date pattern {pattern!r}: %{directive} is not one of %Y %y %m %d %H %M %S."
            )
        expression += rf"(?P<{directive}>\d{{{_DIGITS[directive]}}})"
    return f"^{expression}$"


def _escaped(character: str) -> str:
    return character if character.isalnum() else f"\\{character}" if character.isascii() else character
