"""``hub serve``, ``hub call`` and ``hub bench``: run the hub, ask it, measure it."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from hub.commands.screen import AsJson, console, print_json
from schemas.errors import ConfigurationError, SourceUnreachable


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub`` itself."""
    app.command()(serve)
    app.command()(call)
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


def call(
    resource: Annotated[str, typer.Argument(help="Code of the resource, e.g. natural_person.")],
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="One key, or up to 1,000.")],
    system: Annotated[
        str, typer.Option("--as", help="The system that calls; its key must be on this machine.")
    ],
    purpose: Annotated[str, typer.Option(help="What the data is for.")],
    legal_basis: Annotated[str, typer.Option(help="The law acted under.")],
    case: Annotated[str, typer.Option(help="The case (办件) it is for.")],
    item: Annotated[
        list[str] | None, typer.Option(help="An item to ask for; may be given again. Default: all agreed.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Ask by this lookup item instead of the key.")] = None,
    provenance: Annotated[bool, typer.Option(help="Also say which department each value is from.")] = False,
    url: Annotated[str | None, typer.Option(help="The hub; default: the one of the settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a running hub for records, as an approval system would. The answer is JSON; the call is on the ledger."""
    from hub.caller import Caller, Statement, load_private_key
    from infra.settings import load_settings

    settings = load_settings()
    key = load_private_key(settings.home, system)
    address = url or f"http://{settings.host}:{settings.port}"

    async def ask() -> tuple[int, object]:
        import httpx

        try:
            async with Caller(address, system, key, Statement(purpose, legal_basis, case)) as caller:
                if len(keys) == 1 and not by:
                    answer = await caller.record(resource, keys[0], items=item or (), provenance=provenance)
                else:
                    answer = await caller.query(
                        resource, keys, items=item or (), by=by, provenance=provenance
                    )
        except httpx.TransportError as error:
            raise SourceUnreachable(
                f"No hub answers at {address}.", hint="Start one with: hub serve"
            ) from error
        return answer.status_code, answer.json()

    status, answer = asyncio.run(ask())
    print_json(answer) if as_json or sys.stdout.isatty() is False else console.print_json(
        data=answer, ensure_ascii=False
    )
    if status >= 400:
        raise typer.Exit(1)


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
