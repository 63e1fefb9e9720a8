"""``hub contact``: which addresses of an organisation are told of duties."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.administering import database_transaction
from hub.commands.screen import AsJson, actor, console, print_json, table, tell

if TYPE_CHECKING:
    from catalog.contacts import Contacts

app = typer.Typer(no_args_is_help=True, help="Addresses of organisations that are told of duties by e-mail.")

Organisation = Annotated[str, typer.Argument(help="Code of the organisation.")]


@app.command("add")
def add(
    organisation: Organisation,
    address: Annotated[
        str, typer.Argument(help="The e-mail address; it is shown by hub contact list, and logged nowhere.")
    ],
    bearer: Annotated[
        list[str] | None,
        typer.Option(
            help="Whose duties it is told of: provider, user (its organisation's own); authority, security_administrator, "
            "system_administrator (everybody's). May be given again. Default: provider and user."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have an address told of duties."""
    from catalog.contact import OWN, Contact, bearers_named
    from hub.parties import contact_told

    added = Contact.made(organisation, address, bearers_named(bearer) if bearer else OWN)
    with _contacts() as contacts:
        contacts.add(added, actor=actor())
    whose = ", ".join(sorted(added.bearers))
    tell(contact_told(added), f"Contact {added.id} is told of duties as {whose}.", as_json)


@app.command("remove")
def remove(
    organisation: Organisation,
    contact: Annotated[str, typer.Argument(help="Id of the contact, as hub contact list shows it.")],
    as_json: AsJson = False,
) -> None:
    """Have an address told no more."""
    with _contacts() as contacts:
        contacts.remove(organisation, contact, actor=actor())
    told = {"id": contact, "organisation": organisation, "removed": True}
    tell(told, f"Contact {contact} is told no more.", as_json)


@app.command("list")
def list_contacts(
    organisation: Annotated[str | None, typer.Option(help="Code of an organisation: only its own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show who is told of whose duties, with the addresses."""
    from hub.parties import contact_told

    with _contacts() as contacts:
        found = contacts.all() if organisation is None else contacts.of(organisation)
    if as_json:
        print_json([contact_told(one) for one in found])
    elif found:
        rows = [(one.id, one.organisation, one.address, ", ".join(sorted(one.bearers))) for one in found]
        console.print(table("Contacts", ("contact", "organisation", "address", "told of duties as"), rows))
    else:
        console.print("Nobody is told. Add an address by hub contact add.")


@contextmanager
def _contacts() -> "Iterator[Contacts]":
    """Give the contacts in one transaction, which commits with its ledger entries when the block ends well."""
    from audit.recording import record_administration
    from catalog.contacts import Contacts

    with database_transaction() as connection:
        yield Contacts(connection, record_administration)
