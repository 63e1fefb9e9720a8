"""``hub ingest`` and ``hub status``: bring records in, and see what the libraries hold."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hub.commands.screen import AsJson, console, print_json, table
from schemas.errors import HubError, UnknownSource

COUNTS = ("batches", "pulled", "contributed", "unchanged", "quarantined", "created", "updated")


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub`` itself."""
    app.command()(ingest)
    app.command()(status)


def ingest(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE...", help="Codes of the sources to ingest.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Ingest every registered source.")] = False,
    batch_rows: Annotated[
        int | None, typer.Option(min=100, help="Rows a batch; bounds the memory used.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring everything new of the sources into the libraries."""
    from hub.composition import open_hub
    from infra.settings import load_settings

    settings = load_settings()
    with open_hub(settings, systems=True) as hub:
        chosen = list(hub.sources) if every else (sources or [])
        if not chosen:
            known = ", ".join(hub.sources)
            raise UnknownSource("No source is named.", hint=f"Name one or more of {known}, or say --all.")
        reports, failures = ingest_each(hub, chosen, batch_rows, quiet=as_json)
    if as_json:
        print_json(
            {
                "sources": [_described(r) for r in reports],
                "failures": {c: str(e) for c, e in failures.items()},
            }
        )
    else:
        console.print(report_table(reports))
    for code, error in failures.items():
        typer.echo(f"{code}: {error}", err=True)
    if failures:
        raise typer.Exit(1)


def ingest_each(
    hub: Any, codes: Iterable[str], batch_rows: int | None = None, *, quiet: bool = False
) -> tuple[list[Any], dict[str, HubError]]:
    """Ingest source by source with a progress line each; one that fails never stops the next."""
    from hub.ingest import ingest_source

    reports, failures = [], {}
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=quiet) as progress:
        for code in codes:
            line = progress.add_task(f"{code}", total=None)

            def advance(step: Any, line: Any = line, code: str = code) -> None:
                progress.update(
                    line,
                    description=f"{code}: {step.stage}",
                    advance=step.rows if step.stage == "commit" else 0,
                )

            try:
                reports.append(ingest_source(hub, code, progress=advance, batch_rows=batch_rows))
                progress.update(line, description=code, total=reports[-1].pulled)
            except HubError as error:
                failures[code] = error
                progress.update(line, description=f"{code}: {error.title}")
    return reports, failures


def report_table(reports: Iterable[Any]) -> Any:
    """Show what each source brought."""
    rows = [[r.source, *(getattr(r, name) for name in COUNTS), round(r.seconds, 1)] for r in reports]
    return table(
        "Ingested, in rows (created and updated: golden records)", ["source", *COUNTS, "seconds"], rows
    )


def _described(report: Any) -> dict[str, Any]:
    named = {name: getattr(report, name) for name in ("source", "resource", *COUNTS, "seconds")}
    return named | {"reasons": dict(report.reasons), "warnings": dict(report.warnings)}


def status(as_json: AsJson = False) -> None:
    """Show the libraries, the sources and the ledger."""
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
    console.print(table("Ledger", ["kind", "outcome", "entries"], found["ledger"]))
