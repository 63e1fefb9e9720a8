"""Completeness (完整性): everything that an application lacks, told at once and by element (Decree 809, articles 20 and 21)."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from catalog.agreement import MOST_KEYS, Agreement
from catalog.agreement_file import terms_from
from catalog.allowance import MOST_PER_DAY
from catalog.application import LONGEST_STATED, Application
from catalog.offer import Offer
from catalog.organisation import Organisation, lies_within
from catalog.system import System
from schemas.errors import HubError, IncompleteApplication
from schemas.faults import Fault
from schemas.resource import Sensitivity, Sharing


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


_OFFERED = ("items", "terms")
_PLURAL = ("purposes", "legal_bases")
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
    return tuple(
        Fault(one.name, problem) for one in ELEMENTS for problem in one.faults(application, standing)
    )


def check_complete(id_: str, application: Application, standing: Standing) -> None:
    """Raise ``IncompleteApplication``, which holds every fault."""
    if faults := faults_of(application, standing):
        raise IncompleteApplication(id_, faults, hint="It stays as it is until all is there.")


def check_offered(id_: str, application: Application, standing: Standing) -> None:
    """Raise ``IncompleteApplication`` where what is to be approved is not offered any more, as an item that is withheld since."""
    faults = [one for one in faults_of(application, standing) if one.place in _OFFERED]
    if faults:
        raise IncompleteApplication(
            id_,
            faults,
            hint="Leave it out with the reason, or refuse: it was offered when it was applied for.",
        )


def _system(application: Application, standing: Standing) -> Iterator[str]:
    if not application.system:
        yield "is missing: name the system that will read"
    elif standing.system is None:
        yield f"names {application.system}, which is not registered"
    elif standing.system.organisation != standing.applicant.code:
        yield f"names {application.system}, which is another organisation's"


def _version(application: Application, standing: Standing) -> Iterator[str]:
    published = standing.offer.resource.version
    if application.version is None:
        yield f"is missing: published is {published}"
    elif application.version != published:
        yield f"is {application.version}, and published is {published}"


def _items(application: Application, standing: Standing) -> Iterator[str]:
    known = {item.name: item for item in standing.offer.resource.items}
    if not application.items:
        yield "are missing: name those that are needed"
    for name in application.items:
        if name not in known:
            yield f"name {name}, which the resource does not have"
        elif name in standing.offer.withheld:
            yield f"name {name}, which is not shared{_basis(standing.offer.withheld, name)}"


def _basis(withheld: Collection[str], name: str) -> str:
    return f" ({withheld[name]})" if isinstance(withheld, Mapping) else ""


def _needed_for(application: Application, standing: Standing) -> Iterator[str]:
    for item in standing.offer.resource.items:
        asked_about = item.sensitivity >= Sensitivity.PERSONAL and not item.key
        if item.name in application.items and asked_about and not application.needed_for.get(item.name):
            yield f"does not say what the purpose needs {item.name} ({item.title}) for"
    for name in sorted(set(application.needed_for) - set(application.items)):
        yield f"speaks of {name}, which is not applied for"


def _masked(application: Application, standing: Standing) -> Iterator[str]:
    for name in sorted(application.masked - set(application.items)):
        yield f"names {name}, which is not applied for"


def _condition_met(application: Application, standing: Standing) -> Iterator[str]:
    resource = standing.offer.resource
    if resource.sharing is Sharing.CONDITIONAL and not application.returns and not application.condition_met:
        yield f"does not say how the condition is met: {resource.condition}"


def _valid_to(application: Application, standing: Standing) -> Iterator[str]:
    if application.valid_to is None:
        yield "is missing: say until when the data is needed"
    elif application.valid_to <= standing.at:
        yield "is over already"


def _calls_per_day(application: Application, standing: Standing) -> Iterator[str]:
    if application.calls_per_day is None:
        yield "is missing: say how many calls a day are expected"
    elif application.calls_per_day < 1:
        yield "is less than one"


def _keys_per_call(application: Application, standing: Standing) -> Iterator[str]:
    if not 1 <= application.keys_per_call <= MOST_KEYS:
        yield f"is not 1 to {MOST_KEYS}"


def _office(application: Application, standing: Standing) -> Iterator[str]:
    if not application.office:
        yield "is missing: name the office that answers questions"
    elif application.office not in standing.offices:
        yield f"names {application.office}, which the applicant does not have"


def _terms(application: Application, standing: Standing) -> Iterator[str]:
    terms = terms_from(application.terms)
    for term in (terms.get("rows"), terms.get("answer")):
        if term is not None:
            try:
                term.check_against(standing.offer.resource)
            except HubError as error:
                yield f"do not fit the resource: {error.detail.rstrip('.')}"
    quota = terms.get("quota_per_day")
    if quota is not None and not 1 <= quota <= MOST_PER_DAY:
        yield f"have a quota_per_day of {quota}, and not 1 to {MOST_PER_DAY}"
    answer = terms.get("answer")
    if answer is not None and not set(application.items).issuperset(answer.items):
        yield "answer by an item that is not applied for"


def _returns(application: Application, standing: Standing) -> Iterator[str]:
    mine, theirs = standing.applicant.division, standing.offer.provider.division
    if not application.returns:
        return
    if not any(lies_within(named, mine) for named in _divisions(application)):
        yield f"is for local data: confine the rows in terms to within {mine}"
    if mine == theirs or not lies_within(mine, theirs):
        yield f"is for a lower level: {mine} does not lie below {theirs}, which the provider serves"


def _divisions(application: Application) -> list[str]:
    """Return the divisions within which the application asks for records."""
    rows = application.terms.get("rows") or []
    return [str(condition["within"]) for condition in rows if "within" in condition]


def _changes(application: Application, standing: Standing) -> Iterator[str]:
    if application.changes is None:
        return
    changed = standing.agreement
    if changed is None or changed.system != application.system or changed.resource != application.resource:
        yield f"names {application.changes}, which is no agreement of this system on this resource"
    elif not changed.is_in_force:
        yield f"names {changed.id}, which is not in force"


def _stated(name: str, asks: str) -> Check:
    def _faults(application: Application, standing: Standing) -> Iterator[str]:
        stated = getattr(application, name)
        if not stated:
            yield f"{'are' if name in _PLURAL else 'is'} missing: {asks}"
        elif name in _PLURAL and not all(one.isprintable() and len(one) <= LONGEST_STATED for one in stated):
            yield f"name one that no call can state: write each in at most {LONGEST_STATED} printable characters"

    return _faults


def _element(name: str, title: str, article: str, asks: str) -> Element:
    return Element(name, title, article, f"{asks}.", _stated(name, asks))


ELEMENTS = (
    Element("system", "使用系统", "20", "name the applicant's registered system that will read.", _system),
    Element("version", "资源版本", "20", "state the published version of the resource.", _version),
    Element("items", "信息项", "20", "name the items; each exists and is shared.", _items),
    Element("needed_for", "最小必要说明", "20, 25", "say of every personal item what the purpose needs it for.", _needed_for),
    Element("masked", "脱敏要求", "20", "mask only what is applied for.", _masked),
    _element("purposes", "使用目的", "20", "name the purposes"),
    _element("legal_bases", "申请依据", "20", "name the legal basis"),
    _element("scenario", "应用场景", "20", "describe the scenario of use"),
    _element("scope", "使用范围", "20", "say which records are needed"),
    Element("condition_met", "共享条件", "15", "say how the entry's condition is met.", _condition_met),
    _element("mode", "共享方式", "20, 22", "choose interface, batch or file"),
    Element("valid_to", "使用时限", "20", "is missing: say until when the data is needed", _valid_to),
    Element("calls_per_day", "预计调用量", "20", "say how many calls a day are expected.", _calls_per_day),
    Element("keys_per_call", "单次查询量", "20", f"ask for 1 to {MOST_KEYS} records a call.", _keys_per_call),
    Element("office", "联系处室", "20", "name the applicant's office that answers questions.", _office),
    Element("terms", "使用条件", "20, 25", "confine rows, hours, quota, rate and answer as the resource allows.", _terms),
    Element("returns", "数据回流", "24", "only a lower level is given back its local data, the rows of its own division.", _returns),
    Element("changes", "变更协议", "20", "name an agreement that is in force, of the same system and resource.", _changes),
)  # fmt: skip
"""What an application states, in the order in which faults are told; documented in ``docs/sharing.md``."""
