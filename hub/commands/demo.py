"""``hub demo``: the whole story, told with tables."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hub.commands.screen import console


def register(app: typer.Typer) -> None:
    """Add the command to ``hub`` itself."""
    app.command()(demo)


def demo(
    persons: Annotated[int, typer.Option(min=1000, help="How many persons live in the city.")] = 100_000,
    calls: Annotated[int, typer.Option(min=20, help="How many calls the approval system makes.")] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same city.")] = 7,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write all figures to this file.")
    ] = None,
) -> None:
    """Build a city, ingest it, let three days pass, ingest again, and make audited calls through the real server.

    Works in a folder of its own, `demo` in the hub's home, which it clears first; no other data is touched.
    """
    from hub.demo import run_demo
    from infra.settings import load_settings

    figures = run_demo(load_settings(), console, persons=persons, calls=calls, seed=seed)
    if json_file:
        json_file.write_text(
            json.dumps(figures, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8"
        )
        console.print(f"All figures are in {json_file}.")
