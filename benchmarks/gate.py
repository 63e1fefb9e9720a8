"""``gate``: rows per second through the gate ÷ Great Expectations alone, judging the same batch.

Alone is told twice: the expectations that the gate runs, run by a Validator and nothing else; and Great Expectations as its own
documentation has it, a suite of its stock expectations over a pandas frame.
"""

import os
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from time import perf_counter
from typing import Any

import pyarrow as pa

from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, Side, alternate
from connectors.pull import pull
from connectors.standardise import Standardised, standardise
from quality.definition import suite_of
from quality.gate import gate
from quality.rules import Rule
from quality.stated_rules import rules_for
from quality.suites import Judge
from schemas.code_sets import code_set
from schemas.fixed_width import today

CODE, ROWS = "public_security", 20_000
GOAL = 0.8


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Batches of the household register, standardised beforehand."""
    source = ground.hub.source(CODE)
    resource = ground.hub.resources[source.resource]
    batches = [standardise(source, resource, batch) for batch in pull(source, None, ROWS)]
    judge = Judge(
        CODE, resource, rules_for(resource, source.quality, CODE, suite_of(resource).rules, source.mapping)
    )
    alone = Ratio("gate", "gate ÷ the same expectations alone", "rows", GOAL)
    stock = Ratio("gate", "gate ÷ stock expectations alone", "rows", GOAL)

    def ours(batch: Standardised) -> None:
        gate(CODE, resource, batch.table, batch.problems, source.quality, delivered=source.mapping)

    others: list[tuple[Ratio, Side]] = [
        (alone, _over(batches, lambda batch: judge.failing_rows(batch.table))),
        (stock, _over(batches, lambda batch: _stock_validation(judge, batch.table))),
    ]
    alternate(_over(batches, ours), others, runs)
    return [alone, stock]


def _over(batches: list[Standardised], work: Callable[[Standardised], Any]) -> Side:
    def run() -> float:
        began = perf_counter()
        for batch in batches:
            work(batch)
        return sum(batch.table.num_rows for batch in batches) / (perf_counter() - began)

    return run


# ── Great Expectations as its documentation has it ───────────────────────────────────────────────────


def _stock_validation(judge: Judge, table: pa.Table) -> None:
    import great_expectations as gx

    rules = [rule for rule in judge.rules if rule.by_great_expectations]
    columns = dict.fromkeys(name for rule in rules for name in (rule.item, rule.other) if name)
    batch = _definition().get_batch({"dataframe": table.select(list(columns)).to_pandas()})
    suite = gx.ExpectationSuite("stock", expectations=[_stock(rule) for rule in rules])
    batch.validate(suite, result_format="COMPLETE")


@cache
def _definition() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("benchmark").add_dataframe_asset("batch")
    return asset.add_batch_definition_whole_dataframe("whole")


def _stock(rule: Rule) -> Any:
    """Return the stock expectation that comes nearest: of an identifier, a pattern; of two items that agree, the birth's order."""
    import great_expectations.expectations as gxe

    column, given = rule.item, rule.parameters
    made: Mapping[str, Callable[[], Any]] = {
        "not_null": lambda: gxe.ExpectColumnValuesToNotBeNull(column=column),
        "length": lambda: gxe.ExpectColumnValueLengthsToBeBetween(column=column, max_value=given["length"]),
        "code": lambda: gxe.ExpectColumnValuesToBeInSet(column=column, value_set=_codes(given["code_set"])),
        "identifier": lambda: gxe.ExpectColumnValuesToMatchRegex(column=column, regex=r"^[0-9]{17}[0-9X]$"),
        "unique": lambda: gxe.ExpectColumnValuesToBeUnique(column=column),
        "between": lambda: _between(column, date(1900, 1, 1)),
        "not_in_future": lambda: _between(column, None),
    }
    pair = {"column_A": column, "column_B": rule.other}
    return made.get(rule.name, lambda: gxe.ExpectColumnPairValuesToBeEqual(**pair))()


def _between(column: str | None, lowest: date | None) -> Any:
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=lowest, max_value=today())


def _codes(name: str) -> list[str]:
    return list(code_set(name).entries)
