"""``hub city``: make the demo city's department systems, and let days pass in them."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hub.commands.screen import AsJson, console, print_json, table

app = typer.Typer(
    no_args_is_help=True,
    help="A city in a box: department systems as they really are, flaws and truth included.",
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Where the city's systems are.")]


@app.command()
def build(
    folder: Folder,
    persons: Annotated[int, typer.Option(min=100, help="How many persons live in the city.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same city.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Build the city's six department systems in DIR."""
    from hub.city.build import build_city

    with _spinner("Building the city", quiet=as_json) as told:
        summary = build_city(folder, persons, seed, progress=told)
    if as_json:
        print_json(asdict(summary))
        return
    console.print(table(f"City of {persons:,} persons in {folder}", ["source", "rows"], summary.rows.items()))
    console.print(
        table("Flaws put in, with the truth kept beside them", ["kind", "rows"], summary.flaws.items())
    )


@app.command()
def live(
    folder: Folder,
    days: Annotated[int, typer.Option(min=1, help="How many days pass.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Let days pass: births, moves, marriages, deaths, companies opened and closed, penalties repaired."""
    from hub.city.live import live as pass_days

    summary = pass_days(folder, days)
    if as_json:
        print_json(asdict(summary))
        return
    console.print(
        table(
            f"{days} days passed in {folder}; the city is {summary.day} days old",
            ["event", "count"],
            summary.events.items(),
        )
    )


class _spinner:  # noqa: N801 - reads as the function it is used as
    """Show which step runs, and for how long."""

    def __init__(self, title: str, *, quiet: bool) -> None:
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), disable=quiet
        )
        self._title = title

    def __enter__(self) -> "_spinner":
        self._progress.start()
        self._task = self._progress.add_task(self._title)
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, step: str, share: float) -> None:
        self._progress.update(self._task, description=f"{self._title}: {step} ({share:.0%})")
