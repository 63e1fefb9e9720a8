"""``hub organisation``: departments in their hierarchy, and their offices."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.administering import administered
from hub.commands.screen import AsJson, actor, console, print_json, tell

if TYPE_CHECKING:
    from rich.tree import Tree

    from catalog.organisation import Organisation

app = typer.Typer(no_args_is_help=True, help="Departments in their hierarchy, and their offices.")

Code = Annotated[str, typer.Argument(help="Its unified social credit code, or another stable code.")]


@app.command("add")
def add(
    code: Code,
    name: Annotated[str, typer.Option(help="What it is called.")],
    division: Annotated[
        str | None,
        typer.Option(
            help="Code of the division it serves (GB/T 2260, 6, 9 or 12 digits); default: its parent's, or the hub's."
        ),
    ] = None,
    parent: Annotated[str | None, typer.Option(help="Code of the organisation it stands under.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register an organisation."""
    from catalog.organisation import Organisation
    from hub.parties import organisation_told

    with administered() as (hub, catalogue, _people):
        serves = division or (catalogue.organisation(parent).division if parent else hub.settings.division)
        added = Organisation(code, name, serves, parent)
        catalogue.add_organisation(added, actor=actor())
    tell(organisation_told(added), f"Organisation {code} is registered, level {added.level}.", as_json)


@app.command("rename")
def rename(
    code: Code,
    name: Annotated[str, typer.Argument(help="What it is called from now on.")],
    as_json: AsJson = False,
) -> None:
    """Call an organisation otherwise; its code stays."""
    with administered() as (_hub, catalogue, _people):
        catalogue.rename_organisation(code, name, actor=actor())
    tell({"code": code, "name": name}, f"Organisation {code} is called {name}.", as_json)


@app.command("move")
def move(
    code: Code,
    parent: Annotated[
        str | None, typer.Option(help="Whom it stands under from now on; default: nobody.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put an organisation under another one, or at the top."""
    with administered() as (_hub, catalogue, _people):
        catalogue.move_organisation(code, parent, actor=actor())
    where = f"under {parent}" if parent else "at the top"
    tell({"code": code, "parent": parent}, f"Organisation {code} stands {where}.", as_json)


@app.command("office")
def office(
    code: Code,
    office: Annotated[str, typer.Argument(help="A short code of the office within it.")],
    name: Annotated[str, typer.Option(help="What the office is called.")],
    as_json: AsJson = False,
) -> None:
    """Register an office of an organisation."""
    from catalog.organisation import Office

    with administered() as (_hub, _catalogue, people):
        people.add_office(Office(code, office, name), actor=actor())
    told = {"organisation": code, "office": office, "name": name}
    tell(told, f"Office {office} of {code} is registered.", as_json)


@app.command("list")
def list_organisations(as_json: AsJson = False) -> None:
    """Show every organisation under the one it stands under, with its offices."""
    from hub.parties import organisation_told

    with administered() as (_hub, catalogue, people):
        known = catalogue.organisations()
        offices = {one.code: people.offices(one.code) for one in known}
    if as_json:
        told = [organisation_told(one, offices[one.code]) for one in known]
        print_json(told)
        return
    for tree in _trees(
        known, {code: [f"{o.code} {o.name}" for o in found] for code, found in offices.items()}
    ):
        console.print(tree)


def _trees(known: Iterable["Organisation"], offices: dict[str, list[str]]) -> list["Tree"]:
    from rich.text import Text
    from rich.tree import Tree

    trees = {one.code: Tree(f"{one.name}  {one.code}  {one.level} {one.division}") for one in known}
    for one in known:
        for told in offices[one.code]:
            trees[one.code].add(Text(told, style="dim"))
        if one.parent:
            trees[one.parent].children.append(trees[one.code])
    return [trees[one.code] for one in known if one.parent is None]
