"""``hub person``: who works with the hub, and in which roles."""

from typing import Annotated

import typer

from hub.commands.administering import administered
from hub.commands.screen import AsJson, actor, console, print_json, table, tell

app = typer.Typer(no_args_is_help=True, help="People who work with the hub, and their roles.")

Id = Annotated[str, typer.Argument(help="What they sign in as.")]
Roles = Annotated[
    list[str],
    typer.Option(
        "--role",
        help="publisher, user, catalogue_authority, system_administrator, security_administrator or audit_administrator; "
        "may be given again. Nobody is two kinds of administrator.",
    ),
]


@app.command("add")
def add(
    person: Id,
    name: Annotated[
        str, typer.Option(help="Their name; it is shown to who decides with them, and logged nowhere.")
    ],
    organisation: Annotated[str, typer.Option(help="Code of the organisation they belong to.")],
    role: Roles,
    office: Annotated[str | None, typer.Option(help="Code of their office in it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register a person."""
    from catalog.person import Person, roles_named

    added = Person(person, name, organisation, roles_named(role), office)
    with administered() as (_hub, _catalogue, people):
        people.add_person(added, actor=actor())
    tell({"person": person, "roles": sorted(added.roles)}, f"{person} is registered.", as_json)


@app.command("roles")
def roles(person: Id, role: Roles, as_json: AsJson = False) -> None:
    """Give a person these roles, and no others."""
    from catalog.person import roles_named

    given = roles_named(role)
    with administered() as (_hub, _catalogue, people):
        people.set_roles(person, given, actor=actor())
    tell({"person": person, "roles": sorted(given)}, f"{person} is now {', '.join(sorted(given))}.", as_json)


@app.command("suspend")
def suspend(person: Id, as_json: AsJson = False) -> None:
    """Let a person act no more, from this moment, whether signed in or not."""
    from catalog.person import PersonStatus

    with administered() as (_hub, _catalogue, people):
        people.set_person_status(person, PersonStatus.SUSPENDED, actor=actor())
    tell({"person": person, "status": "suspended"}, f"{person} is suspended.", as_json)


@app.command("resume")
def resume(person: Id, as_json: AsJson = False) -> None:
    """Let a suspended person act again."""
    from catalog.person import PersonStatus

    with administered() as (_hub, _catalogue, people):
        people.set_person_status(person, PersonStatus.ACTIVE, actor=actor())
    tell({"person": person, "status": "active"}, f"{person} may act again.", as_json)


@app.command("list")
def list_people(as_json: AsJson = False) -> None:
    """List everybody who is registered."""
    with administered() as (_hub, _catalogue, people):
        known = people.people()
    columns = ["person", "name", "organisation", "office", "roles", "status"]
    rows = [
        [p.id, p.name, p.organisation, p.office, ", ".join(sorted(p.roles)), p.status.value] for p in known
    ]
    if as_json:
        print_json(
            [
                dict(zip(columns, row, strict=True)) | {"roles": sorted(p.roles)}
                for p, row in zip(known, rows, strict=True)
            ]
        )
    else:
        console.print(table("People", columns, rows))
