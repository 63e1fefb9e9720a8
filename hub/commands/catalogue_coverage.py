"""``hub catalogue coverage``: how far the catalogue reaches."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.screen import AsJson, console, print_json, table

if TYPE_CHECKING:
    from catalog.coverage import Coverage

_COLUMNS = (
    "title",
    "value",
    "published",
    "sourced",
    "read",
    "punctual",
    "items",
    "named",
    "to supply",
    "met",
    "late",
    "wanted",
    "given",
)


def register(app: typer.Typer) -> None:
    """Add the command to ``hub catalogue``."""
    app.command()(coverage)


def coverage(
    by: Annotated[
        str | None, typer.Option(help="organisation, class, category, theme or sharing only.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count what is published, has a source, is read and is up to date, and which responsibilities and demands are met."""
    from catalog.coverage import BY
    from hub.catalogue.counting import coverage_of
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings
    from schemas.errors import MalformedRequest

    if by is not None and by not in BY:
        raise MalformedRequest(f"There is no counting by {by}.", hint=f"There are: {', '.join(BY)}.")
    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
        found = [one for one in coverage_of(connection, hub.settings, hub.sources) if by in (None, one.by)]
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for counted in dict.fromkeys(one.by for one in found):
        rows = [[one.title or "all", one.value or "–", *_figures(one)] for one in found if one.by == counted]
        console.print(table(f"Coverage by {counted}" if counted in BY else "Coverage", _COLUMNS, rows))


def _figures(one: "Coverage") -> list[int | None]:
    from catalog.coverage import FIGURES

    return [getattr(one, name) for name in FIGURES]
