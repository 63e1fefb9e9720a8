"""``hub db``: bring the database's schema up to date, or start over."""

from typing import Annotated

import typer

from hub.commands.screen import AsJson, console, print_json

app = typer.Typer(no_args_is_help=True, help="The hub's own database.")


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the database's schema up to date; safe to run again."""
    from hub.upgrade import upgrade_database
    from infra.database import open_database
    from infra.settings import load_settings

    with open_database(load_settings()) as database:
        upgrade_database(database)
    if as_json:
        print_json({"upgraded": True})
    else:
        console.print("The database is up to date.")


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete everything the hub knows, its ledger and agreements included. Asks first."""
    from hub.upgrade import reset_database
    from infra.database import open_database
    from infra.settings import load_settings

    settings = load_settings()
    if not yes:
        typer.confirm(f"Delete all libraries, agreements and the ledger of {settings.hub_id}?", abort=True)
    with open_database(settings) as database:
        reset_database(database)
    if as_json:
        print_json({"reset": True})
    else:
        console.print("The database is empty and up to date. The department systems are untouched.")
