"""Scores: how well a source's rows keep the rules, as domain rules over GB/T 36344 count it.

A rule scores ``100 × (rows - dirty) / rows`` over the rows it can be judged on; a dimension is the mean of its rules; the
total is the weighted mean of the dimensions. Where there is no basis the score is ``None``, shown as "not assessable":
an item nobody delivers is not perfect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from quality.rules import Dimension, Severity
from schemas.errors import DefinitionError

NOT_ASSESSABLE = "not assessable"
ORDER = "order"


@dataclass(frozen=True)
class RuleScore:
    """How many of the rows a rule was judged on break it; ``item`` is None where it is about whole rows.

    ``alert`` says that this is more than the rule's ``warn_above``.
    """

    item: str | None
    name: str
    dimension: Dimension
    severity: Severity
    rows: int
    dirty: int
    alert: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.dirty <= self.rows:
            raise ValueError(f"{self.dirty} of {self.rows} rows cannot break {self.title}.")

    @property
    def title(self) -> str:
        """Name the rule, and the item where it is about one."""
        return f"{self.item}: {self.name}" if self.item else self.name

    @property
    def score(self) -> float | None:
        """0 to 100, or ``None`` without basis."""
        return 100 * (self.rows - self.dirty) / self.rows if self.rows else None

    @property
    def share(self) -> float | None:
        """Dirty rows per row, 0 to 1, or ``None`` without basis."""
        return self.dirty / self.rows if self.rows else None

    def record(self, resource: str) -> dict[str, Any]:
        """Return the columns of a quality report, the score rounded to two places."""
        return {
            "dimension": self.dimension.value,
            "rule": self.name,
            "severity": self.severity.value,
            "score": NOT_ASSESSABLE if self.score is None else round(self.score, 2),
            "resource": resource,
            "item": self.item,
            "failing": self.dirty,
            "share": NOT_ASSESSABLE if self.share is None else round(self.share, 6),
            "rows": self.rows,
            "alert": self.alert,
        }


def score_of(record: Mapping[str, Any]) -> RuleScore:
    """Return the score that a record tells; one that does not say of how many rows is without basis."""
    rows = record.get("rows", 0)
    return RuleScore(
        record["item"],
        record["rule"],
        Dimension(record["dimension"]),
        Severity(record["severity"]),
        rows,
        record["failing"] if rows else 0,
        record.get("alert", False),
    )


def added(scores: Iterable[RuleScore]) -> tuple[RuleScore, ...]:
    """Add up scores rule by rule, in the order they are met."""
    found: dict[tuple[str | None, str], RuleScore] = {}
    for score in scores:
        known = found.get((score.item, score.name))
        if known is not None:
            score = replace(  # noqa: PLW2901
                score,
                rows=known.rows + score.rows,
                dirty=known.dirty + score.dirty,
                alert=known.alert or score.alert,
            )
        found[score.item, score.name] = score
    return tuple(found.values())


def dimensions_of(scores: Iterable[RuleScore]) -> dict[Dimension, float | None]:
    """Return the mean score of each dimension's assessable rules, ``None`` where there is none."""
    told = list(scores)
    return {
        dimension: _mean(score.score for score in told if score.dimension is dimension)
        for dimension in Dimension
    }


def total_of(
    dimensions: Mapping[Dimension, float | None], weights: Mapping[Dimension, float] | None = None
) -> float | None:
    """Return the weighted mean of the assessable dimensions; without weights all count alike."""
    scores = {name: score for name, score in dimensions.items() if score is not None}
    weight = {name: weights.get(name, 0.0) if weights else 1.0 for name in scores}
    whole = sum(weight.values())
    return sum(scores[name] * weight[name] for name in scores) / whole if whole else None


@dataclass(frozen=True)
class Report:
    """The scores of one source over one resource: of a batch, or of several merged.

    ``newest`` is when the newest row was observed, where rows say so.
    """

    source: str
    resource: str
    rows: int
    admitted: int
    quarantined: int
    rules: tuple[RuleScore, ...]
    newest: datetime | None = None

    def __post_init__(self) -> None:
        if self.admitted + self.quarantined != self.rows:
            raise ValueError(
                f"{self.admitted} admitted and {self.quarantined} quarantined are not {self.rows} rows."
            )

    def dimensions(self) -> dict[Dimension, float | None]:
        """Return the mean score of each dimension's assessable rules, ``None`` where there is none."""
        return dimensions_of(self.rules)

    def total(self, weights: Mapping[Dimension, float] | None = None) -> float | None:
        """Return the weighted mean of the assessable dimensions; without weights all count alike."""
        return total_of(self.dimensions(), weights)

    def records(self) -> list[dict[str, Any]]:
        """Return one record per rule, with the columns of a quality report; that of ``order`` says what is newest."""
        records = [rule.record(self.resource) for rule in self.rules]
        if self.newest is not None:
            for record in records:
                if record["rule"] == ORDER:
                    record["newest"] = self.newest.isoformat()
        return records


def merge(reports: Iterable[Report]) -> Report:
    """Add up the reports of one source's batches; raises ``DefinitionError`` when they are not of one source."""
    parts = list(reports)
    if len({(part.source, part.resource) for part in parts}) != 1:
        raise DefinitionError("Only reports of one source over one resource can be merged.")
    return Report(
        parts[0].source,
        parts[0].resource,
        sum(part.rows for part in parts),
        sum(part.admitted for part in parts),
        sum(part.quarantined for part in parts),
        added(rule for part in parts for rule in part.rules),
        max((part.newest for part in parts if part.newest), default=None),
    )


def _mean(scores: Iterable[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None
