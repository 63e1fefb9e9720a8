"""What is published and what is agreed, in the words of others: ``hub catalogue contract``, ``hub catalogue odrl``, ``hub agreement odrl``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.administering import administered
from hub.commands.dcat import delivered
from hub.commands.screen import AsJson, print_json, tell

if TYPE_CHECKING:
    from catalog.dcat.describing import Addresses
    from catalog.published_entries import Published

Id = Annotated[str, typer.Argument(metavar="CODE", help="What it is asked for by, such as place.")]


def register(catalogue: typer.Typer, agreements: typer.Typer) -> None:
    """Add the commands to their groups."""
    catalogue.command("contract")(contract)
    catalogue.command("odrl")(offer)
    agreements.command("odrl")(policy)


def contract(
    id_: Id,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write; default: standard output.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the data contract of what is published, by the Open Data Contract Standard: YAML, or with --json JSON."""
    import orjson

    from hub.neighbours.contract import contract_of, contract_yaml

    published, at = _published(id_)
    made = contract_of(published, at)
    body = orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n" if as_json else contract_yaml(made).encode()
    if delivered(body, output):
        tell({"file": str(output), "contract": made["id"]}, f"The contract of {id_} is in {output}.", as_json)


def offer(id_: Id) -> None:
    """Tell what is published offers to whom, on which conditions: an ODRL policy in JSON-LD."""
    from catalog.odrl import offer_of

    print_json(offer_of(*_published(id_)))


def policy(agreement: Annotated[str, typer.Argument(help="The agreement's number.")]) -> None:
    """Tell what an agreement permits, under which constraints and duties: an ODRL policy in JSON-LD."""
    from catalog.odrl import agreement_policy
    from hub.neighbours.exporting import addresses

    with administered() as (hub, catalogue, _people):
        found = catalogue.agreement(agreement)
        made = agreement_policy(found, catalogue.system(found.system), addresses(hub.settings))
    print_json(made)


def _published(id_: str) -> tuple["Published", "Addresses"]:
    from catalog.published_entries import PublishedEntries
    from hub.composition import open_hub
    from hub.neighbours.exporting import addresses
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
        return PublishedEntries(connection, everything=True).named(id_), addresses(hub.settings)
