"""What every command prints with: one console, tables, and ``--json`` for machines."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

WIDE = 120  # columns of a file or a pipe, which have no width of their own


def wide_console() -> Console:
    """Make a console as wide as the terminal, or wide enough for every table; what people wrote is never taken for markup."""
    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, markup=False, emoji=False, width=None if narrow else WIDE)


console = wide_console()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of tables.")]


def actor() -> str:
    """Name who works at this terminal, as the ledger has it."""
    import getpass

    return f"operator:{getpass.getuser()}"


def here() -> ZoneInfo:
    """Return the time zone in which moments are shown: the hub's, by whose days deadlines end, whatever the machine's is."""
    from infra.settings import load_settings

    return ZoneInfo(load_settings().time_zone)


def last_day(due: datetime, zone: ZoneInfo) -> str:
    """Show the last day on which something is not late yet."""
    return (due - timedelta(microseconds=1)).astimezone(zone).date().isoformat()


def print_json(value: Any) -> None:
    """Print one JSON document to standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def tell(told: Mapping[str, Any], sentence: str, as_json: bool) -> None:
    """Say what was done, as a sentence or as a document."""
    if as_json:
        print_json(told)
    else:
        console.print(sentence)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> RenderableType:
    """Make a table under its title; numbers are right-aligned and grouped by thousands."""
    made = Table(header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(columns))
    shown = [[_cell(value) for value in row] for row in rows]
    for place, column in enumerate(columns):
        numeric = bool(shown) and all(_numeric(str(row[place])) for row in shown)
        made.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=place == 0)
    for row in shown:
        made.add_row(*row)
    return Group(Text(title, style="bold"), made)


def _cell(value: Any) -> str | Text:
    if isinstance(value, Text):
        return value
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def _numeric(text: str) -> bool:
    return text == "–" or text.replace(",", "").replace(".", "").replace("%", "").isdigit()
