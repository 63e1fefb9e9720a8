"""The short way through Great Expectations: which rows fail, and nothing else.

For each expectation, Great Expectations' complete result takes some ten metrics: counts, samples of the failing
values, copies of the failing rows, a query text; and it rebuilds the expectation for each of them. The gate needs the
failing rows only. When it asks so by ``ROWS_ONLY``, an expectation of this room depends on one metric, its condition,
and answers with the numbers of the rows where that does not hold. Asked in any other way it does all that Great
Expectations' own do. So no personal value ever enters a result.

Loading this module loads Great Expectations.
"""

from typing import Any, ClassVar

import numpy as np
from great_expectations.core.id_dict import IDDict
from great_expectations.expectations.core import ExpectColumnValuesToNotBeNull
from great_expectations.expectations.expectation import ColumnMapExpectation, ColumnPairMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    ColumnPairMapMetricProvider,
)
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

ROWS_ONLY: dict[str, Any] = {
    "result_format": "COMPLETE",
    "include_unexpected_rows": False,
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
    "partial_unexpected_count": 0,
}


def _asked_for_rows_only(runtime_configuration: dict[str, Any] | None) -> bool:
    return (runtime_configuration or {}).get("result_format") == ROWS_ONLY


class _RowsOnly:
    """What both kinds of expectation share; ``columns`` and ``parameters`` name their fields."""

    columns: ClassVar[tuple[str, ...]]
    parameters: ClassVar[tuple[str, ...]]
    fixed_domain: ClassVar[dict[str, str]] = {}

    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None, **rest: Any
    ) -> ValidationDependencies:
        """Depend on the condition alone when only rows are asked for."""
        if not _asked_for_rows_only(runtime_configuration):
            return super().get_validation_dependencies(execution_engine, runtime_configuration, **rest)  # type: ignore[misc]
        domain = {name: getattr(self, name) for name in ("batch_id", *self.columns)} | self.fixed_domain
        condition = MetricConfiguration(
            f"{self.map_metric}.condition",  # type: ignore[attr-defined]
            IDDict(domain),
            IDDict({name: getattr(self, name) for name in self.parameters}),
        )
        return ValidationDependencies({"condition": condition}, dict(ROWS_ONLY))

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        if not _asked_for_rows_only(runtime_configuration):
            return super()._validate(metrics, runtime_configuration, execution_engine)  # type: ignore[misc]
        rows = np.flatnonzero(np.asarray(metrics["condition"][0], dtype=np.bool_)).tolist()
        result = {"unexpected_count": len(rows), "unexpected_index_list": rows}
        return {"success": not rows, "result": result}


class ColumnRule(_RowsOnly, ColumnMapExpectation):
    """A rule about the values of one column."""

    columns: ClassVar[tuple[str, ...]] = ("column",)
    parameters: ClassVar[tuple[str, ...]] = ()


class ColumnPairRule(_RowsOnly, ColumnPairMapExpectation):
    """A rule about the values of two columns of the same row."""

    columns: ClassVar[tuple[str, ...]] = ("column_A", "column_B")
    parameters: ClassVar[tuple[str, ...]] = ()
    fixed_domain: ClassVar[dict[str, str]] = {"ignore_row_if": "neither"}


class ExpectColumnValuesToBeGiven(_RowsOnly, ExpectColumnValuesToNotBeNull):
    """Great Expectations' own ``ExpectColumnValuesToNotBeNull``, by the short way."""

    columns: ClassVar[tuple[str, ...]] = ("column",)
    parameters: ClassVar[tuple[str, ...]] = ()


class ColumnCondition(ColumnMapMetricProvider):
    """A condition that answers for every row, so that Great Expectations need not copy the rows with a value."""

    filter_column_isnull = False

    @classmethod
    def _get_evaluation_dependencies(cls, metric: MetricConfiguration, **rest: Any) -> dict[str, Any]:
        return _needed(metric, super()._get_evaluation_dependencies(metric, **rest))


class ColumnPairCondition(ColumnPairMapMetricProvider):
    """A condition over two columns that answers for every row."""

    default_kwarg_values: ClassVar[dict[str, Any]] = {"ignore_row_if": "neither"}

    @classmethod
    def _get_evaluation_dependencies(cls, metric: MetricConfiguration, **rest: Any) -> dict[str, Any]:
        return _needed(metric, super()._get_evaluation_dependencies(metric, **rest))


def _needed(metric: MetricConfiguration, dependencies: dict[str, Any]) -> dict[str, Any]:
    """Leave a condition only what it reads; types and counts of the table are for the summaries."""
    if not metric.metric_name.endswith(".condition"):
        return dependencies
    return {name: needed for name, needed in dependencies.items() if name == "table.columns"}
