"""``hub client``: the systems that may call, their keys, and whether they may call now."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.administering import administered
from hub.commands.screen import AsJson, actor, console, print_json, table, tell

if TYPE_CHECKING:
    from catalog.system import System

app = typer.Typer(no_args_is_help=True, help="Systems that call the hub.")
keys = typer.Typer(
    no_args_is_help=True, help="A system's public keys: add the new one, change over, retire the old one."
)
app.add_typer(keys, name="key")

Id = Annotated[str, typer.Argument(metavar="SYSTEM", help="Id of a registered system.")]


@app.command("add")
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
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Its public key(s): a JWK or JWK set, or a key or certificate in PEM.",
        ),
    ] = None,
    administrator: Annotated[
        bool, typer.Option("--administrator", help="It may register sources through the API.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register a system; without --key an Ed25519 key is made and its private part kept in the hub's home."""
    from catalog.organisation import Organisation
    from catalog.system import System
    from catalog.system_key import read_keys
    from hub.caller import new_private_key, private_key_path

    with administered() as (hub, catalogue, _people):
        if organisation not in {known.code for known in catalogue.organisations()}:
            named = organisation_name or organisation
            catalogue.add_organisation(
                Organisation(organisation, named, hub.settings.division), actor=actor()
            )
        home = hub.settings.home
        keys = read_keys(key.read_bytes()) if key else (new_private_key(home, system).as_dict(private=False),)
        added = System(system, organisation, title or system, keys, administrator=administrator)
        catalogue.add_system(added, actor=actor())
        kept = None if key else str(private_key_path(home, system))
    if as_json:
        print_json({"system": system, "organisation": organisation, "private_key": kept})
    else:
        console.print(f"System {system} is registered." + (f" Its private key is in {kept}." if kept else ""))


@app.command("list")
def list_clients(as_json: AsJson = False) -> None:
    """List every registered system, and until when it has a valid key."""
    from hub.parties import system_told

    with administered() as (_hub, catalogue, _people):
        systems = catalogue.systems()
    if as_json:
        print_json([system_told(system) for system in systems])
        return
    columns = ["system", "organisation", "title", "status", "keys", "a key until"]
    rows = [[s.id, s.organisation, s.title, s.status.value, *_validity(s)] for s in systems]
    console.print(table("Systems", columns, rows))


@app.command("suspend")
def suspend(system: Id, as_json: AsJson = False) -> None:
    """Let a system call no more, from this moment, with whatever token."""
    from catalog.system import SystemStatus

    with administered() as (_hub, catalogue, _people):
        catalogue.set_system_status(system, SystemStatus.SUSPENDED, actor=actor())
    tell({"system": system, "status": "suspended"}, f"System {system} is suspended.", as_json)


@app.command("resume")
def resume(system: Id, as_json: AsJson = False) -> None:
    """Let a suspended system call again."""
    from catalog.system import SystemStatus

    with administered() as (_hub, catalogue, _people):
        catalogue.set_system_status(system, SystemStatus.ACTIVE, actor=actor())
    tell({"system": system, "status": "active"}, f"System {system} may call again.", as_json)


@keys.command("add")
def add_key(
    system: Id,
    key: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="The public key: a JWK, or a key or certificate in PEM."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Let a system sign with one more key; those it has stay valid."""
    from catalog.system_key import read_keys
    from schemas.errors import ConfigurationError

    found = read_keys(key.read_bytes())
    if len(found) != 1:
        raise ConfigurationError(f"{key.name} holds {len(found)} keys.", hint="Add one at a time.")
    with administered() as (_hub, catalogue, _people):
        added = catalogue.add_system_key(system, found[0], actor=actor())
    told = {"system": system, "kid": added.kid, "valid_until": added.ends_at}
    tell(told, f"System {system} may sign with key {added.kid}.", as_json)


@keys.command("retire")
def retire_key(
    system: Id,
    kid: Annotated[str, typer.Argument(help="Which key: its kid, as `hub client key list` shows it.")],
    days: Annotated[int, typer.Option(min=0, help="How many days it stays valid.")] = 0,
    as_json: AsJson = False,
) -> None:
    """End a key's validity. Access tokens given for it end by themselves, within HUB_TOKEN_SECONDS."""
    at = datetime.now(UTC) + timedelta(days=days)
    with administered() as (_hub, catalogue, _people):
        catalogue.retire_system_key(system, kid, at, actor=actor())
    tell(
        {"system": system, "kid": kid, "valid_until": at},
        f"Key {kid} of {system} ends {at:%Y-%m-%d %H:%M} UTC.",
        as_json,
    )


@keys.command("list")
def list_keys(system: Id, as_json: AsJson = False) -> None:
    """List the keys of a system."""
    from hub.parties import system_told

    with administered() as (_hub, catalogue, _people):
        found = system_told(catalogue.system(system))["keys"]
    if as_json:
        print_json(found)
        return
    rows = [
        [key["kid"], key["kind"], "yes" if key["certificate"] else "no", key["valid_until"]] for key in found
    ]
    console.print(table(f"Keys of {system}", ["kid", "kind", "certificate", "valid until"], rows))


def _validity(system: "System") -> tuple[int, str]:
    """Return how many keys are valid now, and the last day on which one is."""
    valid = system.keys_on(datetime.now(UTC))
    ends = [key.ends_at for key in valid]
    if not ends:
        return 0, "over"
    known = [end for end in ends if end is not None]
    return len(valid), f"{max(known):%Y-%m-%d}" if len(known) == len(ends) else "no end"
