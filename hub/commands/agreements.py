"""``hub agreement``: on which terms each system may read."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from hub.commands.administering import administered
from hub.commands.screen import AsJson, actor, console, print_json, table

app = typer.Typer(no_args_is_help=True, help="What each system may read, for which purpose, until when.")


@app.command("add")
def add_agreement(
    system: Annotated[str, typer.Argument(help="The system that may read.")],
    resource: Annotated[str, typer.Argument(help="The resource it may read.")],
    purpose: Annotated[list[str], typer.Option(help="A purpose it may state; may be given again.")],
    legal_basis: Annotated[list[str], typer.Option(help="A legal basis it may state; may be given again.")],
    item: Annotated[
        list[str] | None, typer.Option(help="An item it may read; may be given again. Default: all.")
    ] = None,
    mask: Annotated[
        list[str] | None, typer.Option(help="An item it sees masked only; may be given again.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="For how many days from now it holds.")] = 365,
    number: Annotated[
        str | None, typer.Option(help="The agreement's number; default: made from system and resource.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put an agreement in force; only what it names may be read (Decree 809, articles 20 and 25)."""
    from catalog.agreement import Agreement
    from schemas.resource import resource_named

    now = datetime.now(UTC)
    items = tuple(item or [known.name for known in resource_named(resource).items])
    agreement = Agreement(
        id=number or f"{system}.{resource}",
        system=system,
        resource=resource,
        items=items,
        masked=frozenset(mask or ()),
        purposes=frozenset(purpose),
        legal_bases=frozenset(legal_basis),
        valid_from=now,
        valid_to=now + timedelta(days=days),
    )
    with administered() as (_hub, catalogue, _people):
        catalogue.add_agreement(agreement, actor=actor())
    if as_json:
        print_json(
            {"agreement": agreement.id, "items": list(items), "valid_to": agreement.valid_to.isoformat()}
        )
    else:
        console.print(
            f"Agreement {agreement.id} is in force until {agreement.valid_to:%Y-%m-%d}, for {len(items)} items."
        )


@app.command("list")
def list_agreements(as_json: AsJson = False) -> None:
    """List every agreement, in force or not."""
    with administered() as (_hub, catalogue, _people):
        rows = [
            [
                a.id,
                a.system,
                a.resource,
                len(a.items),
                "; ".join(sorted(a.purposes)),
                f"{a.valid_to:%Y-%m-%d}",
                a.status.value,
            ]
            for a in catalogue.agreements()
        ]
    columns = ["agreement", "system", "resource", "items", "purposes", "until", "status"]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        console.print(table("Agreements", columns, rows))
