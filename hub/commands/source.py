"""``hub source``: see, check and look after the departments' systems."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.commands.drafting import init
from hub.commands.screen import AsJson, actor, console, print_json, table

app = typer.Typer(
    no_args_is_help=True, help="Departments' systems: what is registered, whether it works, what changed."
)

app.command()(init)

Code = Annotated[str, typer.Argument(metavar="SOURCE", help="Code of a registered source.")]


@app.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """List the registered sources, and the definitions that are wrong."""
    from hub.composition import open_hub
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        names = ("code", "resource", "department", "title", "connector", "drift")
        found = [{name: getattr(source, name) for name in names} for source in hub.sources.values()]
        broken = [{"code": one.code, "from": one.name, "error": str(one.error)} for one in hub.broken]
    if as_json:
        print_json([*found, *broken])
        return
    console.print(table("Sources", names, [list(row.values()) for row in found]))
    if broken:
        rows = [list(row.values()) for row in broken]
        console.print(table("Definitions that are wrong", ["source", "from", "what is wrong"], rows))


@app.command()
def check(
    source: Annotated[str, typer.Argument(metavar="SOURCE|FILE", help="Code of a source, or its YAML file.")],
    rows: Annotated[int, typer.Option(min=1, help="Rows to look at.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Try a source on the live system: reach it, read rows, judge them, and store nothing."""
    from connectors.definition import load_source
    from hub.checking import check as checked
    from hub.composition import open_hub
    from infra.settings import load_settings

    settings = load_settings()
    with open_hub(settings, systems=True) as hub:
        path = Path(source)
        is_file = path.suffix in (".yaml", ".yml")
        chosen = load_source(path, hub.variables) if is_file else hub.source(source)
        found = checked(hub, chosen, rows)
    if as_json:
        print_json(_described(found))
    else:
        if chosen.connector == "push":
            console.print(f"{chosen.code}: the department pushes its rows, so there is no system to look at.")
        _print(chosen.code, found)
    if found.rows and not found.admitted:
        raise typer.Exit(1)


def _described(found: Any) -> dict[str, Any]:
    told = {
        name: getattr(found, name)
        for name in ("rows", "admitted", "quarantined", "filled", "broken", "missing")
    }
    listed = {
        name: [one.record() for one in getattr(found, name)] for name in ("changes", "reasons", "uncoded")
    }
    return told | listed


def _print(code: str, found: Any) -> None:
    console.print(
        f"{code}: {found.rows:,} rows looked at, {found.admitted:,} would be let in, {found.quarantined:,} quarantined; "
        f"nothing was stored."
    )
    for column in found.missing:
        console.print(f"  column {column!r} is not there; its items stay empty")
    for change in found.changes:
        console.print(f"  {change.title}")
    shares = [
        [item, number, f"{number / (found.admitted or 1):.0%}"] for item, number in found.filled.items()
    ]
    console.print(table("Items with a value, of the rows let in", ["item", "rows", "share"], shares))
    if found.reasons:
        why = [[one.rows, one.item, one.rule, one.reason, ", ".join(one.examples)] for one in found.reasons]
        console.print(
            table(
                "Why rows would be quarantined",
                ["rows", "item", "rule", "reason", "what stands there, masked"],
                why,
            )
        )
    for one in found.uncoded:
        told = ", ".join(f"{value} ({count:,})" for value, count in one.values.items())
        console.print(f"  {one.column}: {one.rows:,} values have no code of {one.item}: {told}")
    if found.broken:
        names = ("item", "rule", "severity", "failing", "share")
        console.print(table("Rules broken", names, [[row[name] for name in names] for row in found.broken]))


@app.command()
def drift(source: Code, limit: Annotated[int, typer.Option(min=1)] = 20, as_json: AsJson = False) -> None:
    """Show how the system's columns have changed, since which batch, and which agreements read what is affected."""
    from base_libraries import shapes
    from catalog.readers import readers
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        resource = hub.source(source).resource
        with hub.database.engine(Role.APPLICATION).connect() as connection:
            found = [
                _drifted(seen, [readers(connection, resource, change["items"]) for change in seen.changes])
                for seen in shapes.history(connection, source, limit)
            ]
    if as_json:
        print_json(found)
        return
    rows = [
        [seen["recorded_at"][:19], seen["outcome"], seen["since"], seen["batch"], change["kind"], change["column"],
         change["was"], change["now"] or change["perhaps"], ", ".join(change["items"]),
         ", ".join(told["agreement"] for told in change["read_by"])]
        for seen in found for change in seen["changes"]
    ]  # fmt: skip
    names = ["when", "outcome", "since", "batch", "change", "column", "was", "now", "items", "agreements"]
    console.print(table(f"Changes of columns at {source}", names, rows))


def _drifted(seen: Any, read_by: list[Any]) -> dict[str, Any]:
    told_by = [[_reader(reader) for reader in found] for found in read_by]
    changes = [{**change, "read_by": told} for change, told in zip(seen.changes, told_by, strict=True)]
    told = {
        "outcome": seen.outcome,
        "since": seen.since,
        "batch": seen.batch,
        "recorded_at": seen.recorded_at.isoformat(),
    }
    return {**told, "changes": changes}


def _reader(reader: Any) -> dict[str, Any]:
    return {"agreement": reader.agreement, "system": reader.system, "items": sorted(reader.items)}


@app.command()
def accept(source: Code) -> None:
    """Take the system's columns as they are now for known, after they were refused or quarantined."""
    from hub.composition import open_hub
    from hub.drift import accept as accepted
    from infra.settings import load_settings

    with open_hub(load_settings(), systems=True) as hub:
        taken = accepted(hub, source, actor())
    console.print(
        f"The columns of {source} are accepted as they are; ingest it again."
        if taken
        else f"No change of {source} waits to be accepted."
    )
