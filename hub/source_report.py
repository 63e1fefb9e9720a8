"""What one run over one source did, in counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from base_libraries.batches import COUNTED, BatchRecord
from quality.gate import Verdict
from quality.report import RuleScore, added


@dataclass
class SourceReport:
    """What one run over one source did; every count is in rows, ``created`` and ``updated`` in golden records.

    ``alerts`` counts the batches in which a rule was broken by more than its ``warn_above``.
    """

    source: str
    resource: str
    batches: int = 0
    pulled: int = 0
    contributed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    created: int = 0
    updated: int = 0
    withdrawn: int = 0
    closed: int = 0
    seconds: float = 0.0
    scores: Sequence[RuleScore] = ()
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    alerts: Counter[str] = field(default_factory=Counter)

    def add(self, batch: BatchRecord, verdict: Verdict) -> None:
        """Count one committed batch."""
        self.batches += 1
        self.scores = added((*self.scores, *verdict.report.rules))
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(batch, name))
        for found in verdict.quarantined["_reasons"].to_pylist():
            self.reasons.update(
                {f"{reason['item']}: {reason['rule']}" for reason in found if reason["severity"] == "error"}
            )
        for rule in verdict.report.rules:
            if rule.severity == "warning" and rule.dirty and rule.item:
                self.warnings[rule.title] += rule.dirty
            if rule.alert:
                self.alerts[rule.title] += 1
