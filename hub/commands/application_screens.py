"""What ``hub application`` shows: applications, what they lack, what happened and what is possible."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.acting import As, acting
from hub.commands.screen import AsJson, console, here, print_json, table, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from zoneinfo import ZoneInfo

    from catalog.applications import Applications, Applied
    from catalog.matters import Event
    from catalog.workflow import Matter

Id = Annotated[str, typer.Argument(metavar="APPLICATION", help="The application's number, as AP2026-000001.")]


def register(app: typer.Typer) -> None:
    """Add the commands that show."""
    for command in (check, show, list_applications, history, possible):
        app.command(command.__name__.partition("_")[0])(command)


def check(application: Id, as_json: AsJson = False) -> None:
    """Tell everything that an application lacks, at once and by element; end with 1 where it lacks something."""
    with _reading() as applications:
        faults = applications.faults(application)
    if as_json:
        print_json({"application": application, "faults": [fault.as_dict() for fault in faults]})
    elif faults:
        console.print(
            table(
                f"What {application} lacks",
                ("element", "problem"),
                [(one.place, one.problem) for one in faults],
            )
        )
    else:
        console.print(f"Application {application} is complete.")
    if faults:
        raise typer.Exit(1)


def show(application: Id, as_json: AsJson = False) -> None:
    """Show what an application states, and where it stands."""
    import yaml

    with _reading() as applications:
        found = applications.applied(application)
    told = found.application.told()
    if as_json:
        print_json(matter_told(found.matter) | {"elements": told})
        return
    stated = {name: value for name, value in told.items() if value not in (None, "", [], {}, False)}
    typer.echo(yaml.safe_dump(stated, allow_unicode=True, sort_keys=False), nl=False)
    typer.echo(f"# {sentence(found.matter)}")


def list_applications(
    state: Annotated[
        str | None, typer.Option(help="Only those in this state, e.g. awaiting_examination.")
    ] = None,
    organisation: Annotated[
        str | None, typer.Option(help="Only those of this organisation, on either side.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List applications by number."""
    with _reading() as applications:
        found = list(_every(applications, state, organisation))
    if as_json:
        print_json([matter_told(one.matter) | {"resource": one.application.resource} for one in found])
        return
    columns = ("application", "resource", "applicant", "provider", "state", "due", "late from")
    zone = here()
    console.print(table("Applications", columns, [_row(one, zone) for one in found]))


def history(application: Id, as_json: AsJson = False) -> None:
    """Show everything that was done with an application, by whom and when."""
    with _reading() as applications:
        applications.applied(application)
        events = applications.events(application)
    print_events(f"What happened to {application}", events, as_json)


def possible(application: Id, person: As, as_json: AsJson = False) -> None:
    """Tell what a person may do with an application now."""
    from catalog.application_workflow import APPLICATION
    from hub.sharing.desk import applications_of

    with acting(person) as now:
        matter = applications_of(now.hub.settings, now.connection, now.record).applied(application).matter
        acts = list(APPLICATION.possible(now.actor, matter))
    tell_possible(application, person, acts, as_json)


def tell_possible(id_: str, person: str, acts: list[str], as_json: bool) -> None:
    """Say what somebody may do."""
    named = ", ".join(act.replace("_", "-") for act in acts)
    tell(
        {"id": id_, "person": person, "possible": acts},
        named or f"{person} may do nothing with {id_} now.",
        as_json,
    )


def tell_done(matter: "Matter", as_json: bool, more: str = "") -> None:
    """Say where an act led."""
    tell(matter_told(matter), f"{sentence(matter)}{more}", as_json)


def matter_told(matter: "Matter") -> dict[str, Any]:
    """Describe where something stands."""
    due = matter.due_at.isoformat() if matter.due_at else None
    parties = {side.value: party for side, party in matter.parties.items()}
    return {"id": matter.id, "state": matter.state, **parties, "duty": matter.duty, "due_at": due}


def sentence(matter: "Matter") -> str:
    """Say where something stands, and what is due by when, in the hub's time."""
    due = (
        f" Due: {matter.duty}, late from {matter.due_at.astimezone(here()):%Y-%m-%d %H:%M}."
        if matter.due_at
        else ""
    )
    return f"{matter.id} is {matter.state.replace('_', ' ')}.{due}"


def print_events(title: str, events: "Sequence[Event]", as_json: bool) -> None:
    """Print what happened; facts are what people said."""
    if as_json:
        print_json([vars_of(event) for event in events])
        return
    zone = here()
    rows = [
        (f"{one.at.astimezone(zone):%Y-%m-%d %H:%M}", one.act, one.state, one.actor, _said(one))
        for one in events
    ]
    console.print(table(title, ("at", "act", "led to", "by", "said"), rows))


def vars_of(event: "Event") -> dict[str, Any]:
    """Describe an event for machines."""
    names = ("position", "act", "state", "actor", "organisation", "facts")
    return {name: getattr(event, name) for name in names} | {"at": event.at.isoformat()}


def _said(event: "Event") -> str:
    return "; ".join(f"{name}: {value}" for name, value in event.facts.items())


def _row(one: "Applied", zone: "ZoneInfo") -> list[Any]:
    from catalog.workflow import Side

    matter = one.matter
    late = f"{matter.due_at.astimezone(zone):%Y-%m-%d %H:%M}" if matter.due_at else None
    return [
        matter.id,
        one.application.resource,
        matter.parties[Side.USER],
        matter.parties[Side.PROVIDER],
        matter.state,
        matter.duty,
        late,
    ]


def _every(applications: "Applications", state: str | None, organisation: str | None) -> "Iterator[Applied]":
    after = ""
    while found := applications.listed(state, organisation, after):
        yield from found
        after = found[-1].matter.id


def _reading() -> "AbstractContextManager[Applications]":
    from contextlib import contextmanager

    from audit.recording import record_administration
    from hub.composition import open_hub
    from hub.sharing.desk import applications_of
    from infra.database import Role
    from infra.settings import load_settings

    @contextmanager
    def opened() -> "Iterator[Applications]":
        settings = load_settings()
        with open_hub(settings) as hub, hub.database.engine(Role.APPLICATION).begin() as connection:
            yield applications_of(settings, connection, record_administration)

    return opened()
