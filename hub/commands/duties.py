"""``hub duties`` and ``hub notify``: what stands undone by the sharing law's articles 38 to 41, and by the hub's own rules."""

from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.screen import AsJson, console, print_json, table

if TYPE_CHECKING:
    from hub.duties.duty import Finding

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


def notify(as_json: AsJson = False) -> None:
    """Tell the webhook what newly stands undone, an organisation at a time; exit 1 where somebody could not be told."""
    from hub.composition import open_hub
    from hub.duties.telling import tell
    from hub.duties.webhook import Webhook
    from infra.settings import load_settings

    settings = load_settings()
    webhook = Webhook.of(settings)
    with open_hub(settings) as hub:
        done = tell(hub, webhook)
    if as_json:
        print_json({"told": done.told, "failed": done.failed})
    else:
        console.print(
            table("Told", ("of", "findings"), done.told.items()) if done.told else "Nothing is new."
        )
        for whom, why in done.failed.items():
            typer.echo(f"{whom}: {why}", err=True)
    if done.failed:
        raise typer.Exit(1)


def _print(found: "list[Finding]", as_json: bool) -> None:
    if as_json:
        print_json([one.as_dict() for one in found])
    elif found:
        console.print(table("Duties", _COLUMNS, [_row(one) for one in found]))
    else:
        console.print("Nothing stands undone.")


def _row(one: "Finding") -> list[object]:
    duty, lack = one.duty, one.lack
    due = lack.due and lack.due.date().isoformat()
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
