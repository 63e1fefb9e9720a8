"""``hub serve`` and ``hub bench``: run the hub, measure it."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from hub.commands.screen import console
from schemas.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub`` itself."""
    app.command()(serve)
    app.command()(bench)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default HUB_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default HUB_PORT.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Server processes; default HUB_WORKERS.")] = None,
) -> None:
    """Run the hub until Ctrl-C. An embedded database is brought up to date first; a server's needs `hub db upgrade`."""
    from hub.server import command, environment
    from hub.upgrade import upgrade_database
    from infra.database import check_ready, open_database
    from infra.settings import load_settings

    chosen = {
        name: value
        for name, value in (("host", host), ("port", port), ("workers", workers))
        if value is not None
    }
    settings = load_settings().model_copy(update=chosen)
    with open_database(settings) as database:
        if settings.database_url:
            check_ready(database)
        else:
            upgrade_database(database)
        console.print(
            f"The hub listens on http://{settings.host}:{settings.port} (its API: /openapi.json and docs/api.md). Ctrl-C stops it."
        )
        process = subprocess.Popen(command(settings), env=environment(settings))
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()  # it need not have been told: only a terminal tells every process of a group
            code = process.wait()
    if code not in (0, -signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM):
        raise ConfigurationError(f"The server stopped with status {code}; its last lines above say why.")


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="calls, batch, ingest; default: all.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures to this file.")
    ] = None,
    persons: Annotated[int, typer.Option(min=1000, help="Persons in the city that is measured on.")] = 50_000,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each side; medians are printed.")] = 5,
) -> None:
    """Measure speed, as ratios inside one run, against the limit and against peers."""
    root = Path(__file__).parents[2]
    if not (root / "benchmarks").is_dir():
        raise ConfigurationError(
            "The benchmarks are in the source tree, not in the package.", hint="Run this in a clone."
        )
    arguments = [*(names or []), "--persons", str(persons), "--runs", str(runs)]
    if json_file:
        arguments += ["--json", str(json_file.absolute())]
    raise typer.Exit(
        subprocess.run([sys.executable, "-m", "benchmarks", *arguments], cwd=root, check=False).returncode
    )
