"""The way of an application (共享申请流程) as one table, and by when each step is due (Decree 809, articles 20 to 24 and 28)."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.workflow import Side, Transition, Workflow

USER, PROVIDER, AUTHORITY, HUB = (Side.USER,), (Side.PROVIDER,), (Side.AUTHORITY,), (Side.HUB,)
_WROTE = ("draft", "edit", "submit", "complete")
_APPLIED = (*_WROTE, "support")
_BEFORE_PROVIDER = ("awaiting_reply", "awaiting_examination")
_DISPUTED = ("negotiating", "with_authority", "with_government")
_ASKED = ("submitted", "supported", *_BEFORE_PROVIDER, "examined", "returned")

APPLICATION = Workflow(
    kind="application",
    title="application",
    opening="draft",
    opened_by=USER,
    initial="draft",
    transitions=(
        Transition("edit", ("draft",), None, USER, "The applicant writes it anew.", "20"),
        Transition("submit", ("draft",), "submitted", USER, "It is complete and goes to the applicant's own head.", "20, 21"),
        Transition("hand_back", ("submitted",), "draft", USER, "The applicant's head wants it otherwise.", "20",
                   not_by=_WROTE, needs=("reason",)),
        Transition("support", ("submitted",), "supported", USER, "The applicant's head stands by it.", "20", not_by=_WROTE),
        Transition("ask_reply", ("supported",), "awaiting_reply", HUB,
                   "What is shared unconditionally, or returns to a lower level, takes a reply only.", "21, 24"),
        Transition("ask_examination", ("supported",), "awaiting_examination", HUB,
                   "What is shared on condition is examined by the provider.", "21"),
        Transition("examine", ("awaiting_examination",), "examined", PROVIDER, "The provider's officer gives an opinion.", "21",
                   not_by=_APPLIED, needs=("opinion",)),
        Transition("return", _BEFORE_PROVIDER, "returned", PROVIDER,
                   "Everything that is missing is told at once; the clock goes on.", "21",
                   not_by=_APPLIED, once=True, needs=("missing",)),
        Transition("complete", ("returned",), "submitted", USER, "The applicant adds what was missing.", "21"),
        Transition("lapse", ("returned", "submitted", "awaiting_reply"), "draft", HUB,
                   "It was not completed in time, or silence cannot grant it any more, and is a draft again; nobody rejects it.", "21"),
        Transition("extend", ("awaiting_examination", "examined"), None, PROVIDER,
                   "The provider asks the authority for ten working days more.", "21", once=True, needs=("reason",)),
        Transition("consent", ("awaiting_examination", "examined"), None, AUTHORITY,
                   "The authority consents, and the applicant is told.", "21", after="extend", once=True),
        Transition("approve", ("awaiting_reply", "ordered"), "approved", PROVIDER,
                   "The provider agrees; what it leaves out has its reason.", "20, 21", not_by=_APPLIED),
        Transition("approve", ("examined",), "approved", PROVIDER,
                   "The provider's head agrees; what is left out has its reason.", "20, 21", not_by=(*_APPLIED, "examine")),
        Transition("grant", ("awaiting_reply",), "approved", HUB,
                   "Nobody replied in time, and unconditional sharing needs no more than silence.", "21"),
        Transition("refuse", ("awaiting_reply",), "refused", PROVIDER, "The provider objects, with its reason.", "21",
                   not_by=_APPLIED, needs=("reason",)),
        Transition("refuse", ("examined",), "refused", PROVIDER, "The provider's head refuses, with the reason.", "21",
                   not_by=(*_APPLIED, "examine"), needs=("reason",)),
        Transition("deliver", ("approved",), "delivered", (Side.PROVIDER, Side.HUB),
                   "It is delivered: the agreement is in force.", "22"),
        Transition("dispute", ("refused",), "negotiating", USER, "The applicant disputes the refusal; both negotiate.", "28",
                   needs=("reason",)),
        Transition("concede", ("negotiating",), "ordered", PROVIDER, "The provider gives in.", "28"),
        Transition("refer", ("negotiating",), "with_authority", (Side.USER, Side.PROVIDER),
                   "Negotiation has failed; the authority is asked.", "28"),
        Transition("refer_up", ("with_authority",), "with_government", (Side.AUTHORITY, Side.USER, Side.PROVIDER),
                   "The authority could not settle it; its government decides.", "28"),
        Transition("overrule", ("with_authority", "with_government"), "ordered", AUTHORITY,
                   "The refusal does not stand: the provider has to agree.", "28", needs=("reason",)),
        Transition("uphold", ("with_authority", "with_government"), "upheld", AUTHORITY, "The refusal stands.", "28",
                   needs=("reason",)),
        Transition("withdraw", ("draft", *_ASKED, "approved", "refused", "ordered", *_DISPUTED), "withdrawn", USER,
                   "The applicant gives it up."),
        Transition("remind", ("returned", "submitted", *_BEFORE_PROVIDER, "examined", "approved", "ordered", *_DISPUTED), None, HUB,
                   "The end of what is due is near."),
        Transition("escalate", ("awaiting_examination", "examined", "approved", "ordered", *_DISPUTED), None, HUB,
                   "What was due is late; the authority is told.", "38"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Duty:
    """What is due in a state, within so many working days of entering it, by which article; 0 where a running clock only goes on."""

    name: str
    working_days: int
    article: str


DUTIES: Mapping[str, Duty] = {
    "submitted": Duty("reply", 0, "21"),
    "supported": Duty("reply", 0, "21"),
    "awaiting_reply": Duty("reply", 1, "21"),
    "awaiting_examination": Duty("reply", 10, "21"),
    "examined": Duty("reply", 10, "21"),
    "returned": Duty("reply", 10, "21"),
    "approved": Duty("deliver", 20, "22"),
    "ordered": Duty("approve", 1, "28"),
    "negotiating": Duty("negotiate", 10, "28"),
    "with_authority": Duty("settle", 10, "28"),
    "with_government": Duty("rule", 20, "28"),
}
"""By state. The law sets the replies and the delivery; within how long a dispute is handled is the hub's own rule."""

EXTENSION = 10
"""Working days that an examination is extended by (article 21)."""
