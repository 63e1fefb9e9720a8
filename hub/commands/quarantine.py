"""``hub quarantine``: the rows that were not let in, as work to be done."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.commands.screen import AsJson, actor, console, print_json, table

app = typer.Typer(
    no_args_is_help=True, help="Rows that were not let in: see, export, take back, replay, escalate."
)

Code = Annotated[str, typer.Argument(metavar="SOURCE", help="Code of a registered source.")]
One = Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="Only this source's.")]


@app.command()
def groups(source: One = None, as_json: AsJson = False) -> None:
    """Count the open entries by source and reason."""
    from base_libraries import quarantine
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
        found = quarantine.groups(connection, source)
    names = ("source", "reason", "entries", "since")
    rows = [[code, reason, number, since.isoformat(" ", "seconds")] for code, reason, number, since in found]
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        console.print(table("Open entries of the quarantine", names, rows))


@app.command("list")
def list_entries(
    source: One = None,
    reason: Annotated[
        str | None, typer.Option(help="Only entries with this reason, as 'item: rule'.")
    ] = None,
    after: Annotated[int, typer.Option(help="Go on behind this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Entries a page.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List open entries: where each row is at its department, and why it was refused. No value is shown."""
    from base_libraries import quarantine
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
        found = quarantine.entries(connection, source, reason, after, limit)
    names = ("number", "source", "row", "reasons", "since", "escalated")
    rows = [
        [entry.number, entry.source, entry.row_reference, "; ".join(f"{r['item']} {r['reason']}" for r in entry.reasons),
         entry.recorded_at.isoformat(" ", "seconds"), "yes" if entry.escalated_at else ""]
        for entry in found
    ]  # fmt: skip
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    console.print(table("Open entries of the quarantine", names, rows))
    if len(found) == limit:
        console.print(f"There may be more: --after {found[-1].number}")


@app.command()
def export(source: Code, file: Annotated[Path, typer.Argument(help="Workbook to write (.xlsx).")]) -> None:
    """Write a source's open entries, as delivered, into a workbook for its department."""
    from hub.composition import open_hub
    from hub.quarantine import export as exported
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        number = exported(hub, hub.source(source), file, actor())
    console.print(
        f"{number:,} rows of {source} are in {file}; wrong cells are coloured. Hand it to its department alone."
    )


@app.command("take-back")
def take(
    source: Code,
    file: Annotated[Path, typer.Argument(exists=True, help="The workbook, repaired.")],
    as_json: AsJson = False,
) -> None:
    """Take the repaired rows of an exported workbook in; rows settled before are left alone."""
    from hub.composition import open_hub
    from hub.quarantine import take_back
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        _tell(source, take_back(hub, hub.source(source), file), as_json)


@app.command()
def replay(source: Code, as_json: AsJson = False) -> None:
    """Judge a source's open entries anew, as delivered, after its definition was put right."""
    from hub.composition import open_hub
    from hub.quarantine import replay as replayed
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        _tell(source, replayed(hub, hub.source(source)), as_json)


@app.command()
def dismiss(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", help="Numbers of entries.")],
    reason: Annotated[str, typer.Option(help="Why they are given up; goes on the ledger.")],
) -> None:
    """Give entries up for good."""
    from hub.composition import open_hub
    from hub.quarantine import dismiss as dismissed
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        console.print(f"{dismissed(hub, numbers, reason, actor())} entries are dismissed.")


@app.command()
def escalate(
    working_days: Annotated[
        int, typer.Option(min=1, help="Age, in working days, from which an entry is late.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Escalate entries that have lain too long, once each."""
    from hub.composition import open_hub
    from hub.quarantine import escalate as escalated
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        late = escalated(hub, working_days, actor())
    if as_json:
        print_json(late)
    else:
        console.print(
            table(
                f"Escalated: open for over {working_days} working days", ["source", "entries"], late.items()
            )
        )


def _tell(source: str, taken: Any, as_json: bool) -> None:
    report = taken.report
    counts = {name: getattr(report, name, 0) for name in ("contributed", "unchanged", "quarantined")}
    told = {"tried": taken.tried, "settled_before": taken.settled_before} | counts
    if as_json:
        print_json(told)
    else:
        console.print(
            f"{source}: " + ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in told.items())
        )
