"""The hub's own Great Expectations expectations: whole Arrow columns at once, and a missing value is no fault.

Great Expectations' own map expectations first copy every column of the batch without the rows where the judged one is
null. These answer for all rows themselves, so that no row is ever copied; the columns arrive as Arrow-backed pandas
columns and are handed to Arrow kernels as they are.

Parameters are names and bounds, never tables of codes: Great Expectations copies and hashes them in every run.
Loading this module loads Great Expectations.
"""

from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider import (
    column_condition_partial,
    column_pair_condition_partial,
)

from quality.rows_only import ColumnCondition, ColumnPairCondition, ColumnPairRule, ColumnRule
from quality.stated_rules import TODAY
from schemas import identifiers
from schemas.code_sets import code_set as code_set_named
from schemas.fixed_width import today

Mask = npt.NDArray[np.bool_]


def _arrow(column: Any) -> Any:
    return column.array.__arrow_array__()


def _mask(judged: Any) -> Mask:
    """Return an Arrow column of booleans as a mask in which a missing value counts as good."""
    return np.asarray(pc.fill_null(judged, True).to_numpy())


def _bound(value: Any, type_: pa.DataType) -> Any:
    """Return a bound of a definition (ISO date, ``today``, number) as an Arrow scalar of the column's type."""
    if isinstance(value, str):
        day = today() if value == TODAY else np.datetime64(value, "D").item()
        return pa.scalar(day, pa.date32()).cast(type_)
    if pa.types.is_decimal(type_):
        return pa.scalar(Decimal(str(value)), type_)
    return pa.scalar(value)


# ── one column ───────────────────────────────────────────────────────────────────────────────────────


class ValidIdentifier(ColumnCondition):
    """Whether a value passes the check of its standard (``schemas.identifiers``)."""

    condition_metric_name = "column_values.valid_identifier"
    condition_value_keys = ("kind",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, kind: str, **_: Any) -> Mask:  # noqa: N805
        return identifiers.valid_mask(kind, _arrow(column))


class ExpectColumnValuesToBeValidIdentifiers(ColumnRule):
    """Expect every value to be an identifier of ``kind`` (GB 11643, GB 32100, GB 11714, …)."""

    kind: str
    map_metric: ClassVar[str] = "column_values.valid_identifier"
    parameters: ClassVar[tuple[str, ...]] = ("kind",)
    success_keys: ClassVar[tuple[str, ...]] = (*parameters, "mostly")


class InCodeSet(ColumnCondition):
    """Whether a value is a code of a shared code set (``schemas.code_sets``)."""

    condition_metric_name = "column_values.in_code_set"
    condition_value_keys = ("code_set",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, code_set: str, **_: Any) -> Mask:  # noqa: N805
        values = _arrow(column)
        return _mask(pc.or_(pc.is_null(values), pc.is_in(values, code_set_named(code_set).column)))


class ExpectColumnValuesToBeInCodeSet(ColumnRule):
    """Expect every value to be a code of ``code_set``."""

    code_set: str
    map_metric: ClassVar[str] = "column_values.in_code_set"
    parameters: ClassVar[tuple[str, ...]] = ("code_set",)
    success_keys: ClassVar[tuple[str, ...]] = (*parameters, "mostly")


class Listed(ColumnCondition):
    """Whether a value is one of those a source's own rule lists."""

    condition_metric_name = "column_values.listed"
    condition_value_keys = ("allowed",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, allowed: list[Any], **_: Any) -> Mask:  # noqa: N805
        values = _arrow(column)
        return _mask(pc.or_(pc.is_null(values), pc.is_in(values, pa.array(allowed).cast(values.type))))


class ExpectColumnValuesToBeListed(ColumnRule):
    """Expect every value to be one of ``allowed``."""

    allowed: list[Any]
    map_metric: ClassVar[str] = "column_values.listed"
    parameters: ClassVar[tuple[str, ...]] = ("allowed",)
    success_keys: ClassVar[tuple[str, ...]] = (*parameters, "mostly")


class FittingLength(ColumnCondition):
    """Whether a text has at most so many characters."""

    condition_metric_name = "column_values.fitting_length"
    condition_value_keys = ("longest",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, longest: int, **_: Any) -> Mask:  # noqa: N805
        return _mask(pc.less_equal(pc.utf8_length(_arrow(column)), longest))


class ExpectColumnValuesToFitLength(ColumnRule):
    """Expect every text to have at most ``longest`` characters."""

    longest: int
    map_metric: ClassVar[str] = "column_values.fitting_length"
    parameters: ClassVar[tuple[str, ...]] = ("longest",)
    success_keys: ClassVar[tuple[str, ...]] = (*parameters, "mostly")


class OfPattern(ColumnCondition):
    """Whether an RE2 pattern matches the whole text."""

    condition_metric_name = "column_values.of_pattern"
    condition_value_keys = ("pattern",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, pattern: str, **_: Any) -> Mask:  # noqa: N805
        return _mask(pc.match_substring_regex(_arrow(column), rf"\A(?:{pattern})\z"))


class ExpectColumnValuesToBeOfPattern(ColumnRule):
    """Expect ``pattern`` (RE2) to match every text as a whole."""

    pattern: str
    map_metric: ClassVar[str] = "column_values.of_pattern"
    parameters: ClassVar[tuple[str, ...]] = ("pattern",)
    success_keys: ClassVar[tuple[str, ...]] = (*parameters, "mostly")


class WithinBounds(ColumnCondition):
    """Whether a date or number lies between bounds, both included."""

    condition_metric_name = "column_values.within_bounds"
    condition_value_keys = ("lowest", "highest")

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, lowest: Any = None, highest: Any = None, **_: Any) -> Mask:  # noqa: N805
        values = _arrow(column)
        good = np.ones(len(values), dtype=np.bool_)
        if lowest is not None:
            good &= _mask(pc.greater_equal(values, _bound(lowest, values.type)))
        if highest is not None:
            good &= _mask(pc.less_equal(values, _bound(highest, values.type)))
        return good


class ExpectColumnValuesToLieWithinBounds(ColumnRule):
    """Expect every date or number to lie between ``lowest`` and ``highest``; ``today`` is the day of the run."""

    lowest: str | int | float | None = None
    highest: str | int | float | None = None
    map_metric: ClassVar[str] = "column_values.within_bounds"
    parameters: ClassVar[tuple[str, ...]] = (
        "lowest",
        "highest",
    )
    success_keys: ClassVar[tuple[str, ...]] = (*parameters, "mostly")


class NotComingAgain(ColumnCondition):
    """Whether a value is the last of its kind in the column."""

    condition_metric_name = "column_values.not_coming_again"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Mask:  # noqa: N805
        values = _arrow(column)
        whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        encoded = whole.dictionary_encode()
        kinds = np.asarray(pc.fill_null(encoded.indices, -1))
        if len(encoded.dictionary) == len(kinds):
            return np.ones(len(kinds), dtype=np.bool_)
        last = np.zeros(len(encoded.dictionary) + 1, dtype=np.int64)
        places = np.arange(len(kinds))
        last[kinds] = places  # of several places of a kind the last one stays
        return (last[kinds] == places) | (kinds < 0)


class ExpectColumnValuesNotToComeAgain(ColumnRule):
    """Expect no value to come again further down: of several rows with it the library keeps the last."""

    map_metric: ClassVar[str] = "column_values.not_coming_again"


# ── two columns ──────────────────────────────────────────────────────────────────────────────────────


class InOrder(ColumnPairCondition):
    """Whether column A is not before column B."""

    condition_metric_name = "column_pair_values.in_order"

    @column_pair_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_A: Any, column_B: Any, **_: Any) -> Mask:  # noqa: N803, N805
        return _mask(pc.greater_equal(_arrow(column_A), _arrow(column_B)))


class ExpectColumnPairToBeInOrder(ColumnPairRule):
    """Expect no value of column A to be before (or below) that of column B."""

    map_metric: ClassVar[str] = "column_pair_values.in_order"


class InAgreement(ColumnPairCondition):
    """Whether column A says what column B says, or what B, a citizen number, tells of birth or sex."""

    condition_metric_name = "column_pair_values.in_agreement"
    condition_value_keys = ("tells",)

    @column_pair_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_A: Any, column_B: Any, tells: str, **_: Any) -> Mask:  # noqa: N803, N805
        told = _arrow(column_B)
        if tells != "same":
            sound = pa.array(identifiers.valid_mask("citizen_number", told))
            told = identifiers.birth_dates(told) if tells == "birth" else identifiers.sexes(told)
            told = pc.if_else(sound, told, None)
        return _mask(pc.equal(_arrow(column_A), told))


class ExpectColumnPairToAgree(ColumnPairRule):
    """Expect column A to agree with column B; ``tells`` is ``same``, ``birth`` or ``sex``."""

    tells: str
    map_metric: ClassVar[str] = "column_pair_values.in_agreement"
    parameters: ClassVar[tuple[str, ...]] = ("tells",)
    success_keys: ClassVar[tuple[str, ...]] = (*parameters, "mostly")
