"""``hub airflow``: run a standalone Airflow that orders the hub's work."""

import time
from contextlib import ExitStack
from typing import Annotated

import typer

from hub.commands.screen import console

LOOK_AGAIN_SECONDS = 15.0  # after which sources registered meanwhile are given their pools


def register(app: typer.Typer) -> None:
    """Add the command to ``hub`` itself."""
    app.command()(airflow)


def airflow(
    port: Annotated[
        int | None, typer.Option(help="Loopback port of its web server; default: a free one.")
    ] = None,
) -> None:
    """Run Airflow until Ctrl-C: one DAG a source, and the work that follows their data. Nothing listens outside."""
    from hub.airflow.components import running
    from hub.airflow.home import USER, airflow_home
    from hub.airflow.pools import PoolKeeper
    from hub.composition import open_hub
    from hub.registered import registered_sources
    from hub.server import free_port
    from hub.systems import pools
    from infra.settings import load_settings

    settings = load_settings()
    with ExitStack() as stack:
        hub = stack.enter_context(open_hub(settings, systems=True))  # the tasks share its servers
        home = stack.enter_context(airflow_home(settings, port or free_port()))
        components = stack.enter_context(running(home, settings, console.print))
        keeper = PoolKeeper(home)
        keeper.keep(pools(registered_sources(settings).values()))
        console.print(
            f"Airflow orders {len(hub.sources)} sources. It is at {home.url}; log in as {USER} with {home.password()}\n"
            f"Logs are in {home.logs}. Ctrl-C stops it."
        )
        looked = time.monotonic()
        try:
            while True:
                components.check()
                if time.monotonic() - looked > LOOK_AGAIN_SECONDS:
                    keeper.keep(pools(registered_sources(settings).values()))
                    looked = time.monotonic()
                time.sleep(1)
        except KeyboardInterrupt:
            console.print()
