"""``hub catalogue search`` and ``reindex``: entries in force, by words in Chinese or English."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from hub.commands.administering import database_transaction
from hub.commands.screen import AsJson, console, print_json, table, tell

_COLUMNS = ("code", "name", "entry", "provider", "sharing", "update cycle", "open")


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub catalogue``."""
    app.command()(search)
    app.command()(reindex)


def search(
    words: Annotated[list[str], typer.Argument(help="What to look for; the last word may be its beginning.")],
    provider: Annotated[str | None, typer.Option(help="Of this organisation only.")] = None,
    category: Annotated[str | None, typer.Option(help="Of this category, or what begins so, as 307.")] = None,
    sharing: Annotated[str | None, typer.Option(help="unconditional, conditional or not_shared.")] = None,
    update_cycle: Annotated[str | None, typer.Option(help="As daily or monthly.")] = None,
    is_open: Annotated[
        bool | None, typer.Option("--open/--not-open", help="Open to society, or not.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Begin where an answer said `next`.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="So many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find entries in force, best first."""
    from catalog.search import Asked
    from catalog.search import search as find

    given = {
        "provider": provider,
        "category": category,
        "sharing": sharing,
        "update_cycle": update_cycle,
        "open": is_open,
    }
    filters = {name: value for name, value in given.items() if value is not None}
    asked = Asked(" ".join(words), filters, after, limit)
    with database_transaction() as connection:
        page = find(connection, asked)
    if as_json:
        print_json(page.as_dict())
        return
    if page.hits and not page.complete:
        console.print("No entry has all of it; these have some.")
    rows = [
        [
            one.code,
            _marked(one.name, one.marks),
            one.entry,
            one.provider,
            one.sharing,
            one.update_cycle,
            one.open,
        ]
        for one in page.hits
    ]
    console.print(table("Found", _COLUMNS, rows) if rows else "Nothing was found.")
    if page.next:
        console.print(f"There is more: --after {page.next}")


def reindex(as_json: AsJson = False) -> None:
    """Make anew what every entry in force is found by, as after the search's words have changed."""
    from catalog.search_index import reindex as index_anew

    with database_transaction() as connection:
        number = index_anew(connection)
    tell({"entries": number}, f"{number} entries can be found.", as_json)


def _marked(name: str, marks: Sequence[tuple[int, int]]) -> Text:
    shown = Text(name)
    for begin, end in marks:
        shown.stylize("bold", begin, end)
    return shown
