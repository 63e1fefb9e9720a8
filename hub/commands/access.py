"""``hub client`` and ``hub agreement``: register the systems that may call, and on which terms."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from hub.commands.screen import AsJson, actor, console, print_json, table

clients = typer.Typer(no_args_is_help=True, help="Systems that call the hub.")
agreements = typer.Typer(
    no_args_is_help=True, help="What each system may read, for which purpose, until when."
)


@contextmanager
def _catalogue() -> Iterator[tuple[Any, Any]]:
    from audit.recording import record_administration
    from catalog.repository import Catalogue
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).begin() as connection:
        yield hub, Catalogue(connection, record_administration)


@clients.command("add")
def add_client(
    system: Annotated[str, typer.Argument(help="A short name, e.g. tax-approval.")],
    organisation: Annotated[
        str, typer.Option(help="Code of the department it belongs to (its unified social credit code).")
    ],
    organisation_name: Annotated[
        str | None, typer.Option(help="The department's name, where it is new here.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="What people call the system.")] = None,
    key: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Its public key(s), a JWK or JWK set.")
    ] = None,
    administrator: Annotated[
        bool, typer.Option("--administrator", help="It may register sources through the API.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register a system; without --key an Ed25519 key is made and its private part kept in the hub's home."""
    from catalog.party import Organisation, System, public_keys
    from hub.caller import new_private_key, private_key_path

    with _catalogue() as (hub, catalogue):
        if organisation not in {known.code for known in catalogue.organisations()}:
            catalogue.add_organisation(
                Organisation(organisation, organisation_name or organisation), actor=actor()
            )
        home = hub.settings.home
        keys = (
            public_keys(orjson.loads(key.read_bytes()))
            if key
            else (new_private_key(home, system).as_dict(private=False),)
        )
        added = System(system, organisation, title or system, keys, administrator=administrator)
        catalogue.add_system(added, actor=actor())
        kept = None if key else str(private_key_path(home, system))
    if as_json:
        print_json({"system": system, "organisation": organisation, "private_key": kept})
    else:
        console.print(f"System {system} is registered." + (f" Its private key is in {kept}." if kept else ""))


@clients.command("list")
def list_clients(as_json: AsJson = False) -> None:
    """List every registered system."""
    with _catalogue() as (_hub, catalogue):
        rows = [[s.id, s.organisation, s.title, s.status.value, len(s.keys)] for s in catalogue.systems()]
    columns = ["system", "organisation", "title", "status", "keys"]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        console.print(table("Systems", columns, rows))


@agreements.command("add")
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
    with _catalogue() as (_hub, catalogue):
        catalogue.add_agreement(agreement, actor=actor())
    if as_json:
        print_json(
            {"agreement": agreement.id, "items": list(items), "valid_to": agreement.valid_to.isoformat()}
        )
    else:
        console.print(
            f"Agreement {agreement.id} is in force until {agreement.valid_to:%Y-%m-%d}, for {len(items)} items."
        )


@agreements.command("list")
def list_agreements(as_json: AsJson = False) -> None:
    """List every agreement, in force or not."""
    with _catalogue() as (_hub, catalogue):
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
