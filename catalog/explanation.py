"""Why a call would be allowed or refused, told by the terms that decide it: nothing is read and nothing is decided anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog.agreement import Agreement, agreement_allowing
from catalog.asking import Asking
from catalog.terms import ORDINARY, REFUSALS, Circumstances, Judged, Refusal


@dataclass(frozen=True)
class Explanation:
    """What each agreement's terms say; ``allowing`` is the agreement the call would be made under, or ``refusal`` why not."""

    judged: tuple[tuple[Agreement, tuple[Judged, ...]], ...]
    allowing: Agreement | None
    refusal: Refusal | None
    at: datetime
    around: Circumstances

    def as_dict(self) -> dict[str, Any]:
        """Describe it as JSON does."""
        return {
            "allowed": self.allowing is not None,
            "agreement": self.allowing and self.allowing.id,
            "refusal": self.refusal and _described(self.refusal),
            "agreements": [
                {"agreement": agreement.id, "terms": [self.told(agreement, one) for one in terms]}
                for agreement, terms in self.judged
            ],
        }

    def told(self, agreement: Agreement, judged: Judged) -> dict[str, Any]:
        """Describe what a term says, what was agreed and, of what is counted, what remains."""
        term, refusal = judged.term, judged.refusal
        told = {"term": term.name, "article": term.article, "asks": term.asks, "allows": refusal is None}
        told |= term.told(agreement, self.at, self.around)
        return told if refusal is None else told | {"detail": refusal.detail, "hint": refusal.hint}


def explain(
    agreements: Sequence[Agreement], call: Asking, at: datetime, around: Circumstances = ORDINARY
) -> Explanation:
    """Ask every term of every agreement of the caller on the resource, and say what the door would answer."""
    judged = tuple((agreement, agreement.judged(call, at, around)) for agreement in agreements)
    try:
        return Explanation(judged, agreement_allowing(agreements, call, at, around), None, at, around)
    except REFUSALS as refusal:
        return Explanation(judged, None, refusal, at, around)


def _described(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.code, "title": refusal.title, "detail": refusal.detail, "hint": refusal.hint} | {
        name: refusal.context[name] for name in ("agreement", "term") if name in refusal.context
    }
