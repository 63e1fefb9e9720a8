"""``hub duties`` and ``hub notify``: what stands undone by the sharing law's articles 38 to 41, and by the hub's own rules."""

from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.screen import AsJson, console, here, last_day, print_json, table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from hub.duties.duty import Finding
    from hub.duties.telling import Parcel

_COLUMNS = ("duty", "severity", "whose", "organisation", "subject", "due", "days late", "what to do")


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub``."""
    app.command()(duties)
    app.command()(notify)


def duties(
    organisation: Annotated[str | None, typer.Option(help="Code of an organisation: only its own.")] = None,
    duty: Annotated[list[str] | None, typer.Option(help="Name of a duty; may be given again.")] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on", help="alert, warning or notice: exit 1 where anything so severe, or more, is found."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find what is late, missing or near its end: deliveries, replies, objections, disposals, agreements, keys, sources."""
    from audit.recording import record_administration
    from catalog.repository import Catalogue
    from hub.composition import open_hub
    from hub.duties.duty import Severity
    from hub.duties.table import DUTIES, duty_named
    from hub.duties.watching import ground_in, watch
    from infra.database import Role
    from infra.settings import load_settings

    chosen = [duty_named(name) for name in duty] if duty else DUTIES
    least = None if fail_on is None else Severity.named(fail_on)
    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
        if organisation is not None:
            Catalogue(connection, record_administration).organisation(organisation)
        found = watch(ground_in(hub, connection), chosen, organisation)
    _print(found, as_json)
    if least is not None and any(one.duty.severity.reaches(least) for one in found):
        raise typer.Exit(1)


def notify(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be told to whom, and tell nobody.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what newly stands undone, by webhook an organisation at a time, by mail each contact once a day at most.

    What was told is told again after HUB_NOTIFY_AGAIN_DAYS, or when it became worse. Exit 1 where somebody could not be told:
    the next run tells it.
    """
    from hub.composition import open_hub
    from hub.duties.channels import channels_of
    from hub.duties.telling import planned, tell
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, channels_of(hub) as channels:
        if dry_run:
            _print_planned(planned(hub, channels), as_json)
            return
        done = tell(hub, channels)
    if as_json:
        print_json({"told": done.told, "failed": done.failed})
    else:
        console.print(
            table("Told", ("whom", "findings"), done.told.items()) if done.told else "Nothing is new."
        )
        for whom, why in done.failed.items():
            typer.echo(f"{whom}: {why}", err=True)
    if done.failed:
        raise typer.Exit(1)


def _print_planned(parcels: "list[Parcel]", as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "channel": to.channel,
                    "recipient": to.recipient,
                    "duties": [one.as_dict() for one in to.findings],
                }
                for to in parcels
            ]
        )
        return
    zone = here()
    rows = [(to.name, *_row(one, zone)[:7]) for to in parcels for one in to.findings]
    console.print(table("To be told", ("whom", *_COLUMNS[:7]), rows) if rows else "Nothing is new.")


def _print(found: "list[Finding]", as_json: bool) -> None:
    if as_json:
        print_json([one.as_dict() for one in found])
    elif found:
        zone = here()
        console.print(table("Duties", _COLUMNS, [_row(one, zone) for one in found]))
    else:
        console.print("Nothing stands undone.")


def _row(one: "Finding", zone: "ZoneInfo") -> list[object]:
    duty, lack = one.duty, one.lack
    due = lack.due and last_day(lack.due, zone)
    said = f"{lack.detail} {duty.to_do}".strip()
    return [
        duty.name,
        duty.severity.value,
        duty.bearer.value,
        lack.organisation,
        lack.subject,
        due,
        one.days_late,
        said,
    ]
