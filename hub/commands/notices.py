"""``hub notice``: which calls read a value that turned out wrong."""

from typing import Annotated

import typer

from hub.commands.acting import As, acting
from hub.commands.objection_screens import print_notices
from hub.commands.screen import AsJson, print_json, tell

app = typer.Typer(
    no_args_is_help=True, help="Recall notices: calls that read a value which turned out wrong."
)


@app.command("list")
def list_notices(
    person: As,
    system: Annotated[str | None, typer.Option(help="Only those to this system.")] = None,
    pending: Annotated[bool, typer.Option("--pending", help="Only those not acknowledged.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Only behind this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the notices to the systems of the person's organisation."""
    from hub.objections.bureau import Bureau
    from hub.objections.recalling import notices_for

    with acting(person) as now:
        found = notices_for(
            Bureau.of(now.hub).notices(now.connection, now.record), now.actor, system, pending=pending, after=after, limit=limit
        )  # fmt: skip
    print_json(found) if as_json else print_notices(found)


@app.command()
def acknowledge(
    number: Annotated[int, typer.Argument(help="The notice's number.")], person: As, as_json: AsJson = False
) -> None:
    """Say that what the call led to is being put right."""
    from hub.objections.bureau import Bureau
    from hub.objections.recalling import told_notice

    with acting(person) as now:
        notices = Bureau.of(now.hub).notices(now.connection, now.record)
        told = told_notice(notices.acknowledge(number, now.actor))
    tell(told, f"Notice {number} is acknowledged by {told['acknowledged_by']}.", as_json)
