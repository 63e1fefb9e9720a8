"""``hub harvest``: neighbours' catalogues, taken over and kept apart from our own."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.screen import AsJson, actor, console, print_json, table, tell

if TYPE_CHECKING:
    from catalog.harvest import Run

app = typer.Typer(no_args_is_help=True, help="Neighbours' catalogues: other hubs', and CKAN's.")

Code = Annotated[str, typer.Argument(metavar="CODE", help="A harvest; `hub harvest list` shows all.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Address of a DCAT document, or of a site of CKAN.")],
    code: Annotated[
        str | None, typer.Option(help="What it is called here; default: made of its host.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register a neighbour's catalogue; nothing is fetched yet."""
    from hub.composition import open_hub
    from hub.neighbours.harvesting import harvester
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        made = harvester(hub.settings, hub.database, actor()).add(url, code)
    tell(
        {"harvest": made.code, "url": made.url},
        f"{made.url} is registered. Run: hub harvest run {made.code}",
        as_json,
    )


@app.command()
def run(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="A harvest; `hub harvest list` shows all.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Harvest every catalogue that is registered.")] = False,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Give up a run that was interrupted, and begin with the first page."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Harvest a catalogue, or all, to its end; an interrupted run goes on where it stopped."""
    from hub.composition import open_hub
    from hub.neighbours.harvesting import harvest_all, harvester
    from infra.settings import load_settings
    from schemas.errors import MalformedRequest

    if (code is None) is not every or (every and restart):
        raise MalformedRequest(
            "Name one catalogue, or say --all without --restart.", hint="Run: hub harvest list"
        )
    with open_hub(load_settings()) as hub:
        harvesting = harvester(hub.settings, hub.database, actor())
        if code is not None:
            done = harvesting.run(code, restart=restart)
            tell(_told(done), _sentence(code, done), as_json)
            return
        runs, failed = harvest_all(harvesting)
    if as_json:
        print_json({"runs": {name: _told(one) for name, one in runs.items()}, "failed": failed})
    else:
        for name, one in runs.items():
            console.print(_sentence(name, one))
        for name, why in failed.items():
            typer.echo(f"{name}: {why}", err=True)
    if failed:
        raise typer.Exit(1)


def _sentence(code: str, done: "Run") -> str:
    return (
        f"Run {done.number} over {code}: {done.seen} datasets on {done.pages} pages = {done.counts.created} new + "
        f"{done.counts.updated} changed + {done.counts.unchanged} unchanged + {done.counts.skipped} skipped; {done.vanished} vanished."
    )


@app.command()
def remove(code: Code, as_json: AsJson = False) -> None:
    """Forget a catalogue and everything that was harvested of it; the ledger keeps what was done."""
    from hub.composition import open_hub
    from hub.neighbours.harvesting import harvester
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        number = harvester(hub.settings, hub.database, actor()).remove(code)
    tell({"harvest": code, "datasets": number}, f"{code} is forgotten, with {number} datasets.", as_json)


@app.command("list")
def list_harvests(as_json: AsJson = False) -> None:
    """List every neighbour's catalogue, with its last run."""
    with _harvests() as harvests:
        found = [(one, harvests.last_run(one.code)) for one in harvests.every()]
    rows = [
        [
            one.code,
            one.title or one.catalogue or one.url,
            one.kind,
            last and last.state.value,
            last and last.began_at,
        ]
        for one, last in found
    ]
    columns = ["harvest", "catalogue", "kind", "last run", "begun"]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        shown = [[*row[:4], f"{row[4]:%Y-%m-%d %H:%M}" if row[4] else None] for row in rows]
        console.print(table("Neighbours' catalogues", columns, shown))


@app.command()
def show(
    code: Code,
    after: Annotated[str, typer.Option(help="Go on behind this id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows of each table.")] = 50,
    vanished: Annotated[bool, typer.Option("--vanished", help="Show what is there no more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a catalogue's last run, what it skipped and why, and the datasets it holds."""
    with _harvests() as harvests:
        one, last = harvests.harvest(code), harvests.last_run(code)
        skipped = harvests.skipped(last, limit) if last else []
        entries = harvests.entries(code, after=after, limit=limit, vanished=vanished)
    if as_json:
        told = {
            "harvest": one.code,
            "url": one.url,
            "kind": one.kind,
            "catalogue": one.catalogue,
            "title": one.title,
        }
        told |= {
            "last_run": _told(last) if last else None,
            "datasets": [entry.as_dict() for entry in entries],
        }
        print_json(told | {"skipped": [{"id": each.foreign_id, "reason": each.reason} for each in skipped]})
        return
    if last:
        console.print(
            table(f"Last run over {one.title or one.url}", ["what", "number"], list(_told(last).items()))
        )
    if skipped:
        console.print(
            table("Skipped", ["dataset", "why"], [[each.foreign_id, each.reason] for each in skipped])
        )
    rows = [[each.best_title(), each.publisher and each.publisher.name, each.foreign_id] for each in entries]
    console.print(table("Vanished" if vanished else "Datasets", ["title", "publisher", "id"], rows))


def _told(run: "Run") -> dict[str, Any]:
    from dataclasses import asdict

    counted = {"pages": run.pages, "seen": run.seen, **asdict(run.counts), "vanished": run.vanished}
    return {"run": run.number, "state": run.state.value, "problem": run.problem, **counted}


def _harvests() -> Any:
    """Open the harvests for reading."""
    from contextlib import contextmanager

    from audit.recording import record_administration
    from catalog.harvests import Harvests
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    @contextmanager
    def opened() -> Any:
        with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
            yield Harvests(connection, record_administration)

    return opened()
