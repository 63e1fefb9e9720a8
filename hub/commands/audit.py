"""``hub audit``: look at the ledger, seal it, prove it."""

import time
from typing import Annotated, Any

import typer

from hub.commands.screen import AsJson, console, print_json, table

app = typer.Typer(no_args_is_help=True, help="The ledger: who read what, why, and the proof of it.")

SHOWN = ("at", "kind", "actor", "resource", "keys", "records", "purpose", "case_code", "outcome", "problem")


@app.command()
def tail(
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=10_000, help="How many entries.")] = 20,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on showing new entries until Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the newest entries, the oldest of them first."""
    from audit.reading import tail as newest
    from infra.database import Role, open_database
    from infra.settings import load_settings

    with open_database(load_settings()) as database, database.engine(Role.AUDITOR).connect() as connection:
        found = newest(connection, number)
        _show(found, as_json)
        while follow:
            connection.rollback()
            time.sleep(1)
            if more := newest(connection, 1000, found[-1]["id"] if found else None):
                _show(more, as_json)
                found = more


def _show(entries: Any, as_json: bool) -> None:
    if as_json:
        print_json([_plain(entry) for entry in entries])
        return
    rows = [[_cell(name, entry[name]) for name in SHOWN] for entry in entries]
    console.print(table("Ledger, newest last", SHOWN, rows))


def _cell(name: str, value: Any) -> Any:
    return f"{value:%m-%d %H:%M:%S}" if name == "at" else value


def _plain(entry: Any) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in entry.items()}


@app.command()
def seal(as_json: AsJson = False) -> None:
    """Number what was committed, extend the Merkle tree and sign a checkpoint; the running hub does so by itself."""
    from audit.notes import ledger_signer
    from audit.sealer import seal as seal_entries
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        sealed = seal_entries(
            hub.database.engine(Role.APPLICATION), ledger_signer(hub.keyring, hub.settings.hub_id)
        )
    if as_json:
        print_json({"sealed": sealed.entries, "tree_size": sealed.size})
    else:
        console.print(f"{sealed.entries:,} entries sealed; the tree has {sealed.size:,} leaves.")


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Make every leaf, root, signature and count again and compare; the first that does not fit is an error."""
    from audit.notes import ledger_signer
    from audit.proving import verify as prove
    from audit.use import check_counts
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, hub.database.engine(Role.AUDITOR).connect() as connection:
        proof = prove(connection, ledger_signer(hub.keyring, hub.settings.hub_id).verifier)
        with hub.database.engine(Role.APPLICATION).connect() as counting:
            check_counts(counting)
    found = {
        "entries": proof.entries,
        "sealed": proof.sealed,
        "checkpoints": proof.checkpoints,
        "root": proof.root.hex(),
    }
    if as_json:
        print_json(found)
    else:
        console.print(
            f"The ledger holds: {proof.sealed:,} of {proof.entries:,} entries sealed, root {proof.root.hex()}."
        )
