"""How ``hub catalogue`` reads the catalogue: show, list, history, diff, possible, check."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.acting import As, acting
from hub.commands.screen import AsJson, console, print_json, table, tell

if TYPE_CHECKING:
    from catalog.entries import Entries
    from catalog.workflow import Matter
    from hub.composition import Hub

Id = Annotated[str, typer.Argument(metavar="ENTRY", help="Id of the entry.")]
_COLUMNS = ("id", "code", "name", "provider", "category", "sharing", "state", "newest", "in_force")


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub catalogue``."""
    app.command("list")(list_entries)
    for command in (show, history, diff, possible, check):
        app.command()(command)


def tell_done(entry: str, matter: "Matter", as_json: bool) -> None:
    """Say what an act led to."""
    from hub.catalogue.answers import done_told

    told = done_told(entry, matter)
    due = (
        f" {matter.duty.replace('_', ' ').capitalize()} by {matter.due_at:%Y-%m-%d %H:%M} UTC."
        if matter.duty and matter.due_at
        else ""
    )
    tell(told, f"Version {told['version']} of {entry} is {matter.state}.{due}", as_json)


def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The entry, as YAML or JSON.")],
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with an entry, and keep nothing."""
    from catalog.entry import parse_entry

    entry = parse_entry(file.read_text(encoding="utf-8-sig"), file.name)
    tell({"entry": entry.id, "faults": []}, f"Entry {entry.id} is complete and right.", as_json)


def list_entries(
    provider: Annotated[str | None, typer.Option(help="Of this organisation only.")] = None,
    category: Annotated[str | None, typer.Option(help="Of this category, or what begins so, as 307.")] = None,
    state: Annotated[str | None, typer.Option(help="In this state only, as draft or published.")] = None,
    sharing: Annotated[str | None, typer.Option(help="unconditional, conditional or not_shared.")] = None,
    after: Annotated[str, typer.Option(help="Begin behind this id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List entries by id."""
    from hub.catalogue.answers import standing_told

    filters = {"provider": provider, "category": category, "state": state, "sharing": sharing}
    with _reading() as (entries, _):
        found = [standing_told(one) for one in entries.reader.listed(filters, after, limit)]
    if as_json:
        print_json(found)
    else:
        console.print(
            table("Catalogue", _COLUMNS, [[str(one[name] or "–") for name in _COLUMNS] for one in found])
        )


def show(
    entry: Id,
    version: Annotated[
        int | None, typer.Option(help="Default: the one in force, or else the newest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what an entry says, as it would be written, with where it stands and what is due."""
    from hub.catalogue.answers import entry_told

    with _reading() as (entries, _):
        told = entry_told(entries, entry, version)
        written = entries.reader.version(entry, version).as_yaml()
    if as_json:
        print_json(told)
        return
    console.print(
        f"# {entry} is {told['state']}; in force: {told['in_force'] or '–'}, newest: {told['newest']}",
    )
    for duty in told["duties"]:
        console.print(f"# {duty['duty'].replace('_', ' ')} by {duty['due_at']}, version {duty['version']}")
    console.print(written, soft_wrap=True)


def history(entry: Id, as_json: AsJson = False) -> None:
    """Show every act on every version, and what was said with it."""
    from hub.catalogue.answers import history_told

    with _reading() as (entries, _):
        told = history_told(entries.reader.history(entry))
    if as_json:
        print_json(told)
        return
    rows = [
        [one["at"][:16].replace("T", " "), one["version"], one["act"], one["state"], one["actor"],
         "; ".join(f"{name}: {value}" for name, value in one["facts"].items() if name != "digest")]
        for one in told
    ]  # fmt: skip
    console.print(table(f"History of {entry}", ("at", "version", "act", "state", "by", "said"), rows))


def diff(
    entry: Id,
    before: Annotated[
        int | None, typer.Option("--from", help="A version; default: the one in force.")
    ] = None,
    after: Annotated[int | None, typer.Option("--to", help="A version; default: the one under way.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a version changes, what of it breaks, and which agreements and sources that concerns."""
    from hub.catalogue.answers import diff_told
    from schemas.errors import MalformedRequest

    if (before is None) != (after is None):
        raise MalformedRequest("Give both --from and --to, or neither.")
    versions = None if before is None or after is None else (before, after)
    with _reading() as (entries, hub):
        told = diff_told(entries, entry, hub.sources, versions)
    if as_json:
        print_json(told)
        return
    names = ("element", "before", "after", "verdict", "reason")
    rows = [[_cell(one[name]) for name in names] for one in told["changes"]]
    console.print(table(f"Changes of {entry}", names, rows))
    concerned = [one["agreement"] for one in told["agreements"]]
    for what, found in (("Agreements", concerned), ("Sources", told["sources"])):
        console.print(f"{what} concerned: {', '.join(found) or 'none'}")


def possible(entry: Id, person: As, as_json: AsJson = False) -> None:
    """Say what a person may do with an entry now."""
    from hub.catalogue.answers import possible_told
    from hub.catalogue.opening import entries_of

    with acting(person) as now:
        acts = possible_told(entries_of(now.hub.settings, now.connection, now.record), entry, now.actor)
    tell({"entry": entry, "person": person, "possible": acts}, ", ".join(acts) or "nothing", as_json)


def _cell(value: Any) -> str:
    return "–" if value in (None, "") else str(value)


@contextmanager
def _reading() -> "Iterator[tuple[Entries, Hub]]":
    from audit.recording import record_administration
    from hub.catalogue.opening import entries_of
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).begin() as connection:
        yield entries_of(hub.settings, connection, record_administration), hub
