"""``hub source add``, ``show`` and ``remove``: sources registered in the database, beside those that files define."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.commands.screen import AsJson, actor, console, print_json

Code = Annotated[str, typer.Argument(metavar="SOURCE", help="Code of a registered source.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub source``."""
    for command in (add, show, remove):
        app.command()(command)


def add(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The definition, as YAML or JSON.")
    ],
    as_json: AsJson = False,
) -> None:
    """Register a source, or define a registered one anew; without an ordinal the next free one is given."""
    from hub.published_resources import knowing
    from hub.source_registry import register as registered
    from infra.database import Role, check_ready, open_database
    from infra.settings import load_settings
    from schemas.errors import DefinitionError

    try:
        definition = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DefinitionError(f"{file.name} is not UTF-8.", file=file.name) from None
    settings = load_settings()
    with open_database(settings) as database:
        check_ready(database)
        with knowing(database), database.engine(Role.APPLICATION).begin() as connection:
            source, new = registered(settings, connection, definition, actor())
    if as_json:
        print_json(
            {"source": source.code, "ordinal": source.ordinal, "registered": "new" if new else "changed"}
        )
    else:
        console.print(
            f"Source {source.code} is {'registered' if new else 'changed'}, ordinal {source.ordinal}."
        )


def show(source: Code, as_json: AsJson = False) -> None:
    """Show what is known of a source: its definition, where that is from, and what it has contributed."""
    from hub.composition import open_hub
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        told = _told(hub, source)
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        if name != "definition":
            console.print(f"{name:15}{value if value is not None else '–'}")
    if told["definition"]:
        console.print(f"\n{told['definition']}")


def _told(hub: Any, code: str) -> dict[str, Any]:
    from sqlalchemy import text

    from hub.pauses import paused
    from hub.source_registry import registration
    from infra.database import Role

    source, pause = hub.source(code), paused(hub).get(code)
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        given = registration(connection, code)
        batches, last = connection.execute(
            text("SELECT count(*), max(recorded_at) FROM library.batch WHERE source = :code"), {"code": code}
        ).one()
    names = ("code", "resource", "department", "title", "ordinal", "connector", "drift", "schedule")
    return {name: getattr(source, name) for name in names} | {
        "columns": ", ".join(source.columns),
        "defined_by": f"{given.registered_by}, {given.registered_at:%Y-%m-%d %H:%M} UTC"
        if given
        else "a file",
        "batches": batches,
        "last_batch": last,
        "paused": pause.reason if pause else None,
        "definition": given.definition if given else None,
    }


def remove(source: Code) -> None:
    """Remove a registered source that has contributed nothing; one that has is paused instead, for good."""
    from hub.published_resources import knowing
    from hub.source_registry import remove as removed
    from infra.database import Role, check_ready, open_database
    from infra.settings import load_settings

    with open_database(load_settings()) as database:  # no hub: a definition that holds it up can be removed
        check_ready(database)
        with knowing(database), database.engine(Role.APPLICATION).begin() as connection:
            removed(connection, source, actor())
    console.print(f"Source {source} is removed.")
