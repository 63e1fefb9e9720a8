"""Profiles: what a column of a sample looks like, without showing what is in it."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

FEW = 30
"""A column with no more distinct values than that, each several times over, may hold codes."""
SEVERAL = 3
_RUN = re.compile(r"(.)\1{3,}")


@dataclass(frozen=True)
class Profile:
    """A column of a sample: its type at the system, rows, nulls, distinct values, and its commonest forms.

    A form has 9 for a digit, A and a for letters, 汉 for a Chinese character: ``9{4}-99-99``. ``values`` are those that come
    several times over in a column of few; whether they may be shown is for ``proposal`` to say, for they may be names.
    """

    column: str
    type: str
    rows: int
    nulls: int
    distinct: int
    forms: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def filled(self) -> float:
        """Share of rows with a value."""
        return 0.0 if not self.rows else 1 - self.nulls / self.rows

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 1 and self.nulls == 0 and self.distinct == self.rows

    def as_dict(self) -> dict[str, Any]:
        """Return the profile for a JSON document."""
        return {
            "column": self.column, "type": self.type, "rows": self.rows, "nulls": self.nulls, "distinct": self.distinct,
            "examples": list(self.forms),
        }  # fmt: skip


def profile(column: str, kind: str, values: pa.ChunkedArray) -> Profile:
    """Profile one column; an empty text counts as null."""
    texts = texts_of(values)
    counted = Counter(texts)
    forms = tuple(form for form, _ in Counter(map(form_of, texts)).most_common(3))
    return Profile(
        column,
        kind,
        len(values),
        len(values) - len(texts),
        len(counted),
        forms,
        _repeated(counted, len(texts)),
    )


def form_of(text: str) -> str:
    """Return the form of a text: which kinds of characters, not which."""
    text = "".join(map(_sign, text))
    return _RUN.sub(lambda run: f"{run[1]}{{{len(run[0])}}}", text)[:40]


def _sign(character: str) -> str:
    """Return the sign of a character's kind, of whatever script or width; punctuation tells of nobody."""
    kind = unicodedata.category(character)
    if kind[0] == "N":
        return "9"
    return {"Lu": "A", "Ll": "a"}.get(kind, "汉") if kind[0] in "LM" else character


def texts_of(values: pa.ChunkedArray) -> list[str]:
    """Return the values that are there as text; those of binary and nested columns as a sign."""
    if pa.types.is_binary(values.type) or pa.types.is_nested(values.type):
        return ["…"] * (len(values) - values.null_count)
    found = pc.utf8_trim_whitespace(values.cast(pa.string())).to_pylist()
    return [value for value in found if value]


def _repeated(counted: Counter[str], filled: int) -> tuple[str, ...]:
    if not counted or len(counted) > FEW or filled < SEVERAL * len(counted) or max(map(len, counted)) > FEW:
        return ()
    return tuple(value for value, times in counted.most_common() if times >= SEVERAL)
