"""``hub agreement``, of those that applications brought: renewal, change, suspension, stop and disposal (articles 25 to 29)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.acting import As, acting
from hub.commands.administering import administered
from hub.commands.application_screens import print_events, sentence, tell_done, tell_possible
from hub.commands.applications import Reason, pairs
from hub.commands.screen import AsJson, actor, tell
from hub.commands.term_options import (
    AnswerForm,
    Burst,
    Hours,
    OneOf,
    OwnCases,
    Quota,
    Rate,
    Signed,
    Texts,
    Within,
    terms_stated,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from catalog.agreement_lives import Scope
    from catalog.applications import Applications
    from hub.commands.acting import Acting

Id = Annotated[
    str, typer.Argument(metavar="AGREEMENT", help="The agreement's number: that of its application.")
]
How = Annotated[str, typer.Option(help="How the data is disposed of.")]
Lift = Annotated[
    Texts,
    typer.Option(metavar="TERM", help="A term that binds no more, as quota_per_day; may be given again."),
]
_LESS = "from now on; may be given again. Default: as it is."

_PLAIN: Mapping[str, str] = {
    "accept-stop": "Accept that the provider stops; it is filed with the authority.",
    "accept-change": "Accept the change that the provider proposes; it is filed with the authority.",
}
_REASONED: Mapping[str, str] = {
    "reject": "Say that what was put right is not enough.",
    "terminate": "End an agreement whose purpose has ended, as its user.",
    "propose-stop": "Propose to stop, as the provider; it goes on until the user accepts.",
    "decline": "Decline what the provider proposes: nothing changes.",
}
_EITHER: Mapping[str, tuple[str, str]] = {
    "suspend": (
        "suspended",
        "Suspend an agreement that is misused, as provider or authority: nothing is read from this moment.",
    ),
    "end": ("ended", "End a suspended agreement for good, as provider or authority."),
    "resume": ("in_force", "Put a suspended agreement in force again, as provider or authority."),
}
"""What an operator does, too, to an agreement that no application brought: without ``--as``."""
MayAs = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="PERSON",
        help="Id of the person who acts; none for an agreement that an operator added.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (
        ("renew", renew), ("amend", amend), ("propose-change", propose_change), ("rectify", rectify),
        ("demand-disposal", demand_disposal), ("confirm-disposal", confirm_disposal), ("history", history), ("possible", possible),
    ):  # fmt: skip
        app.command(name)(command)
    for name, says in _PLAIN.items():
        app.command(name, help=says)(_plain(name))
    for name, says in _REASONED.items():
        app.command(name, help=says)(_reasoned(name))

    for name, (status, says) in _EITHER.items():
        app.command(name, help=says)(_either(name, status))


def renew(
    agreement: Id,
    until: Annotated[str, typer.Option(help="The last day on which the data is needed, e.g. 2027-06-30.")],
    person: As,
    as_json: AsJson = False,
) -> None:
    """Draft the application for a later end; it takes the same approvals, before the agreement ends."""
    _change(agreement, person, as_json, until=until)


def amend(
    agreement: Id,
    person: As,
    item: Annotated[Texts, typer.Option(help=f"An item it covers {_LESS}")] = None,
    purpose: Annotated[Texts, typer.Option(help=f"A purpose {_LESS}")] = None,
    legal_basis: Annotated[Texts, typer.Option(help=f"A legal basis {_LESS}")] = None,
    mask: Annotated[Texts, typer.Option(help=f"An item that is masked {_LESS}")] = None,
    needed_for: Annotated[
        Texts, typer.Option(help="As ITEM=what the purpose needs it for; may be given again.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The last day on which the data is needed.")] = None,
    max_keys: Annotated[int | None, typer.Option(min=1, max=1000, help="How many keys a call.")] = None,
    within: Within = None,
    one_of: OneOf = None,
    own_cases: OwnCases = False,
    hours: Hours = None,
    quota: Quota = None,
    rate: Rate = None,
    burst: Burst = 1,
    answer: AnswerForm = None,
    signed: Signed = False,
    lift: Lift = None,
    as_json: AsJson = False,
) -> None:
    """Give an agreement another scope: a narrower one takes effect at once, a wider one becomes an application.

    Of the terms those that are given take the place of what is agreed, rows as a whole; the others stay.
    """
    terms = terms_stated(
        within=within, one_of=one_of, own_cases=own_cases, hours=hours, quota=quota, rate=rate, burst=burst, answer=answer, signed=signed
    )  # fmt: skip
    _change(
        agreement, person, as_json, item=item, purpose=purpose, legal_basis=legal_basis, mask=mask, until=until,
        max_keys=max_keys, needed_for=pairs(needed_for, "--needed-for"), terms=terms | dict.fromkeys(lift or ()),
    )  # fmt: skip


def propose_change(
    agreement: Id,
    person: As,
    reason: Reason,
    item: Annotated[Texts, typer.Option(help=f"An item it would cover {_LESS}")] = None,
    mask: Annotated[Texts, typer.Option(help=f"An item that would be masked {_LESS}")] = None,
    until: Annotated[str | None, typer.Option(help="The last day on which it would be served.")] = None,
    max_keys: Annotated[int | None, typer.Option(min=1, max=1000, help="How many keys a call.")] = None,
    within: Within = None,
    one_of: OneOf = None,
    own_cases: OwnCases = False,
    hours: Hours = None,
    quota: Quota = None,
    rate: Rate = None,
    burst: Burst = 1,
    answer: AnswerForm = None,
    signed: Signed = False,
    as_json: AsJson = False,
) -> None:
    """Propose to share less, as the provider; nothing changes until the user accepts."""
    terms = terms_stated(
        within=within, one_of=one_of, own_cases=own_cases, hours=hours, quota=quota, rate=rate, burst=burst, answer=answer, signed=signed
    )  # fmt: skip
    with acting(person) as now:
        applications = _applications(now)
        scope = _scope(applications.zone, item=item, mask=mask, until=until, max_keys=max_keys, terms=terms)
        done = applications.agreements.do(agreement, "propose_change", now.actor, {"reason": reason}, scope)
    tell_done(done, as_json)


def rectify(
    agreement: Id,
    person: As,
    measures: Annotated[str, typer.Option(help="What was put right, and how.")],
    as_json: AsJson = False,
) -> None:
    """Say what was put right, as the user; provider or authority judge it."""
    _do(agreement, "rectify", person, as_json, measures=measures)


def demand_disposal(
    agreement: Id,
    person: As,
    how: How,
    within: Annotated[int | None, typer.Option(min=1, max=60, help="Working days from now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say how and by when the user disposes of the data, as the provider."""
    _do(agreement, "demand_disposal", person, as_json, how=how, **({"within": within} if within else {}))


def confirm_disposal(agreement: Id, person: As, how: How, as_json: AsJson = False) -> None:
    """Confirm how the data was disposed of, as the user."""
    _do(agreement, "confirm_disposal", person, as_json, how=how)


def history(agreement: Id, person: As, as_json: AsJson = False) -> None:
    """Show everything that was done with an agreement, by whom and when."""
    from catalog.workflow import check_is_side

    with acting(person) as now:
        lives = _applications(now).agreements
        check_is_side(now.actor, lives.matter(agreement))
        events = lives.matters.events(agreement)
    print_events(f"What happened to agreement {agreement}", events, as_json)


def possible(agreement: Id, person: As, as_json: AsJson = False) -> None:
    """Tell what a person may do with an agreement now."""
    from catalog.agreement_workflow import AGREEMENT_LIFE

    with acting(person) as now:
        matter = _applications(now).agreements.matter(agreement)
        acts = list(AGREEMENT_LIFE.possible(now.actor, matter))
    tell_possible(agreement, person, acts, as_json)


def _plain(name: str) -> Any:
    def command(agreement: Id, person: As, as_json: AsJson = False) -> None:
        _do(agreement, name.replace("-", "_"), person, as_json)

    return command


def _reasoned(name: str) -> Any:
    def command(agreement: Id, person: As, reason: Reason, as_json: AsJson = False) -> None:
        _do(agreement, name.replace("-", "_"), person, as_json, reason=reason)

    return command


def _either(name: str, status: str) -> Any:
    def command(
        agreement: Id,
        person: MayAs = None,
        reason: Annotated[str | None, typer.Option(help="Why; an operator's goes on the ledger.")] = None,
        as_json: AsJson = False,
    ) -> None:
        if person is None:
            _by_operator(agreement, status, reason or "", as_json)
        else:
            _do(agreement, name, person, as_json, **({"reason": reason} if reason else {}))

    return command


def _by_operator(id_: str, status: str, reason: str, as_json: bool) -> None:
    from catalog.agreement import AgreementStatus

    with administered() as (_hub, catalogue, _people):
        catalogue.set_agreement_status(id_, AgreementStatus(status), actor=actor(), reason=reason)
    tell({"agreement": id_, "status": status}, f"Agreement {id_} is {status.replace('_', ' ')}.", as_json)


def _do(id_: str, act: str, person: str, as_json: bool, **said: Any) -> None:
    with acting(person) as now:
        done = _applications(now).agreements.do(id_, act, now.actor, said)
    tell_done(done, as_json)


def _change(
    id_: str, person: str, as_json: bool, needed_for: Mapping[str, str] | None = None, **wished: Any
) -> None:
    from catalog.agreement_changes import change

    with acting(person) as now:
        applications = _applications(now)
        done = change(applications, id_, _scope(applications.zone, **wished), now.actor, needed_for)
        where = sentence(applications.applied(done.application).matter) if done.application else ""
    said = (
        f"It takes an application: {where}"
        if done.application
        else f"Agreement {id_} is narrower from now on."
    )
    tell({"agreement": id_, "application": done.application}, said, as_json)


def _scope(
    zone: "ZoneInfo",
    until: str | None = None,
    max_keys: int | None = None,
    terms: Mapping[str, Any] | None = None,
    **lists: Texts,
) -> "Scope":
    from catalog.agreement_lives import Scope
    from catalog.application import end_of

    def stated(name: str) -> frozenset[str] | None:
        return frozenset(lists.get(name) or ()) or None

    items = lists.get("item")
    return Scope(
        items=tuple(items) if items else None,
        purposes=stated("purpose"),
        legal_bases=stated("legal_basis"),
        masked=stated("mask"),
        valid_to=end_of(until, zone) if until else None,
        max_keys=max_keys,
        changed_terms=terms or None,
    )


def _applications(now: "Acting") -> "Applications":
    from hub.sharing.desk import applications_of

    return applications_of(now.hub.settings, now.connection, now.record)
