"""The life of an agreement (共享协议) as one table, and what each of its states means for calls (Decree 809, articles 20 to 29)."""

from collections.abc import Mapping

from catalog.agreement import AgreementStatus
from catalog.application_workflow import HUB, PROVIDER, USER, Duty
from catalog.workflow import Side, Transition, Workflow

_STANDING = ("in_force", "stop_proposed", "change_proposed")
_STOPPED = ("suspended", "rectified")
_OVERSEERS = (Side.PROVIDER, Side.AUTHORITY)

AGREEMENT_LIFE = Workflow(
    kind="agreement",
    title="agreement",
    opening="agree",
    opened_by=HUB,
    initial="agreed",
    transitions=(
        Transition("begin", ("agreed",), "in_force", HUB, "What was agreed is delivered.", "22"),
        Transition("cancel", ("agreed",), "cancelled", HUB, "The applicant gave it up before it was delivered."),
        Transition("renew", ("in_force",), None, HUB, "An approved application gives it a later end.", "20"),
        Transition("amend", ("in_force",), None, HUB, "An approved application gives it another scope.", "20, 25"),
        Transition("narrow", ("in_force",), None, USER, "The user needs less from now on.", "25"),
        Transition("propose_change", ("in_force",), "change_proposed", PROVIDER, "The provider would share less.", "27",
                   needs=("reason",)),
        Transition("accept_change", ("change_proposed",), "in_force", USER, "The user agrees; it is filed with the authority.", "27"),
        Transition("propose_stop", ("in_force",), "stop_proposed", PROVIDER, "The provider would stop.", "27", needs=("reason",)),
        Transition("accept_stop", ("stop_proposed",), "to_dispose", USER, "The user agrees; it is filed with the authority.", "27"),
        Transition("decline", ("stop_proposed", "change_proposed"), "in_force", USER, "The user does not agree; nothing changes.",
                   "27", needs=("reason",)),
        Transition("file", ("in_force", "to_dispose"), None, HUB, "What provider and user agreed on is filed with the authority.",
                   "27"),
        Transition("suspend", _STANDING, "suspended", _OVERSEERS, "It is misused: nothing is read from now on.", "27",
                   needs=("reason",)),
        Transition("rectify", ("suspended",), "rectified", USER, "The user says what was put right.", "27", needs=("measures",)),
        Transition("reject", ("rectified",), "suspended", _OVERSEERS, "That is not enough.", "27", not_by=("rectify",),
                   needs=("reason",)),
        Transition("resume", _STOPPED, "in_force", _OVERSEERS, "It is read again.", "27", not_by=("rectify",)),
        Transition("terminate", (*_STANDING, *_STOPPED), "to_dispose", USER, "The purpose has ended.", "27", needs=("reason",)),
        Transition("end", _STOPPED, "to_dispose", _OVERSEERS, "What was misused is ended for good.", "27", needs=("reason",)),
        Transition("expire", (*_STANDING, *_STOPPED), "to_dispose", HUB, "Its time is over.", "20"),
        Transition("demand_disposal", ("to_dispose",), None, PROVIDER, "The provider says how the data is disposed of.", "27",
                   needs=("how",)),
        Transition("confirm_disposal", ("to_dispose",), "disposed", USER, "The user says how the data was disposed of.", "27, 29",
                   needs=("how",)),
        Transition("remind", (*_STANDING, *_STOPPED, "to_dispose"), None, HUB, "The end of what is due, or its own, is near."),
        Transition("escalate", ("suspended", "rectified", "to_dispose"), None, HUB, "What was due is late; the authority is told.", "39"),
    ),
)  # fmt: skip

STATUS: Mapping[str, AgreementStatus] = {
    "agreed": AgreementStatus.AGREED,
    "in_force": AgreementStatus.IN_FORCE,
    "change_proposed": AgreementStatus.IN_FORCE,
    "stop_proposed": AgreementStatus.IN_FORCE,
    "suspended": AgreementStatus.SUSPENDED,
    "rectified": AgreementStatus.SUSPENDED,
    "to_dispose": AgreementStatus.ENDED,
    "disposed": AgreementStatus.ENDED,
    "cancelled": AgreementStatus.ENDED,
}
"""What calls are decided by; a provider that has only proposed something still serves (article 27)."""

LIFE_DUTIES: Mapping[str, Duty] = {
    "suspended": Duty("rectify", 10, "27"),
    "rectified": Duty("judge", 5, "27"),
    "to_dispose": Duty("dispose", 10, "27"),
}
"""By state; the days are the hub's own rule, and a provider may demand the disposal by another day."""
