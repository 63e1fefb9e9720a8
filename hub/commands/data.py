"""``hub ingest`` and ``hub status``: bring records in, and see what the libraries hold."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from hub.commands.screen import AsJson, console, print_json, table
from schemas.errors import UnknownSource

COUNTS = ("batches", "pulled", "contributed", "unchanged", "quarantined", "created", "updated", "closed")


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub`` itself."""
    app.command()(ingest)
    app.command()(status)


def ingest(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE...", help="Codes of the sources to ingest.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Ingest every registered source that is not paused.")
    ] = False,
    due: Annotated[bool, typer.Option("--due", help="Ingest what `hub schedule` shows as due.")] = False,
    since: Annotated[
        str | None, typer.Option("--from", help="Read a window of the past again: its start, ISO 8601.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="The end of that window, not part of it.")] = None,
    batch_rows: Annotated[
        int | None, typer.Option(min=100, help="Rows a batch; bounds the memory used.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring everything new of the sources into the libraries, or read a window of the past again."""
    from hub.composition import open_hub
    from hub.progress import ingest_each
    from hub.windows import window_of
    from infra.settings import load_settings

    window = window_of(since, until)
    settings = load_settings()
    with open_hub(settings, systems=True) as hub:
        chosen = _chosen(hub, sources or [], every, due)
        reports, failures = ingest_each(hub, chosen, batch_rows, window=window, quiet=as_json)
        if every or due:
            failures = {one.code: one.error for one in hub.broken} | failures
    if as_json:
        print_json(
            {
                "sources": [_described(r) for r in reports],
                "failures": {c: str(e) for c, e in failures.items()},
            }
        )
    else:
        console.print(report_table(reports))
        for report in reports:
            for rule in report.alerts:
                console.print(f"{report.source}: more rows than usual break the rule {rule}.", style="yellow")
    for code, error in failures.items():
        typer.echo(f"{code}: {error}", err=True)
    if failures:
        raise typer.Exit(1)


def _chosen(hub: Any, sources: list[str], every: bool, due: bool) -> list[str]:
    from datetime import UTC, datetime

    from hub.pauses import paused
    from hub.schedule import due_now, timetable

    if due:
        return due_now(timetable(hub, datetime.now(UTC)))
    if every:
        stopped = paused(hub)
        return [code for code in hub.sources if code not in stopped]
    if not sources:
        known = ", ".join(hub.sources)
        raise UnknownSource("No source is named.", hint=f"Name one or more of {known}, or say --all.")
    return sources


def report_table(reports: Iterable[Any]) -> Any:
    """Show what each source brought."""
    rows = [[r.source, *(getattr(r, name) for name in COUNTS), round(r.seconds, 1)] for r in reports]
    return table(
        "Ingested, in rows (created and updated: golden records)", ["source", *COUNTS, "seconds"], rows
    )


def _described(report: Any) -> dict[str, Any]:
    named = {name: getattr(report, name) for name in ("source", "resource", *COUNTS, "seconds")}
    return named | {name: dict(getattr(report, name)) for name in ("reasons", "warnings", "alerts")}


def status(as_json: AsJson = False) -> None:
    """Show the libraries, the sources, the ledger, and how far the calendar of working days reaches."""
    from hub.composition import open_hub
    from hub.status import read_status
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        found = read_status(hub)
    if as_json:
        print_json(found)
        return
    console.print(
        table(
            "Libraries", ["resource", "golden records", "versions superseded", "changes"], found["libraries"]
        )
    )
    console.print(
        table("Sources", ["source", "batches", "pulled", "quarantined", "last batch at"], found["sources"])
    )
    if found["broken"]:
        console.print(
            table("Definitions that are wrong", ["source", "from", "what is wrong"], found["broken"])
        )
    console.print(table("Ledger", ["kind", "outcome", "entries"], found["ledger"]))
    console.print(table("Calendar", ["lacks", "needed from", "needed now"], found["calendar"]))
