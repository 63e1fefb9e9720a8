"""Scorecards: how well a source's rows keep the rules, as domain rules over GB/T 36344 count it.

A rule scores ``100 × (rows - dirty) / rows`` over the rows it can be judged on; a dimension is the mean of its rules; the
total is the weighted mean of the dimensions. Where there is no basis the score is ``None``, shown as "not assessable":
an item nobody delivers is not perfect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from quality.rules import Dimension, Severity
from schemas.errors import DefinitionError

NOT_ASSESSABLE = "not assessable"


@dataclass(frozen=True)
class RuleScore:
    """How many of the rows a rule was judged on break it."""

    item: str
    name: str
    dimension: Dimension
    severity: Severity
    rows: int
    dirty: int

    def __post_init__(self) -> None:
        if not 0 <= self.dirty <= self.rows:
            raise ValueError(f"{self.dirty} of {self.rows} rows cannot break {self.name} of {self.item}.")

    @property
    def score(self) -> float | None:
        """0 to 100, or ``None`` without basis."""
        return 100 * (self.rows - self.dirty) / self.rows if self.rows else None

    @property
    def share(self) -> float | None:
        """Dirty rows per row, 0 to 1, or ``None`` without basis."""
        return self.dirty / self.rows if self.rows else None


@dataclass(frozen=True)
class Report:
    """The scores of one source over one resource: of a batch, or of several merged."""

    source: str
    resource: str
    rows: int
    admitted: int
    quarantined: int
    rules: tuple[RuleScore, ...]

    def __post_init__(self) -> None:
        if self.admitted + self.quarantined != self.rows:
            raise ValueError(
                f"{self.admitted} admitted and {self.quarantined} quarantined are not {self.rows} rows."
            )

    def dimensions(self) -> dict[Dimension, float | None]:
        """Return the mean score of each dimension's assessable rules, ``None`` where there is none."""
        return {
            dimension: _mean(rule.score for rule in self.rules if rule.dimension is dimension)
            for dimension in Dimension
        }

    def total(self, weights: Mapping[Dimension, float] | None = None) -> float | None:
        """Return the weighted mean of the assessable dimensions; without weights all count alike."""
        scores = {name: score for name, score in self.dimensions().items() if score is not None}
        weight = {name: 1.0 if weights is None else weights.get(name, 0.0) for name in scores}
        whole = sum(weight.values())
        return sum(scores[name] * weight[name] for name in scores) / whole if whole else None

    def records(self) -> list[dict[str, Any]]:
        """Return one record per rule, with the columns of a quality report, scores rounded to two places."""
        return [
            {
                "dimension": rule.dimension.value,
                "rule": rule.name,
                "severity": rule.severity.value,
                "score": NOT_ASSESSABLE if rule.score is None else round(rule.score, 2),
                "resource": self.resource,
                "item": rule.item,
                "failing": rule.dirty,
                "share": NOT_ASSESSABLE if rule.share is None else round(rule.share, 6),
            }
            for rule in self.rules
        ]


def merge(reports: Iterable[Report]) -> Report:
    """Add up the reports of one source's batches; raises ``DefinitionError`` when they are not of one source."""
    parts = list(reports)
    if len({(part.source, part.resource) for part in parts}) != 1:
        raise DefinitionError("Only reports of one source over one resource can be merged.")
    added: dict[tuple[str, str], RuleScore] = {}
    for rule in (rule for part in parts for rule in part.rules):
        known = added.get((rule.item, rule.name))
        rows, dirty = (known.rows, known.dirty) if known else (0, 0)
        added[rule.item, rule.name] = replace(rule, rows=rows + rule.rows, dirty=dirty + rule.dirty)
    return Report(
        parts[0].source,
        parts[0].resource,
        sum(part.rows for part in parts),
        sum(part.admitted for part in parts),
        sum(part.quarantined for part in parts),
        tuple(added.values()),
    )


def _mean(scores: Iterable[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None
