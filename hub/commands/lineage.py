"""``hub lineage``: where an item of a record came from, and what depends on a column, an item, a source or a resource."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

import typer

from hub.commands.screen import AsJson, actor, console, print_json, table

app = typer.Typer(
    no_args_is_help=True, help="Lineage: where an item came from, and what depends on a column or an item."
)

AsMermaid = Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart instead of tables.")]
Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Count calls from that month on; default: 90 days."),
]
Resource = Annotated[str, typer.Argument(metavar="RESOURCE", help="Code of a resource.")]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="Code of a registered source.")]


@app.command()
def item(
    resource: Resource,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The record's key.")],
    items: Annotated[
        list[str] | None, typer.Argument(metavar="[ITEM]...", help="Default: all items.")
    ] = None,
    version: Annotated[int | None, typer.Option(min=1, help="That version instead of the last.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="The version known at that time, ISO 8601; a date is its first moment in China."),
    ] = None,
    values: Annotated[bool, typer.Option("--values", help="Also show the values, masked.")] = False,
    purpose: Annotated[str | None, typer.Option(help="Why you look; default: 数据校核.")] = None,
    legal_basis: Annotated[
        str | None, typer.Option(help="The law you act under; default: Decree 809, article 26.")
    ] = None,
    case_code: Annotated[str | None, typer.Option("--case", help="The case it belongs to.")] = None,
    as_json: AsJson = False,
    mermaid: AsMermaid = False,
) -> None:
    """Follow items of a record back to columns, batch and rules, and to why other words lost. Goes on the ledger."""
    from base_libraries.origins import Moment
    from hub.composition import open_hub
    from hub.lineage.backward import LEGAL_BASIS, PURPOSE, Question, Reason, inspect
    from hub.lineage.picture import of_record
    from hub.windows import time_of
    from infra.settings import load_settings

    moment = Moment(version, time_of(as_of) if as_of else None)
    reason = Reason(actor(), purpose or PURPOSE, legal_basis or LEGAL_BASIS, case_code)
    with open_hub(load_settings()) as hub:
        found = inspect(
            hub, resource, key, Question(tuple(dict.fromkeys(items or ())), moment, values), reason
        )
    _show(found, as_json, mermaid, of_record, _print_record)


@app.command()
def column(
    source: Source,
    column: Annotated[str, typer.Argument(metavar="COLUMN", help="A column of the department's system.")],
    since: Since = None,
    as_json: AsJson = False,
    mermaid: AsMermaid = False,
) -> None:
    """Show what a column feeds, who reads that, how often, and what else depends on it."""
    from hub.lineage.forward import of_column

    def asked(hub: Any, connection: Any) -> Any:
        found = hub.source(source)
        return of_column(connection, found, hub.resources[found.resource], column)

    _impact(asked, since, as_json, mermaid)


@app.command("source")
def of_a_source(
    source: Source, since: Since = None, as_json: AsJson = False, mermaid: AsMermaid = False
) -> None:
    """Show what a source feeds, and what depends on it."""
    from hub.lineage.forward import of_source

    def asked(hub: Any, _connection: Any) -> Any:
        found = hub.source(source)
        return of_source(found, hub.resources[found.resource])

    _impact(asked, since, as_json, mermaid)


@app.command()
def resource(
    resource: Resource,
    item: Annotated[str | None, typer.Option(help="That item of it alone.")] = None,
    since: Since = None,
    as_json: AsJson = False,
    mermaid: AsMermaid = False,
) -> None:
    """Show what feeds a resource, or one item of it, and what depends on it."""
    from hub.lineage.backward import resource_of
    from hub.lineage.forward import of_resource

    def asked(hub: Any, _connection: Any) -> Any:
        return of_resource(resource_of(hub.resources, resource), hub.sources, item)

    _impact(asked, since, as_json, mermaid)


@app.command()
def runs(
    source: Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="Default: every source.")] = None,
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many runs.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the newest runs, and what became of the OpenLineage events of each."""
    from hub.composition import open_hub
    from hub.openlineage.announcing import told_runs
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        if source is not None:
            hub.source(source)
        with hub.database.engine(Role.APPLICATION).connect() as connection:
            found = told_runs(connection, source, number)
    if as_json:
        print_json(found)
        return
    rows = [
        [*list(run.values())[:2], f"{run['ended_at']:%m-%d %H:%M:%S}", *list(run.values())[3:]]
        for run in found
    ]
    names = ["run", "source", "ended", "outcome", "batches", "pulled", "events"]
    console.print(table("Runs, newest first", names, rows))


# ── on the screen ────────────────────────────────────────────────────────────────────────────────────


def _impact(asked: Callable[[Any, Any], Any], since: datetime | None, as_json: bool, mermaid: bool) -> None:
    from hub.composition import open_hub
    from hub.lineage.forward import Page, every_page
    from hub.lineage.picture import of_impact
    from infra.database import Role
    from infra.settings import load_settings

    day: date | None = since.date() if since else None
    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
        found = every_page(connection, asked(hub, connection), Page(day))
    _show(found, as_json, mermaid, of_impact, _print_impact)


def _show(
    found: Any, as_json: bool, mermaid: bool, draw: Callable[[Any], str], show: Callable[[Any], None]
) -> None:
    if mermaid:
        typer.echo(draw(found), nl=False)
    elif as_json:
        print_json(found)
    else:
        show(found)


def _print_record(found: Any) -> None:
    ended = f", until {found['valid_to'][:19]}" if found["valid_to"] else ""
    console.print(
        f"{found['resource']}, version {found['version']}, recorded {found['recorded_at'][:19]}{ended}"
    )
    rows = [_origin_row(told) for told in found["items"]]
    names = ["item", "source", "columns", "batch", "row", "rule", "value"]
    console.print(table("Where each item came from", names, rows))
    others = [
        [told["item"], other["source"], other["batch"], other["observed_at"][:19], other["says"], other["lost_by"],
         other.get("value")]
        for told in found["items"] for other in told["others"] if other["says"] != "nothing"
    ]  # fmt: skip
    if others:
        names = ["item", "source", "batch", "observed", "says", "lost by", "value"]
        console.print(table("What the others say", names, others))


def _origin_row(told: Any) -> list[Any]:
    origin = told["origin"]
    if origin is None:
        return [told["item"], None, None, None, None, "nobody says it", None]
    batch = str(origin["batch"]["number"])
    return [
        told["item"], origin["source"], ", ".join(origin["columns"]) or "(constant)", batch, origin.get("row"), origin["rule"],
        told.get("value"),
    ]  # fmt: skip


def _print_impact(found: Any) -> None:
    told = ", ".join(str(value) for name, value in found["of"].items() if name != "kind")
    console.print(
        f"{found['of']['kind']} {told} → {found['resource']['code']} ({found['resource']['title']})"
    )
    for role in found["roles"]:
        console.print(f"  it {role}")
    calls = {one["item"]: one["calls"] for one in found["calls"]}
    rows = [
        [item["item"], edge["source"], ", ".join(edge["columns"]), edge["kind"], edge["rank"], calls.get(item["item"], 0)]
        for item in found["items"] for edge in item["from"]
    ]  # fmt: skip
    names = ["item", "source", "columns", "becomes it by", "rank", f"calls since {found['since']}"]
    console.print(table("Items", names, rows))
    readers = [
        [reader["agreement"], reader["system"], ", ".join(one["item"] for one in reader["items"]),
         max((one["calls"] for one in reader["items"]), default=0), reader["valid_to"][:10]]
        for reader in found["agreements"]
    ]  # fmt: skip
    console.print(
        table("Agreements that read them", ["agreement", "system", "items", "calls", "until"], readers)
    )
    cards = [f"{card['subject']}" for card in found["scorecards"]]
    console.print(f"Scorecards: {', '.join(cards) or 'none yet'}. DAGs: {', '.join(found['dags'])}.")
