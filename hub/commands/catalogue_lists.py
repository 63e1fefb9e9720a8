"""``hub catalogue demand``, ``responsibility`` and ``negative``: the lists that steer supply, line by line and as workbooks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.acting import As, acting
from hub.commands.administering import database_transaction
from hub.commands.screen import AsJson, console, print_json, table, tell

if TYPE_CHECKING:
    from catalog.lists.forms import SupplyList
    from catalog.lists.store import Lists
    from hub.commands.acting import Acting

_SHOWN = 40
_HELP = {
    "demand": "What users want of others (需求清单).",
    "responsibility": "Who must supply what by when, and the one source of each datum (责任清单).",
    "negative": "What may not be shared, and by which law (负面清单).",
}
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The workbook (.xlsx).")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the line.")]
Entry = Annotated[str, typer.Option(help="Id of the published entry.")]


def register(app: typer.Typer) -> None:
    """Add a group of commands for each list to ``hub catalogue``."""
    for kind, told in _HELP.items():
        group = typer.Typer(no_args_is_help=True, help=told)
        _add_writing(group, kind)
        _add_reading(group, kind)
        app.add_typer(group, name=kind)
        if kind == "demand":
            group.command()(candidates)
            group.command()(confirm)
        if kind == "responsibility":
            group.command()(supply)


def _add_writing(group: typer.Typer, kind: str) -> None:
    @group.command()
    def add(
        elements: Annotated[
            list[str],
            typer.Argument(
                metavar="ELEMENT=VALUE…", help="What the line says, as name=租金补贴; see docs/catalogue.md."
            ),
        ],
        person: As,
        as_json: AsJson = False,
    ) -> None:
        """Write a line; with the id of one, write that one anew."""
        with acting(person) as now:
            id_, outcome = _lists(now).put(_list(kind), _given(elements), now.actor)
        tell({"id": id_, "outcome": outcome}, f"{id_} is {outcome}.", as_json)

    @group.command()
    def drop(id_: Id, person: As, as_json: AsJson = False) -> None:
        """Take a line off the list."""
        with acting(person) as now:
            _lists(now).drop(_list(kind), id_, now.actor)
        tell({"id": id_, "outcome": "dropped"}, f"{id_} is off the list.", as_json)

    @group.command("import")
    def import_lines(
        file: File,
        person: As,
        marked: Annotated[
            Path | None, typer.Option(help="Where the copy with marked cells goes, if any is wrong.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Take lines in from a workbook, all or nothing."""
        from catalog.sheets.book import opened_book
        from hub.catalogue.list_files import take_lines

        copy = marked or file.with_name(f"{file.stem}-marked.xlsx")
        with opened_book(file) as book, acting(person) as now:
            most = now.hub.settings.sheet_rows
            taken = take_lines(now.connection, _lists(now), _list(kind), book, now.actor, most, copy)
        told = {name: taken[name] for name in ("added", "changed", "unchanged")}
        tell(told, ", ".join(f"{number} {name}" for name, number in told.items()) + ".", as_json)


def _add_reading(group: typer.Typer, kind: str) -> None:
    @group.command("list")
    def list_lines(
        organisation: Annotated[str | None, typer.Option(help="Of this organisation only.")] = None,
        after: Annotated[str, typer.Option(help="Begin behind this id.")] = "",
        limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 100,
        as_json: AsJson = False,
    ) -> None:
        """Show the list."""
        from hub.catalogue.list_files import line_told

        with database_transaction() as connection:
            found = _reading(connection).listed(_list(kind), organisation, after, limit)
        if as_json:
            print_json([line_told(line) for line in found])
            return
        columns = list(_list(kind).form.columns)
        console.print(
            table(
                _list(kind).form.title, columns, [[_cell(line[name]) for name in columns] for line in found]
            )
        )

    @group.command()
    def export(
        file: Annotated[Path, typer.Argument(help="Workbook to write (.xlsx).")], as_json: AsJson = False
    ) -> None:
        """Write the list to a workbook that can be imported again."""
        from hub.catalogue.list_files import export_lines

        with database_transaction() as connection:
            number = export_lines(_reading(connection), _list(kind), file)
        tell({"lines": number, "file": str(file)}, f"{number} lines are in {file}.", as_json)


def candidates(id_: Id, as_json: AsJson = False) -> None:
    """Show the published entries that have most of what a demand wants; `confirm` says which does."""
    from catalog.lists.forms import DEMAND
    from catalog.lists.matching import candidates as found_for

    with database_transaction() as connection:
        found = found_for(connection, _reading(connection).line(DEMAND, id_))
    if as_json:
        print_json(
            [
                {"entry": one.entry, "name": one.name, "provider": one.provider, "items": one.items}
                for one in found
            ]
        )
        return
    rows = [[one.entry, one.name, one.provider, "、".join(one.items)] for one in found]
    console.print(table(f"Candidates for {id_}", ("entry", "name", "provider", "items"), rows))


def confirm(id_: Id, entry: Entry, person: As, as_json: AsJson = False) -> None:
    """Say, for who wants it, that a published entry gives what is wanted."""
    with acting(person) as now:
        _lists(now).confirm(id_, entry, now.actor)
    tell({"id": id_, "status": "matched", "entry": entry}, f"{id_} is matched by {entry}.", as_json)


def supply(id_: Id, entry: Entry, person: As, as_json: AsJson = False) -> None:
    """Say, for the authority, that a published entry of the responsible organisation supplies its datum."""
    with acting(person) as now:
        _lists(now).supply(id_, entry, now.actor)
    tell({"id": id_, "entry": entry}, f"{id_} is supplied by {entry}.", as_json)


def _list(kind: str) -> "SupplyList":
    from catalog.lists.forms import LISTS

    return LISTS[kind]


def _lists(now: "Acting") -> "Lists":
    from catalog.lists.store import Lists

    return Lists(now.connection, now.record)


def _reading(connection: Any) -> "Lists":
    from audit.recording import record_administration
    from catalog.lists.store import Lists

    return Lists(connection, record_administration)


def _given(elements: list[str]) -> dict[str, str]:
    from schemas.errors import MalformedRequest

    given: dict[str, str] = {}
    for told in elements:
        name, sign, value = told.partition("=")
        if not sign or name in given:
            raise MalformedRequest(f"{told!r} is not ELEMENT=VALUE, each element once.")
        given[name] = value
    return given


def _cell(value: Any) -> str:
    return "、".join(value) if isinstance(value, list) else "–" if value is None else str(value)
