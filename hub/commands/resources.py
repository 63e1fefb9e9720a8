"""``hub resource``: publish what departments share, with its tables, schema and rules, and withdraw it."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.screen import AsJson, actor, console, print_json, table, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from schemas.resource import Resource

app = typer.Typer(no_args_is_help=True, help="Resources: what is shared, item by item.")
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
def publish(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The definition, as YAML or JSON.")
    ],
    as_json: AsJson = False,
) -> None:
    """Publish a resource: from now on sources may contribute to it and agreements be made on it. Nothing is restarted."""
    from hub.publishing import publish_resource
    from schemas.errors import DefinitionError
    from schemas.resource import parse_resource

    try:
        resource = parse_resource(file.read_text(encoding="utf-8"), file.name)
    except UnicodeDecodeError:
        raise DefinitionError(f"{file.name} is not UTF-8.", file=file.name) from None
    with _connected() as connection:
        done = publish_resource(connection, resource, actor())
    told = {"resource": resource.code, "version": resource.version, "published": done.new}
    said = "is published" if done.new else "was published already, word for word"
    tell(told, f"Resource {resource.code}, version {resource.version}, {said}.", as_json)


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
        console.print(f"{name:15}{told[name]}", markup=False)
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
    from hub.publishing import withdraw_resource

    with _connected() as connection:
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
