"""``hub resource``: publish what departments share, with its tables, schema and rules, and withdraw it."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.screen import AsJson, actor, console, print_json, table, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from hub.evolving import Evolution
    from schemas.resource import Resource

app = typer.Typer(no_args_is_help=True, help="Resources: what is shared, item by item.")
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The definition, as YAML or JSON.")]
Code = Annotated[str, typer.Argument(metavar="RESOURCE", help="Code of a resource.")]


@contextmanager
def _connected() -> "Iterator[Connection]":
    """Open the database, which need have no city and no sources; what is written commits when the block ends well."""
    from hub.published_resources import knowing
    from infra.database import Role, check_ready, open_database
    from infra.settings import load_settings

    with open_database(load_settings()) as database:
        check_ready(database)
        with knowing(database), database.engine(Role.APPLICATION).begin() as connection:
            yield connection


@app.command()
def publish(file: File, as_json: AsJson = False) -> None:
    """Publish a resource, or its next version: sources may contribute and agreements be made at once; nothing is restarted."""
    from hub.publishing import check_operators_own, publish_resource

    resource = _read(file)
    with _connected() as connection:
        check_operators_own(connection, resource.code)
        done = publish_resource(connection, resource, actor())
    told = {"resource": resource.code, "version": resource.version, "published": done.new}
    if not done.in_force:
        told |= _migrated(resource.code, as_json)
    said = "is published" if done.new else "was published already, word for word"
    tell(told, f"Resource {resource.code}, version {resource.version}, {said}.", as_json)


@app.command()
def plan(file: File, as_json: AsJson = False) -> None:
    """Say what publishing a definition would do to stored records, or why it would be refused; nothing is changed."""
    from hub.publishing import planned_for, refuse_used

    resource = _read(file)
    with _connected() as connection:
        planned = planned_for(connection, resource)
        if planned is not None:
            refuse_used(connection, planned)
    told: dict[str, Any] = {"resource": resource.code, "version": resource.version, "new": planned is None}
    if planned is not None:
        added = sorted({operation["name"] for operation in planned.columns})
        told |= {"columns": added, "indexes": [one["suffix"] for one in planned.indexes]}
        told |= {"records_indexed_by": list(planned.indexed), "dropped": list(planned.dropped)}
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        console.print(f"{name:20}{', '.join(value) if isinstance(value, list) else value}")


@app.command()
def migrate(resource: Code, as_json: AsJson = False) -> None:
    """Make records ready for the version that waits, and put it in force. Calls and ingests go on; stopped, it goes on from there."""
    told = {"resource": resource, **_migrated(resource, as_json)}
    tell(told, f"Resource {resource}, version {told['version']}, is in force.", as_json)


@app.command()
def contract(
    resource: Code,
    grace_days: Annotated[int, typer.Option(min=0, help="How long what was dropped is kept.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Take away what the version in force has dropped: out of every sealed record, then its columns. It cannot be undone."""
    from datetime import timedelta

    with _evolution(as_json) as evolution:
        done = evolution.contract(resource, timedelta(days=grace_days))
    told = {
        "resource": resource,
        "version": done.resource.version,
        "columns": list(done.dropped),
        "records": done.records,
    }
    left = ", ".join(done.dropped) or "nothing"
    tell(
        told,
        f"Taken away from resource {resource}: {left}; {sum(done.records.values())} sealed parts looked at.",
        as_json,
    )


@contextmanager
def _evolution(quiet: bool) -> "Iterator[Evolution]":
    from hub.evolving import Evolution
    from hub.published_resources import knowing
    from infra.database import check_ready, open_database
    from infra.keycheck import check_keyring
    from infra.keyring import FileKeyring
    from infra.settings import load_settings

    def tell_progress(step: str, records: int) -> None:
        if not quiet and console.is_terminal:
            console.print(f"{step}: {records:,} records")

    settings = load_settings()
    with open_database(settings) as database:
        check_ready(database)
        keyring = FileKeyring(settings.keyring)
        check_keyring(database, keyring)
        with knowing(database):
            yield Evolution(database, keyring, actor(), tell_progress)


def _migrated(code: str, quiet: bool) -> dict[str, Any]:
    with _evolution(quiet) as evolution:
        done = evolution.migrate(code)
    return {"version": done.resource.version, "records": done.records}


def _read(file: Path) -> "Resource":
    from schemas.errors import DefinitionError
    from schemas.resource import parse_resource

    try:
        return parse_resource(file.read_text(encoding="utf-8"), file.name)
    except UnicodeDecodeError:
        raise DefinitionError(f"{file.name} is not UTF-8.", file=file.name) from None


@app.command("list")
def list_resources(as_json: AsJson = False) -> None:
    """List every resource, shipped and published, with the version in force."""
    from schemas.resource import RESOURCES

    with _connected() as connection:
        published = _in_force(connection)
        known = list(RESOURCES.values())
    columns = ["resource", "title", "provider", "version", "items", "state"]
    rows = [
        [one.code, one.title, one.provider, one.version, len(one.items), _state(one, published)]
        for one in known
    ]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        console.print(table("Resources", columns, rows))


@app.command()
def show(resource: Code, as_json: AsJson = False) -> None:
    """Show a resource: its items, its JSON Schema (--json), the rules that follow from it, and its versions."""
    from schemas.resource import resource_named

    with _connected() as connection:
        known = resource_named(resource)
        told = _told(connection, known)
    if as_json:
        print_json(told)
        return
    for name in (
        "code",
        "title",
        "title_en",
        "provider",
        "catalogue_code",
        "sharing",
        "update_cycle",
        "state",
    ):
        console.print(f"{name:15}{told[name]}")
    columns = ["item", "title", "type", "length", "kept", "asked by", "rules"]
    console.print(
        table(f"Items of version {known.version}", columns, [_row(item, told) for item in known.items])
    )
    if told["versions"]:
        rows = [list(version.values()) for version in told["versions"]]
        console.print(table("Versions", list(told["versions"][0]), rows))


@app.command()
def withdraw(
    resource: Code,
    reason: Annotated[str, typer.Option(help="Why it is shared no longer; kept in the ledger.")],
    as_json: AsJson = False,
) -> None:
    """Share a published resource no longer: no calls, no contributions. What it holds is kept."""
    from hub.publishing import check_operators_own, withdraw_resource

    with _connected() as connection:
        check_operators_own(connection, resource)
        withdraw_resource(connection, resource, actor(), reason)
    tell({"resource": resource, "withdrawn": True}, f"Resource {resource} is withdrawn.", as_json)


def _in_force(connection: "Connection") -> set[str]:
    from audit.recording import record_administration
    from catalog.published_resource import PublishedResources

    every = PublishedResources(connection, record_administration).every()
    return {one.resource.code for one in every if one.in_force_at is not None}


def _state(resource: "Resource", published: set[str]) -> str:
    if resource.withdrawn:
        return "withdrawn"
    return "published" if resource.code in published else "shipped"


def _told(connection: "Connection", known: "Resource") -> dict[str, Any]:
    from audit.recording import record_administration
    from catalog.published_resource import PublishedResources
    from quality.definition import suite_of
    from quality.stated_rules import rules_for
    from schemas.publishable import written

    versions = PublishedResources(connection, record_administration).of(known.code)
    rules = rules_for(known, (), known.code, suite_of(known).rules)
    return written(known) | {
        "version": known.version,
        "state": _state(known, {one.resource.code for one in versions}),
        "schema": known.json_schema(),
        "rules": [{"item": rule.item, "rule": rule.name, "severity": rule.severity.value} for rule in rules],
        "versions": [
            {
                "version": one.resource.version,
                "published_at": one.published_at,
                "published_by": one.published_by,
                "in_force_at": one.in_force_at,
                "withdrawn_at": one.withdrawn_at,
            }
            for one in versions
        ],
    }


def _row(item: Any, told: dict[str, Any]) -> list[Any]:
    rules = ", ".join(rule["rule"] for rule in told["rules"] if rule["item"] == item.name)
    asked = "key" if item.key else "lookup" if item.lookup else ""
    kept = "sealed" if item.sealed else "in the clear"
    return [item.name, item.title, item.type.value, item.length, kept, asked, rules]
