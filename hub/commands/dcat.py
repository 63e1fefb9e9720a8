"""``hub catalogue dcat``: the catalogue as its neighbours read it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hub.commands.screen import AsJson, tell


def register(app: typer.Typer) -> None:
    """Add the command to ``hub catalogue``."""
    app.command("dcat")(export)


def export(
    format_: Annotated[str, typer.Option("--format", help="turtle, json-ld or rdf-xml.")] = "turtle",
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write; default: standard output.")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Also what is shared on condition or not at all, not only what anybody may see."
        ),
    ] = False,
    harvested: Annotated[
        bool,
        typer.Option(
            "--harvested", help="Also what was harvested from neighbours, for whom it is passed on to."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Export the published catalogue as DCAT-AP 3, in one document."""
    from catalog.dcat.formats import format_named, serialized
    from hub.composition import open_hub
    from hub.neighbours.exporting import addresses, catalogue_graph, offered, passed_on
    from infra.database import Role
    from infra.settings import load_settings

    chosen = format_named(format_)
    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
        at = addresses(hub.settings)
        found = offered(connection, at, everything=everything)
        if harvested:
            found = replace(found, datasets=[*found.datasets, *passed_on(connection, at)])
        body = serialized(catalogue_graph(at, found), chosen)
    if not delivered(body, output):
        return
    told = {"file": str(output), "format": chosen.name, "datasets": len(found.datasets), "bytes": len(body)}
    tell(told, f"{len(found.datasets)} datasets are in {output}.", as_json)


def delivered(body: bytes, output: Path | None) -> bool:
    """Write a document to a file, whole or not at all, or else to standard output; tell whether it is in a file."""
    from schemas.errors import NotWritten

    if output is None:
        typer.echo(body.decode(), nl=False)
        return False
    draft = output.with_name(f".{output.name}.draft")
    try:
        draft.write_bytes(body)
        draft.replace(output)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise NotWritten(f"{output} cannot be written: {error.strerror}.", path=str(output)) from error
    return True
