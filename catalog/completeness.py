"""Completeness (完整性): everything that an application lacks, told at once and by element (Decree 809, articles 20 and 21)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from catalog.agreement import MOST_KEYS, Agreement
from catalog.application import Application
from catalog.offer import Offer
from catalog.organisation import Organisation, lies_within
from catalog.system import System
from schemas.errors import IncompleteApplication
from schemas.resource import Sensitivity, Sharing


@dataclass(frozen=True, slots=True)
class Fault:
    """What is missing or wrong in one element."""

    element: str
    says: str


@dataclass(frozen=True)
class Standing:
    """What an application is held against: what is offered, who applies, and the moment.

    ``offices`` are the applicant's; ``system`` and ``agreement`` are those that it names, where they exist.
    """

    offer: Offer
    applicant: Organisation
    offices: frozenset[str]
    system: System | None
    at: datetime
    agreement: Agreement | None = None


Check = Callable[[Application, Standing], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its name, its Chinese name, the article that asks for it, and the check of it."""

    name: str
    title: str
    article: str
    asks: str
    faults: Check


def faults_of(application: Application, standing: Standing) -> tuple[Fault, ...]:
    """Return every fault of every element, none left for later."""
    return tuple(Fault(one.name, says) for one in ELEMENTS for says in one.faults(application, standing))


def check_complete(application: Application, standing: Standing) -> None:
    """Raise ``IncompleteApplication``, which holds every fault."""
    if faults := faults_of(application, standing):
        told = " ".join(f"{one.element}: {one.says}" for one in faults)
        raise IncompleteApplication(
            f"The application is not complete, {len(faults)} in all. {told}",
            hint="It stays a draft until all is there.",
            faults=[{"element": one.element, "says": one.says} for one in faults],
        )


def _system(application: Application, standing: Standing) -> Iterator[str]:
    if not application.system:
        yield "name the system that will read."
    elif standing.system is None:
        yield f"system {application.system} is not registered."
    elif standing.system.organisation != standing.applicant.code:
        yield f"system {application.system} is another organisation's."


def _version(application: Application, standing: Standing) -> Iterator[str]:
    published = standing.offer.resource.version
    if application.version is None:
        yield f"state the version of the resource; published is {published}."
    elif application.version != published:
        yield f"version {application.version} is not the published one, which is {published}."


def _items(application: Application, standing: Standing) -> Iterator[str]:
    known = {item.name: item for item in standing.offer.resource.items}
    if not application.items:
        yield "name the items that are needed."
    for name in application.items:
        if name not in known:
            yield f"the resource has no item {name}."
        elif name in standing.offer.withheld:
            yield f"item {name} is not shared."


def _needed_for(application: Application, standing: Standing) -> Iterator[str]:
    for item in standing.offer.resource.items:
        asked_about = item.sensitivity >= Sensitivity.PERSONAL and not item.key
        if item.name in application.items and asked_about and not application.needed_for.get(item.name):
            yield f"what does the purpose need {item.name} ({item.title}) for?"
    for name in sorted(set(application.needed_for) - set(application.items)):
        yield f"a reason is given for {name}, which is not applied for."


def _masked(application: Application, standing: Standing) -> Iterator[str]:
    for name in sorted(application.masked - set(application.items)):
        yield f"{name} is to be masked and is not applied for."


def _condition_met(application: Application, standing: Standing) -> Iterator[str]:
    resource = standing.offer.resource
    if resource.sharing is Sharing.CONDITIONAL and not application.returns and not application.condition_met:
        yield f"say how the condition is met: {resource.condition}."


def _valid_to(application: Application, standing: Standing) -> Iterator[str]:
    if application.valid_to is None:
        yield "say until when the data is needed."
    elif application.valid_to <= standing.at:
        yield "the time limit is over already."


def _calls_per_day(application: Application, standing: Standing) -> Iterator[str]:
    if application.calls_per_day is None:
        yield "say how many calls a day are expected."
    elif application.calls_per_day < 1:
        yield "at least one call a day has to be expected."


def _keys_per_call(application: Application, standing: Standing) -> Iterator[str]:
    if not 1 <= application.keys_per_call <= MOST_KEYS:
        yield f"a call may ask for 1 to {MOST_KEYS} records."


def _office(application: Application, standing: Standing) -> Iterator[str]:
    if not application.office:
        yield "name the office that answers questions."
    elif application.office not in standing.offices:
        yield f"the applicant has no office {application.office}."


def _returns(application: Application, standing: Standing) -> Iterator[str]:
    mine, theirs = standing.applicant.division, standing.offer.provider.division
    if application.returns and (mine == theirs or not lies_within(mine, theirs)):
        yield f"data returns to a lower level only; {mine} lies not below {theirs}, which the provider serves."


def _changes(application: Application, standing: Standing) -> Iterator[str]:
    if application.changes is None:
        return
    changed = standing.agreement
    if changed is None or changed.system != application.system or changed.resource != application.resource:
        yield f"{application.changes} is no agreement of this system on this resource."
    elif not changed.is_in_force:
        yield f"agreement {changed.id} is not in force."


def _stated(name: str, asks: str) -> Check:
    def _faults(application: Application, standing: Standing) -> Iterator[str]:
        if not getattr(application, name):
            yield asks

    return _faults


def _element(name: str, title: str, article: str, asks: str) -> Element:
    return Element(name, title, article, asks, _stated(name, asks))


ELEMENTS = (
    Element("system", "使用系统", "20", "name the applicant's registered system that will read.", _system),
    Element("version", "资源版本", "20", "state the published version of the resource.", _version),
    Element("items", "信息项", "20", "name the items; each exists and is shared.", _items),
    Element("needed_for", "最小必要说明", "20, 25", "say of every personal item what the purpose needs it for.", _needed_for),
    Element("masked", "脱敏要求", "20", "mask only what is applied for.", _masked),
    _element("purposes", "使用目的", "20", "name the purposes."),
    _element("legal_bases", "申请依据", "20", "name the legal basis."),
    _element("scenario", "应用场景", "20", "describe the scenario of use."),
    _element("scope", "使用范围", "20", "say which records are needed."),
    Element("condition_met", "共享条件", "15", "say how the entry's condition is met.", _condition_met),
    _element("mode", "共享方式", "20, 22", "choose interface, batch or file."),
    Element("valid_to", "使用时限", "20", "say until when the data is needed.", _valid_to),
    Element("calls_per_day", "预计调用量", "20", "say how many calls a day are expected.", _calls_per_day),
    Element("keys_per_call", "单次查询量", "20", f"ask for 1 to {MOST_KEYS} records a call.", _keys_per_call),
    Element("office", "联系处室", "20", "name the applicant's office that answers questions.", _office),
    Element("returns", "数据回流", "24", "only a lower level is given back its local data.", _returns),
    Element("changes", "变更协议", "20", "name an agreement that is in force, of the same system and resource.", _changes),
)  # fmt: skip
"""What an application states, in the order in which faults are told; documented in ``docs/sharing.md``."""
