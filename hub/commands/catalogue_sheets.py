"""``hub catalogue import`` and ``export``: entries as the workbooks that departments fill."""

from pathlib import Path
from typing import Annotated

import typer

from hub.commands.acting import As, acting
from hub.commands.administering import database_transaction
from hub.commands.screen import AsJson, console, print_json, tell

_SHOWN = 20
Marked = Annotated[
    Path | None,
    typer.Option(help="Where the copy with marked cells goes, if any is wrong; default: beside the file."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub catalogue``."""
    app.command("import")(import_entries)
    app.command("export")(export)


def import_entries(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The workbook (.xlsx).")],
    person: As,
    partial: Annotated[bool, typer.Option("--partial", help="Take the entries that are right.")] = False,
    marked: Marked = None,
    as_json: AsJson = False,
) -> None:
    """Take entries in from a workbook: new ones as drafts, known ones as changes or edits. All or nothing."""
    from catalog.sheets.book import opened_book
    from catalog.sheets.entry_form import read_entries
    from catalog.sheets.writing import write_marked
    from hub.catalogue.importing import OUTCOMES, refuse_marked, take_entries
    from hub.catalogue.opening import entries_of
    from infra.settings import load_settings

    copy = marked or file.with_name(f"{file.stem}-marked.xlsx")
    with opened_book(file) as book:
        written = read_entries(book, load_settings().sheet_rows)
        with acting(person) as now:
            entries = entries_of(now.hub.settings, now.connection, now.record)
            taken = take_entries(now.connection, entries, written, now.actor)
            if taken.faults and not partial:
                raise refuse_marked(book, written, taken.faults, copy)
        if taken.faults:
            write_marked(book, written.sheets, taken.faults, copy)
    told = {name: taken.number(name) for name in OUTCOMES}
    if as_json:
        faults = [fault.as_dict() for fault in taken.faults]
        print_json(
            told | {"entries": taken.outcomes, "faults": faults, "marked": str(copy) if faults else None}
        )
        return
    console.print(", ".join(f"{number} {name}" for name, number in told.items()) + ".")
    for fault in taken.faults[:_SHOWN]:
        console.print(str(fault))
    if taken.faults:
        console.print(f"{len(taken.faults)} faults, each marked in {copy}.")


def export(
    file: Annotated[Path, typer.Argument(help="Workbook to write (.xlsx).")],
    provider: Annotated[str | None, typer.Option(help="Of this organisation only.")] = None,
    state: Annotated[str | None, typer.Option(help="In this state only, as draft or published.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write entries to a workbook, as they are in force or else as they are being written; it can be imported again."""
    from catalog.entry_reader import EntryReader
    from hub.catalogue.importing import export_entries

    with database_transaction() as connection:
        number = export_entries(EntryReader(connection), file, provider, state)
    tell({"entries": number, "file": str(file)}, f"{number} entries are in {file}.", as_json)
