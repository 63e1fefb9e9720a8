"""What may become of an objection (校核), and whose act each is: Decree 809, articles 26 and 28."""

from collections.abc import Mapping
from enum import StrEnum

from catalog.workflow import Side, Transition, Workflow


class ObjectionState(StrEnum):
    """Where an objection stands."""

    UNDER_REVIEW = "under_review"
    IN_PROGRESS = "in_progress"
    HANDLED = "handled"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    DISPUTED = "disputed"
    SETTLED = "settled"
    RATED = "rated"


OPEN = (ObjectionState.UNDER_REVIEW, ObjectionState.IN_PROGRESS, ObjectionState.DISPUTED)
"""While it stands so, what is doubted is served with its doubt marked."""

DUTIES: Mapping[str, tuple[str, int]] = {"raise": ("answer", 10), "uphold": ("answer", 10), "dispute": ("settle", 10)}  # fmt: skip
"""What an act makes due, and within how many working days; article 26 says 10 for an answer, a dispute's are the hub's own."""

REMINDED_BEFORE = 2
"""The working day before a deadline's end on which its bearer is reminded; 1 is the last day itself."""

_UNDER_REVIEW, _IN_PROGRESS, _HANDLED, _REJECTED, _DISPUTED, _SETTLED = (
    ObjectionState.UNDER_REVIEW, ObjectionState.IN_PROGRESS, ObjectionState.HANDLED, ObjectionState.REJECTED,
    ObjectionState.DISPUTED, ObjectionState.SETTLED,
)  # fmt: skip
_UNANSWERED = (_UNDER_REVIEW, _IN_PROGRESS)
_TOLD, _TOLD_TO = ("reason",), ("reason", "organisation")
_JUDGED = ("raise", "reject", "answer", "amend")

OBJECTION = Workflow(
    kind="objection",
    title="objection",
    opening="raise",
    opened_by=(Side.USER,),
    initial=_UNDER_REVIEW,
    transitions=(
        Transition("accept", (_UNDER_REVIEW,), _IN_PROGRESS, (Side.PROVIDER,), "The provider looks into it.", "26"),
        Transition("reject", (_UNDER_REVIEW,), _REJECTED, (Side.PROVIDER,), "It is no objection to answer; says why.", "26", ("raise",), needs=_TOLD),
        Transition("hand_over", _UNANSWERED, None, (Side.PROVIDER, Side.AUTHORITY), "Another office or organisation answers for it; says why.", "26", needs=_TOLD_TO),
        Transition("withdraw", OPEN, ObjectionState.WITHDRAWN, (Side.USER,), "The user doubts no more."),
        Transition("correct", (_IN_PROGRESS,), None, (Side.PROVIDER,), "The provider has corrected its own system; what comes in from there closes it.", "26"),
        Transition("amend", (_IN_PROGRESS,), _HANDLED, (Side.PROVIDER,), "What concerns no record has been put right; says how.", "26", needs=_TOLD),
        Transition("answer", (_IN_PROGRESS,), _HANDLED, (Side.PROVIDER,), "What is doubted is kept; says why.", "26", ("raise",), needs=_TOLD),
        Transition("note_correction", OPEN, None, (Side.HUB,), "A doubted item came in corrected; others are still doubted.", "26"),
        Transition("close", OPEN, _HANDLED, (Side.HUB,), "The last doubted item came in corrected.", "26"),
        Transition("remind", OPEN, None, (Side.HUB,), "What is due is due soon.", "38"),
        Transition("dispute", (_HANDLED, _REJECTED), _DISPUTED, (Side.USER,), "The user stands by it; says why.", "28", needs=_TOLD),
        Transition("uphold", (_DISPUTED,), _IN_PROGRESS, (Side.AUTHORITY,), "The authority has the provider answer anew; says why.", "28", _JUDGED, needs=_TOLD),
        Transition("dismiss", (_DISPUTED,), _SETTLED, (Side.AUTHORITY,), "The authority lets the answer stand; says why.", "28", _JUDGED, needs=_TOLD),
        Transition("rate", (_HANDLED, _SETTLED), ObjectionState.RATED, (Side.USER,), "The user says how it was answered, 1 to 5, and whether it is solved.", needs=("score",)),
    ),
)  # fmt: skip
