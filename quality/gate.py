"""The gate: one standardised batch in, a verdict out. Nothing reaches a base library except through here.

What standardising could not read (``problems``) and what breaks a rule are *faults* of a row. A row with a fault that
is an error is quarantined as it came, with every fault as a reason. Every other row is admitted; where a warning
says that a value is none of its item's type, the admitted row holds null instead. Where more rows break a rule than its
threshold allows, there is no verdict: the batch is refused.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quality.definition import Suite, suite_of
from quality.report import ORDER, Report, RuleScore
from quality.rules import DRIFT, Rule, Severity, unforeseen
from quality.stated_rules import rules_for
from quality.suites import Judge, basis
from schemas.errors import BatchRefused
from schemas.resource import Resource

OBSERVED = "_observed_at"
REASON = pa.struct(
    [("item", pa.string()), ("rule", pa.string()), ("reason", pa.string()), ("severity", pa.string())]
)
REASONS = pa.field("_reasons", pa.list_(REASON))

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Verdict:
    """What the gate decided about one batch; admitted and quarantined rows together are the input.

    ``admitted`` has the columns of the input, ``quarantined`` beside them ``_reasons``: a list of item, rule, reason
    and severity per row, none of which holds a value.
    """

    admitted: pa.Table
    quarantined: pa.Table
    report: Report

    def __post_init__(self) -> None:
        counted = (self.admitted.num_rows, self.quarantined.num_rows)
        if counted != (self.report.admitted, self.report.quarantined):
            raise ValueError("The verdict's tables do not have the rows its report counts.")


@dataclass(frozen=True)
class _Fault:
    """The rows that break one rule, and why: one reason for all, or one per row."""

    rule: Rule
    rows: Rows
    reasons: pa.Array | None = None


def gate(
    source_code: str,
    resource: Resource,
    table: pa.Table,
    problems: pa.Table,
    rules: Sequence[Mapping[str, Any]] = (),
    *,
    delivered: Collection[str] | None = None,
    suite: Suite | None = None,
) -> Verdict:
    """Judge a standardised batch by the resource's rules, its suite's (default: the shipped one) and the source's own.

    ``delivered`` names the items that the source maps; of others the suite asks nothing. ``table`` has the columns of
    ``resource.arrow_schema`` and any others, which pass through; ``problems`` has ``_index`` (row number in ``table``),
    ``item``, ``rule``, ``reason``. Raises ``DefinitionError`` when a rule
    does not hold together, ``RuleNotEvaluated`` when one cannot be run, ``BatchRefused`` when more rows break one than
    its threshold allows; all name the source.
    """
    stated = json.dumps(list(rules), default=str, sort_keys=True)
    items = None if delivered is None else frozenset(delivered)
    judge = _judge(source_code, resource, stated, items, suite or suite_of(resource))
    faults = list(_problem_faults(judge, problems))
    faults += _rule_faults(judge, table, faults)
    faults.sort(key=lambda fault: resource.position(str(fault.rule.item)))
    out = _any_row(table, (fault.rows for fault in faults if fault.rule.keeps_out))
    scores = tuple(_scores(judge, table, faults))
    kept_out = int(out.sum())
    newest = _newest(table)
    report = Report(
        source_code, resource.code, table.num_rows, table.num_rows - kept_out, kept_out, scores, newest
    )
    _refuse_if_over(judge, report)
    return Verdict(*_divide(table, faults, out), report)


@lru_cache(maxsize=256)
def _judge(
    source_code: str, resource: Resource, rules: str, delivered: frozenset[str] | None, suite: Suite
) -> Judge:
    found = rules_for(resource, json.loads(rules), source_code, suite.rules, delivered)
    return Judge(source_code, resource, found, suite.fewest_rows)


def _any_row(table: pa.Table, parts: Iterable[Rows]) -> npt.NDArray[np.bool_]:
    found = np.zeros(table.num_rows, dtype=np.bool_)
    for rows in parts:
        found[rows] = True
    return found


def _refuse_if_over(judge: Judge, report: Report) -> None:
    """Raise ``BatchRefused`` for the rule whose threshold is exceeded by most."""
    limits = {(rule.item, rule.name): rule.refuse_above for rule in judge.rules}
    over = [
        (score.share - limit, score, limit)
        for score in report.rules
        if (limit := limits.get((score.item, score.name))) is not None
        and score.share is not None
        and _exceeds(score.share, limit, score.rows, judge.fewest_rows)
    ]
    if not over:
        return
    _, score, limit = max(over, key=lambda found: found[0])
    share = score.dirty / score.rows
    raise BatchRefused(
        f"Source {judge.source}: {score.dirty} of {score.rows} rows ({share:.1%}) of {judge.resource.code} break the rule "
        f"{score.title}, which refuses a batch above {limit:.1%}. Nothing of the batch was stored.",
        hint="See hub quality scorecard, and ask the department; the next run tries again.",
        report=report.records(),
        source=judge.source,
        resource=judge.resource.code,
        rule=score.name,
        item=score.item,
        share=round(share, 6),
        threshold=limit,
    )


def _exceeds(share: float | None, limit: float | None, rows: int, fewest: int) -> bool:
    """A share of few rows says little, so only a limit of 0 holds for them."""
    if share is None or limit is None:
        return False
    return share > limit and (rows >= fewest or limit == 0)


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────


def _problem_faults(judge: Judge, problems: pa.Table) -> Iterator[_Fault]:
    known = {(rule.item, rule.name): rule for rule in judge.rules}
    if not problems.num_rows:
        return
    places = problems.group_by(["item", "rule"], use_threads=False).aggregate([]).to_pylist()
    for place in places:
        item, name = place["item"], place["rule"]
        of_place = pc.and_(pc.equal(problems["item"], item), pc.equal(problems["rule"], name))
        chosen = problems.filter(of_place)
        rule = known.get((item, name)) or unforeseen(judge.resource.item(item), name)
        rows, first = np.unique(chosen["_index"].to_numpy(), return_index=True)
        yield _Fault(rule, rows, chosen["reason"].take(pa.array(first)).combine_chunks().cast(pa.string()))


def _rule_faults(judge: Judge, table: pa.Table, problems: Sequence[_Fault]) -> Iterator[_Fault]:
    for rule, rows in judge.failing_rows(table).items():
        if rule.name == "not_null":
            # A value that could not be read was there: that is one fault, not two.
            unread = [fault.rows for fault in problems if fault.rule.item == rule.item]
            rows = np.setdiff1d(rows, np.concatenate(unread)) if unread else rows  # noqa: PLW2901
        if len(rows):
            yield _Fault(rule, rows)


# ── the two tables ───────────────────────────────────────────────────────────────────────────────────


def _divide(
    table: pa.Table, faults: Sequence[_Fault], out: npt.NDArray[np.bool_]
) -> tuple[pa.Table, pa.Table]:
    kept = _cleared(table, faults)
    reasons = _reasons(faults, out)
    if not out.any():
        return kept, table.slice(0, 0).append_column(REASONS, reasons)
    mask = pa.array(out)
    return kept.filter(pc.invert(mask)), table.filter(mask).append_column(REASONS, reasons)


def _cleared(table: pa.Table, faults: Sequence[_Fault]) -> pa.Table:
    cleared: dict[str, npt.NDArray[np.bool_]] = {}
    for fault in faults:
        rule = fault.rule
        # What standardising could not read is null already.
        if rule.clears and not rule.keeps_out and not rule.by_standardising:
            cleared.setdefault(str(rule.item), np.zeros(table.num_rows, dtype=np.bool_))[fault.rows] = True
    for item, rows in cleared.items():
        place = table.schema.get_field_index(item)
        column = pc.if_else(pa.array(rows), None, table.column(item))
        table = table.set_column(place, table.schema.field(place), column)
    return table


def _reasons(faults: Sequence[_Fault], out: npt.NDArray[np.bool_]) -> pa.Array:
    """Return one list of reasons for each quarantined row, in the order of the resource's items."""
    parts = [_reasons_of(fault, out) for fault in faults]
    rows = np.concatenate([rows for rows, _ in parts]) if parts else np.empty(0, dtype=np.int64)
    structs = pa.concat_arrays([structs for _, structs in parts]) if parts else pa.array([], REASON)
    order = np.argsort(rows, kind="stable")
    places = np.flatnonzero(out)
    offsets = np.append(np.searchsorted(rows[order], places), len(rows)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), structs.take(pa.array(order)), type=REASONS.type)


def _reasons_of(fault: _Fault, out: npt.NDArray[np.bool_]) -> tuple[Rows, pa.Array]:
    chosen = out[fault.rows]
    rows = fault.rows[chosen]
    rule = fault.rule
    why = (
        pa.repeat(rule.reason, len(rows)) if fault.reasons is None else fault.reasons.filter(pa.array(chosen))
    )
    effect = Severity.ERROR if rule.keeps_out else Severity.WARNING
    fixed = [pa.repeat(text, len(rows)) for text in (rule.item, rule.name, effect.value)]
    return rows, pa.StructArray.from_arrays([fixed[0], fixed[1], why, fixed[2]], fields=list(REASON))


# ── the report ───────────────────────────────────────────────────────────────────────────────────────


def _scores(judge: Judge, table: pa.Table, faults: Sequence[_Fault]) -> Iterator[RuleScore]:
    for rule in dict.fromkeys([*judge.rules, *(fault.rule for fault in faults)]):
        rows, dirty = (_of_item if rule.item else _of_whole_rows)(rule, table, faults)
        share = dirty / rows if rows else None
        alert = _exceeds(share, rule.warn_above, rows, judge.fewest_rows)
        yield RuleScore(rule.item, rule.name, rule.dimension, rule.severity, rows, dirty, alert)


def _of_item(rule: Rule, table: pa.Table, faults: Sequence[_Fault]) -> tuple[int, int]:
    dirty = [fault.rows for fault in faults if fault.rule is rule]
    unread = [fault.rows for fault in faults if fault.reasons is not None and fault.rule.item == rule.item]
    rows = basis(rule, table)
    if rule.name != "not_null":
        # A value that could not be read is null by now, yet it was there to be judged.
        rows = min(rows + _distinct(unread), table.num_rows)
    return rows, _distinct(dirty)


def _of_whole_rows(rule: Rule, table: pa.Table, faults: Sequence[_Fault]) -> tuple[int, int]:
    if rule.name == ORDER:
        return _out_of_order(table)
    if rule.name == "complete_rows":
        parts = (fault.rows for fault in faults if fault.rule.name == "not_null")
    else:  # rows of changed columns do not count: what becomes of them, the source's policy has decided
        parts = (fault.rows for fault in faults if fault.rule.keeps_out and fault.rule.name != DRIFT)
    return table.num_rows, int(_any_row(table, parts).sum())


def _out_of_order(table: pa.Table) -> tuple[int, int]:
    if OBSERVED not in table.column_names:
        return 0, 0
    observed = table.column(OBSERVED)
    later = pc.sum(pc.greater(observed, pa.scalar(datetime.now(UTC), observed.type))).as_py() or 0
    return len(observed) - observed.null_count, later


def _newest(table: pa.Table) -> datetime | None:
    return pc.max(table.column(OBSERVED)).as_py() if OBSERVED in table.column_names else None


def _distinct(parts: Sequence[Rows]) -> int:
    """Count the rows in any of the parts, each of which names a row once."""
    return len(parts[0]) if len(parts) == 1 else len(set().union(*(part.tolist() for part in parts)))
