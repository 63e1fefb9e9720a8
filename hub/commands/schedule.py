"""``hub schedule``: what is due, and which sources are paused."""

import getpass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.commands.screen import AsJson, console, print_json, table

app = typer.Typer(invoke_without_command=True, help="What is due to be pulled, and what is paused.")

Source = Annotated[str, typer.Argument(help="Code of the source.")]


@app.callback()
def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Show when each registered source was pulled last or pushed to, when it is due or expected, and by how much it is late."""
    if context.invoked_subcommand:
        return
    from datetime import UTC, datetime

    from hub.composition import open_hub
    from hub.schedule import timetable
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        found = timetable(hub, datetime.now(UTC))
        for broken in hub.broken:
            typer.echo(f"{broken.code} is left out: {broken.error}", err=True)
    if as_json:
        print_json([_described(due) for due in found])
        return
    columns = ("source", "schedule", "cron", "last success", "next due", "overdue", "state")
    console.print(table("Schedule, in China's time", columns, [_row(due) for due in found]))
    for due in found:
        if due.pause is not None:
            console.print(f"{due.source} is paused by {due.pause.actor}: {due.pause.reason}")


@app.command()
def pause(
    source: Source,
    reason: Annotated[str, typer.Option(help="Why; shown to whoever asks.")],
) -> None:
    """Pause a source: nobody pulls it until it is resumed. The others go on."""
    from hub.composition import open_hub
    from hub.pauses import pause as pause_source
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        changed = pause_source(hub, source, reason=reason, actor=_actor())
    console.print(f"{source} is paused." if changed else f"{source} was paused already.")


@app.command()
def resume(source: Source) -> None:
    """Let a source be pulled again; what it missed is pulled at the next run."""
    from hub.composition import open_hub
    from hub.pauses import resume as resume_source
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        changed = resume_source(hub, source, actor=_actor())
    console.print(f"{source} is resumed." if changed else f"{source} was not paused.")


@app.command("pools")
def write_pools(
    file: Annotated[Path, typer.Argument(help="JSON file to write, for `airflow pools import`.")],
) -> None:
    """Write the pools that an Airflow of one's own needs: one a department's system, with what it bears at a time."""
    import json

    from hub.airflow.pools import described
    from hub.registered import registered_sources
    from hub.systems import pools
    from infra.settings import load_settings

    found = described(pools(registered_sources(load_settings()).values()))
    file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    console.print(f"{len(found)} pools are in {file}.")


def _actor() -> str:
    return f"operator:{getpass.getuser()}"


def _row(due: Any) -> list[Any]:
    return [
        due.source, due.cycle, due.cron, _local(due.last_success), _local(due.next_due), _lasting(due.overdue), due.state,
    ]  # fmt: skip


def _local(moment: Any) -> str | None:
    from schemas.update_cycles import CHINA

    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M}" if moment else None


def _lasting(span: timedelta | None) -> str | None:
    if span is None:
        return None
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"


def _described(due: Any) -> dict[str, Any]:
    pause = due.pause
    return {
        "source": due.source, "department": due.department, "schedule": due.cycle, "cron": due.cron,
        "last_success": due.last_success, "next_due": due.next_due,
        "overdue_seconds": None if due.overdue is None else int(due.overdue.total_seconds()), "state": due.state,
        "pushed": due.pushed, "paused": None if pause is None else {"by": pause.actor, "since": pause.since, "reason": pause.reason},
    }  # fmt: skip
