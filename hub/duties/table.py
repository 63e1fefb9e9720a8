"""The table of duties: what the articles of Decree 809 ask of whom, and what finds where it is not done."""

from catalog.agreement_workflow import AGREEMENT_LIFE
from catalog.application_workflow import APPLICATION
from catalog.contact import Bearer
from catalog.entry_workflow import ENTRY
from catalog.objection_workflow import OBJECTION
from catalog.workflow import Side
from hub.duties.duty import Duty, Severity
from hub.duties.ending import calendar_ending, ending, keys_ending, refused_traffic, unused
from hub.duties.kept_back import shared_though_listed
from hub.duties.late import Late, unsupplied
from hub.duties.supply import broken, collected_again, failing, stale, stricter, undelivered
from schemas.errors import MalformedRequest

_APPLICATION, _AGREEMENT, _ENTRY, _OBJECTION = (
    workflow.kind for workflow in (APPLICATION, AGREEMENT_LIFE, ENTRY, OBJECTION)
)
_REPLIED_TO = ("awaiting_reply", "awaiting_examination", "examined")

DUTIES: tuple[Duty, ...] = (
    Duty("stale_resource", "数据更新超期", "19, 38", Bearer.PROVIDER, Severity.ALERT,
         "A resource is delivered within its update cycle.", "Deliver it, or change its cycle in the catalogue.", stale),
    Duty("late_change", "目录更新超期", "17", Bearer.PROVIDER, Severity.ALERT,
         "An entry reflects a change of law or duty within 10 working days.", "Submit the next version of the entry.",
         Late(_ENTRY, "reflect_change", Side.PROVIDER)),
    Duty("added_condition", "擅自增设条件", "15, 38", Bearer.PROVIDER, Severity.ALERT,
         "A department invents no conditions: a version under way shares as freely as the one in force.",
         "Show the legal basis, or take the condition out; the authority judges it before it publishes.", stricter),
    Duty("shared_though_listed", "负面清单内容仍在共享", "15", Bearer.PROVIDER, Severity.ALERT,
         "What the negative list names is shared no longer, by entries and under agreements made before.",
         "Leave it out by the next version of the entry; narrow or end the agreement.", shared_though_listed),
    Duty("late_supply", "责任数据未供", "19", Bearer.PROVIDER, Severity.ALERT,
         "Who is named the source of a datum supplies it by the day of the responsibility list.",
         "Publish an entry that has it.", unsupplied),
    Duty("late_reply", "答复超期", "21, 38", Bearer.PROVIDER, Severity.ALERT,
         "An application is replied to within 1 working day, on condition within 10.", "Examine and decide the application.",
         Late(_APPLICATION, "reply", Side.PROVIDER, _REPLIED_TO)),
    Duty("late_approval", "裁决执行超期", "28", Bearer.PROVIDER, Severity.ALERT,
         "What was decided against a refusal is approved within 1 working day.", "Approve the application.",
         Late(_APPLICATION, "approve", Side.PROVIDER)),
    Duty("late_delivery", "供数超期", "22, 38", Bearer.PROVIDER, Severity.ALERT,
         "What was agreed is delivered within 20 working days.", "Deliver the application.",
         Late(_APPLICATION, "deliver", Side.PROVIDER)),
    Duty("late_objection", "校核超期", "26, 38", Bearer.PROVIDER, Severity.ALERT,
         "An objection is answered within 10 working days.", "Verify the record, and correct it or answer.",
         Late(_OBJECTION, "answer", Side.PROVIDER)),
    Duty("late_negotiation", "协商超期", "28", Bearer.PROVIDER, Severity.WARNING,
         "A disputed refusal is negotiated within 10 working days.", "Concede it, or refer it to the authority.",
         Late(_APPLICATION, "negotiate", Side.PROVIDER)),
    Duty("late_judgement", "整改验收超期", "27", Bearer.PROVIDER, Severity.WARNING,
         "What a user put right is judged within 5 working days.", "Resume the agreement, or say what is not enough.",
         Late(_AGREEMENT, "judge", Side.PROVIDER)),
    Duty("collected_again", "重复采集", "19, 39", Bearer.PROVIDER, Severity.ALERT,
         "What another organisation is the source of is not collected again.",
         "Read it from its source; take the item out of the source's mapping.", collected_again),
    Duty("late_rectification", "整改超期", "27, 39", Bearer.USER, Severity.ALERT,
         "Misuse is put right within 10 working days.", "Put it right, and say how.",
         Late(_AGREEMENT, "rectify", Side.USER)),
    Duty("unconfirmed_disposal", "未按要求处置数据", "27, 39", Bearer.USER, Severity.ALERT,
         "When the purpose has ended the data is disposed of, and that is confirmed.", "Dispose of the data, and say how.",
         Late(_AGREEMENT, "dispose", Side.USER)),
    Duty("unused_agreement", "协议闲置", "", Bearer.USER, Severity.WARNING,
         "What is agreed is used: nothing was read under the agreement for long.", "Use it, narrow it, or terminate it.", unused),
    Duty("ending_agreement", "协议即将到期", "20", Bearer.USER, Severity.NOTICE,
         "A renewal is approved before the agreement ends.", "Apply for its renewal, or prepare the disposal.", ending),
    Duty("ending_key", "密钥即将到期", "", Bearer.USER, Severity.NOTICE,
         "A system has a key, or a certificate, that stays valid.", "Add a new key before the last one ends.", keys_ending),
    Duty("suspended_traffic", "停用后仍调用", "27", Bearer.SECURITY_ADMINISTRATOR, Severity.WARNING,
         "What is suspended is not called.", "Have the user stop its system; look into what it calls for.", refused_traffic),
    Duty("late_review", "审核发布超期", "17, 38", Bearer.AUTHORITY, Severity.ALERT,
         "An entry is reviewed and published within 2 working days.", "Review and publish the entry, or return it.",
         Late(_ENTRY, "review_and_publish", Side.PROVIDER)),
    Duty("late_settlement", "争议裁决超期", "28, 40", Bearer.AUTHORITY, Severity.ALERT,
         "A disputed refusal is settled within 10 working days.", "Settle the dispute, or refer it up.",
         Late(_APPLICATION, "settle", Side.PROVIDER)),
    Duty("late_ruling", "政府裁决超期", "28, 40", Bearer.AUTHORITY, Severity.ALERT,
         "What was referred to the government is decided within 20 working days.", "Record the decision.",
         Late(_APPLICATION, "rule", Side.PROVIDER)),
    Duty("late_dispute", "异议争议超期", "28, 40", Bearer.AUTHORITY, Severity.ALERT,
         "A disputed answer to an objection is settled within 10 working days.", "Uphold the objection, or dismiss it.",
         Late(_OBJECTION, "settle", Side.PROVIDER)),
    Duty("ending_calendar", "工作日历即将用尽", "", Bearer.SYSTEM_ADMINISTRATOR, Severity.WARNING,
         "The next year's working days are told before a deadline needs them.",
         "Put the year's file into the folder that HUB_CALENDAR names; hub calendar check says how.", calendar_ending),
    Duty("broken_source", "数据源定义错误", "", Bearer.SYSTEM_ADMINISTRATOR, Severity.WARNING,
         "Every source has a definition that holds together.", "See what is wrong with it by hub source list.", broken),
    Duty("failing_source", "数据源运行失败", "", Bearer.SYSTEM_ADMINISTRATOR, Severity.WARNING,
         "The last run of a source went well.", "See its runs by hub source list; repair what was refused.", failing),
    Duty("undelivered_source", "数据源从未供数", "", Bearer.SYSTEM_ADMINISTRATOR, Severity.NOTICE,
         "A source that is registered delivers.", "Pull it, or have the department push to it.", undelivered),
)  # fmt: skip


def duty_named(name: str) -> Duty:
    """Return the duty of that name, or raise ``MalformedRequest``."""
    for duty in DUTIES:
        if duty.name == name:
            return duty
    raise MalformedRequest("There is no such duty.", hint=f"There are: {', '.join(d.name for d in DUTIES)}.")
