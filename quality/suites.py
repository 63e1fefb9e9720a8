"""The rules of a source as Great Expectations expectations, and the judge that runs them over a batch.

A judge is made once per source and kept: its configurations are built, checked and copied only then. A run takes one
Validator over one Arrow-backed frame that holds only the columns judged, without copying them. It does not pass
through a Checkpoint or a Batch, because those hash every cell of the frame first, which takes ten times as long as
judging it. Nothing is written, nothing is sent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quality.rules import Rule
from quality.stated_rules import TODAY, rules_for
from schemas.errors import RuleNotEvaluated
from schemas.resource import Resource

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

Rows = npt.NDArray[np.int64]


def suite_for(
    resource: Resource,
    extra: Sequence[Mapping[str, Any]] = (),
    source: str = "unnamed",
    of_suite: Sequence[Mapping[str, Any]] = (),
) -> list["Expectation"]:
    """Return the expectations of a resource, its suite's and a source's own rules, in the order of ``rules_for``.

    Each one's ``meta`` holds title, item, rule, dimension and severity. Raises ``DefinitionError`` naming the source.
    """
    rules = rules_for(resource, extra, source, of_suite)
    return [expectation(resource, rule) for rule in rules if rule.by_great_expectations]


def expectation(resource: Resource, rule: Rule) -> "Expectation":
    """Return the expectation that judges a rule about an item."""
    from great_expectations.expectations.metadata_types import FailureSeverity

    return _BUILDERS[rule.name](
        resource,
        rule,
        description=f"Never: {rule.title} ({rule.dimension}, {rule.severity})",
        severity=FailureSeverity.CRITICAL if rule.keeps_out else FailureSeverity.WARNING,
        meta={
            "title": f"{resource.item(str(rule.item)).title}: {rule.title}",
            "item": rule.item,
            "rule": rule.name,
            "dimension": rule.dimension.value,
            "severity": rule.severity.value,
        },
    )


@dataclass(frozen=True)
class Judge:
    """The rules of one source over one resource, ready to run on any number of batches.

    Shares above 0 count as thresholds from ``fewest_rows`` rows on.
    """

    source: str
    resource: Resource
    rules: tuple[Rule, ...]
    fewest_rows: int = 1

    def failing_rows(self, table: pa.Table) -> dict[Rule, Rows]:
        """Return the row numbers that break each rule; a rule without any value to judge is left out.

        Raises ``RuleNotEvaluated`` when Great Expectations cannot evaluate a rule.
        """
        judged = [rule for rule in self._configurations if basis(rule, table)]
        if not judged:
            return {}
        results = self._run(_frame(table, judged), [self._configurations[rule] for rule in judged])
        return {rule: _rows_of(result) for rule, result in zip(judged, results, strict=True)}

    @cached_property
    def _configurations(self) -> dict[Rule, Any]:
        judged = [rule for rule in self.rules if rule.by_great_expectations]
        return {rule: expectation(self.resource, rule).configuration for rule in judged}

    def _run(self, frame: Any, configurations: list[Any]) -> list[Any]:
        from great_expectations.exceptions import GreatExpectationsError
        from great_expectations.execution_engine import PandasExecutionEngine
        from great_expectations.validator.validator import Validator

        from quality.rows_only import ROWS_ONLY

        engine = PandasExecutionEngine(batch_data_dict={self.source: frame})
        try:
            return Validator(execution_engine=engine, data_context=_context()).graph_validate(
                configurations=configurations,
                runtime_configuration={"result_format": ROWS_ONLY, "catch_exceptions": False},
            )
        except GreatExpectationsError as error:
            # Its message may quote cells of the batch, so only the items are told.
            metrics = getattr(error, "failed_metrics", ())
            items = sorted({metric.metric_domain_kwargs.get("column", "two items") for metric in metrics})
            raise RuleNotEvaluated(
                f"Source {self.source}: a quality rule over {', '.join(items) or 'some item'} of {self.resource.code} "
                f"could not be evaluated.",
                hint="Check that the batch has the item's type, and the rule's parameters.",
                source=self.source,
            ) from None


def basis(rule: Rule, table: pa.Table) -> int:
    """Return over how many rows a rule can be judged: all rows for completeness, else those with a value."""
    if rule.name == "not_null":
        return table.num_rows
    if rule.other is None:
        return table.num_rows - table.column(rule.item).null_count
    both = pc.and_(pc.is_valid(table.column(rule.item)), pc.is_valid(table.column(rule.other)))
    return pc.sum(both).as_py() or 0


def _frame(table: pa.Table, rules: Sequence[Rule]) -> Any:
    """Return the columns the rules need as Arrow-backed pandas columns, over the same memory."""
    import pandas as pd

    names = dict.fromkeys(name for rule in rules for name in (rule.item, rule.other) if name)
    return table.select(list(names)).to_pandas(types_mapper=pd.ArrowDtype, use_threads=False)


def _rows_of(result: Any) -> Rows:
    return np.asarray(result.result["unexpected_index_list"], dtype=np.int64)


@cache
def _context() -> Any:
    """Return one context in memory for the process: no file, no telemetry, no progress bars."""
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return EphemeralDataContext(
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
            analytics_enabled=False,
        )
    )


# ── one builder per rule ─────────────────────────────────────────────────────────────────────────────


def _not_null(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.rows_only import ExpectColumnValuesToBeGiven

    return ExpectColumnValuesToBeGiven(column=rule.item, **about)


def _length(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnValuesToFitLength

    return ExpectColumnValuesToFitLength(column=rule.item, longest=rule.parameters["length"], **about)


def _code(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnValuesToBeInCodeSet

    return ExpectColumnValuesToBeInCodeSet(column=rule.item, code_set=rule.parameters["code_set"], **about)


def _identifier(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnValuesToBeValidIdentifiers

    return ExpectColumnValuesToBeValidIdentifiers(column=rule.item, kind=rule.parameters["kind"], **about)


def _between(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnValuesToLieWithinBounds

    lowest, highest = rule.parameters.get("min"), rule.parameters.get("max")
    return ExpectColumnValuesToLieWithinBounds(column=rule.item, lowest=lowest, highest=highest, **about)


def _not_in_future(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnValuesToLieWithinBounds

    return ExpectColumnValuesToLieWithinBounds(column=rule.item, highest=TODAY, **about)


def _in_set(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnValuesToBeListed

    return ExpectColumnValuesToBeListed(column=rule.item, allowed=rule.parameters["values"], **about)


def _matches(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnValuesToBeOfPattern

    return ExpectColumnValuesToBeOfPattern(column=rule.item, pattern=rule.parameters["pattern"], **about)


def _not_before(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnPairToBeInOrder

    return ExpectColumnPairToBeInOrder(column_A=rule.item, column_B=rule.other, **about)


def _unique(_resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnValuesNotToComeAgain

    return ExpectColumnValuesNotToComeAgain(column=rule.item, **about)


def _consistent(resource: Resource, rule: Rule, **about: Any) -> "Expectation":
    from quality.expectations import ExpectColumnPairToAgree

    item, other = resource.item(str(rule.item)), resource.item(str(rule.other))
    told = other.identifier == "citizen_number" and item.identifier != "citizen_number"
    tells = ("sex" if item.code_set == "sex" else "birth") if told else "same"
    return ExpectColumnPairToAgree(column_A=rule.item, column_B=rule.other, tells=tells, **about)


_BUILDERS: Mapping[str, Callable[..., "Expectation"]] = {
    "not_null": _not_null,
    "length": _length,
    "code": _code,
    "in_code_set": _code,
    "identifier": _identifier,
    "between": _between,
    "not_in_future": _not_in_future,
    "in_set": _in_set,
    "matches": _matches,
    "not_before": _not_before,
    "consistent": _consistent,
    "unique": _unique,
}
