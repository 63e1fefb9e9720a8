"""``hub codes``: code sets in editions, what a code meant on a day, what became of it, and crosswalks."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.commands.code_screens import (
    show_changes,
    show_codes,
    show_crosswalk,
    show_editions,
    show_events,
    show_history,
    show_import,
    show_meaning,
    show_named,
)
from hub.commands.screen import AsJson, actor, print_json

app = typer.Typer(no_args_is_help=True, help="Code sets: editions, meanings by date, changes, crosswalks.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A code set; `hub codes list` shows all.")]
Code = Annotated[
    str, typer.Argument(metavar="CODE", help="A code; padding with zeros to 9 or 12 digits is understood.")
]
Of = Annotated[str, typer.Option("--of", help="The code set it is of.")]
InEdition = Annotated[
    str | None, typer.Option("--edition", help="An edition; default: what is shipped, else the newest.")
]
On = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day; default: the edition's, or today.")
]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Rows a page.")]
Title = Annotated[str | None, typer.Option(help="What it is called.")]
Standard = Annotated[str, typer.Option(help="The standard it follows.")]
NewEdition = Annotated[str | None, typer.Option("--edition", help="Name of the edition; default: its day.")]


@app.command("list")
def list_editions(as_json: AsJson = False) -> None:
    """List every code set with its editions."""
    from hub.code_answers import edition_told

    with _code_sets() as code_sets:
        found = [edition_told(one) for one in code_sets.editions()]
    print_json(found) if as_json else show_editions(found)


@app.command()
def show(
    name: Name,
    edition: InEdition = None,
    on: On = None,
    parent: Annotated[str | None, typer.Option(help="Only what stands right below this code.")] = None,
    after: Annotated[str, typer.Option(help="Go on behind this code.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Show the codes of a code set as they were on a day."""
    from hub.code_answers import division_told, edition_told
    from hub.code_crosswalks import day_of

    with _code_sets() as code_sets:
        one = code_sets.edition(name, edition)
        day = on.date() if on else day_of(one)
        rows = code_sets.at(one, day, after=after, limit=limit + 1, parent=parent)
    told = edition_told(one) | {"on": day.isoformat(), "codes": [division_told(row) for row in rows[:limit]]}
    told["next"] = rows[limit - 1].code if len(rows) > limit else None
    print_json(told) if as_json else show_codes(told)


@app.command("import")
def import_table(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="CSV or TSV, plain, .gz or .zst; together one edition."),
    ],
    name: Annotated[str, typer.Option(help="The code set.")],
    edition: NewEdition = None,
    title: Title = None,
    standard: Standard = "",
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day the table tells of.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import a table of codes as an edition: whole or not at all, on the ledger; the same content again changes nothing."""
    from hub.code_import import Labels, import_code_set
    from hub.composition import open_hub
    from infra.settings import load_settings

    labels = Labels(name, edition, title, standard, as_of.date() if as_of else None)
    with open_hub(load_settings()) as hub:
        report = import_code_set(hub, files, labels, actor=actor())
    show_import(report, as_json=as_json)


@app.command()
def changes(
    file: Annotated[Path, typer.Argument(help="A workbook or CSV with the columns of 区划代码变更情况.")],
    name: Annotated[str, typer.Option(help="The code set the changes are stored as.")] = "division_changes",
    edition: NewEdition = None,
    title: Title = None,
    standard: Standard = "",
    check: Annotated[bool, typer.Option("--check", help="Only tell what would be stored.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import an authority's notices of changes as events: each row becomes one, or it is told why it cannot."""
    from hub.code_import import Labels
    from hub.composition import open_hub
    from hub.division_changes import import_changes, judge_changes
    from infra.settings import load_settings

    if check:
        show_changes(judge_changes(file), as_json=as_json)
        return
    with open_hub(load_settings()) as hub:
        report = import_changes(hub, file, Labels(name, edition, title, standard), actor=actor())
    show_changes(report, as_json=as_json)


@app.command()
def at(
    code: Code, of: Of = "division", on: On = None, edition: InEdition = None, as_json: AsJson = False
) -> None:
    """Tell what a code meant on a day, or what it had become by then."""
    from hub.code_answers import code_on
    from hub.code_crosswalks import day_of

    with _code_sets() as code_sets:
        one = code_sets.edition(of, edition)
        told = code_on(code_sets, one, code, on.date() if on else day_of(one))
    print_json(told) if as_json else show_meaning(told)


@app.command()
def history(code: Code, of: Of = "division", edition: InEdition = None, as_json: AsJson = False) -> None:
    """Show every meaning a code had, and what happened to it."""
    from hub.code_answers import code_history

    with _code_sets() as code_sets:
        told = code_history(code_sets, code_sets.edition(of, edition), code)
    print_json(told) if as_json else show_history(told)


@app.command()
def events(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A code set.")] = "division",
    edition: InEdition = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Go on behind this number.")] = 0,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List what happened to codes: established, split, merged, renamed, recoded, moved, abolished."""
    from hub.code_answers import event_told
    from schemas.divisions import ALWAYS

    with _code_sets() as code_sets:
        day = since.date() if since else ALWAYS
        found = code_sets.events(code_sets.edition(name, edition), since=day, after=after, limit=limit)
    told = [{"number": number, **event_told(event)} for number, event in found]
    print_json(told) if as_json else show_events(told, limit)


@app.command()
def crosswalk(
    left: Annotated[
        str,
        typer.Argument(metavar="LEFT", help="[NAME:][EDITION][@DATE], such as division:shipped@2023-12-31."),
    ],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="The same, of the other table.")],
    changes: Annotated[
        str | None, typer.Option(help="NAME:EDITION that tells what happened between the two days.")
    ] = None,
    outcome: Annotated[
        list[str] | None, typer.Option(help="Only rows of this outcome; may be given again.")
    ] = None,
    within: Annotated[str, typer.Option(help="Only codes that begin so.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write all chosen rows to this .xlsx or .csv.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Go on behind this number.")] = 0,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Match two tables by name and parent, never by code alone; conflicts come first. What was matched is kept."""
    from hub.code_crosswalks import crosswalk_page
    from hub.composition import open_hub
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        told = crosswalk_page(
            hub.database, (left, right, changes), outcomes=outcome or [], within=within, after=after, limit=limit,
            out=out, actor=actor(),
        )  # fmt: skip
    print_json(told) if as_json else show_crosswalk(told)


@app.command()
def search(
    words: Annotated[str, typer.Argument(metavar="NAME", help="A name, or a part of one.")],
    of: Annotated[
        list[str] | None, typer.Option("--of", help="Only in this code set; may be given again.")
    ] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Find codes by name in every edition, those that are past too."""
    from hub.code_answers import division_told

    with _code_sets() as code_sets:
        found = code_sets.named(words, of or [], limit)
    told = [{"set": one.name, "edition": one.edition, **division_told(row)} for one, row in found]
    print_json(told) if as_json else show_named(told, limit)


def _code_sets() -> Any:
    """Open the code sets for reading."""
    from contextlib import contextmanager

    from catalog.code_sets import CodeSets
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    @contextmanager
    def opened() -> Any:
        with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
            yield CodeSets(connection)

    return opened()
