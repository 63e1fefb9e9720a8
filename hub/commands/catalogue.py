"""``hub catalogue``: entries on their way to publication, act by act (Decree 809, articles 12 to 17)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands import (
    catalogue_coverage,
    catalogue_lists,
    catalogue_screens,
    catalogue_search,
    catalogue_sheets,
)
from hub.commands.acting import As, acting
from hub.commands.catalogue_screens import Id, tell_done
from hub.commands.screen import AsJson

if TYPE_CHECKING:
    from catalog.entry import CatalogueEntry
    from hub.commands.acting import Acting

app = typer.Typer(
    no_args_is_help=True, help="What departments share: entries, their versions and their way to publication."
)
for group in (catalogue_coverage, catalogue_lists, catalogue_screens, catalogue_search, catalogue_sheets):
    group.register(app)

File = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, help="The entry, as YAML or JSON; see docs/catalogue.md."),
]
MayFile = Annotated[
    Path | None,
    typer.Argument(exists=True, dir_okay=False, help="The entry, as YAML or JSON; see docs/catalogue.md."),
]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the event.")]


@app.command()
def draft(
    person: As,
    file: MayFile = None,
    from_resource: Annotated[
        str | None, typer.Option(help="Begin with the definition of this resource instead of a file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Begin an entry, of the department of the person who acts."""
    from schemas.errors import MalformedRequest

    if (file is None) == (from_resource is None):
        raise MalformedRequest("Give the file of an entry, or --from-resource, and not both.")
    with acting(person) as now:
        entry = _read(file) if file else _of_resource(now, str(from_resource))
        done = _entries(now).draft(entry, now.actor)
    tell_done(entry.id, done, as_json)


@app.command()
def change(file: File, person: As, as_json: AsJson = False) -> None:
    """Begin the next version of an entry; the one in force stays so until the next is published."""
    entry = _read(file)
    with acting(person) as now:
        done = _entries(now).change(entry, now.actor)
    tell_done(entry.id, done, as_json)


@app.command()
def edit(file: File, person: As, as_json: AsJson = False) -> None:
    """Write the version that is under way anew; it has to be assessed again."""
    entry = _read(file)
    with acting(person) as now:
        done = _entries(now).edit(entry, now.actor)
    tell_done(entry.id, done, as_json)


@app.command()
def assess(
    entry: Id,
    person: As,
    secrecy: Annotated[str, typer.Option(help="How the secrecy assessment came out.")],
    personal_information: Annotated[
        str, typer.Option(help="How the personal-information impact assessment came out.")
    ],
    as_json: AsJson = False,
) -> None:
    """Sign both assessments for the department; who wrote the version may not."""
    _act(entry, "assess", person, as_json, secrecy=secrecy, personal_information=personal_information)


@app.command()
def submit(entry: Id, person: As, as_json: AsJson = False) -> None:
    """Hand a version to the catalogue authority; an entry gets its code now."""
    _act(entry, "submit", person, as_json)


@app.command()
def review(
    entry: Id,
    person: As,
    approve: Annotated[bool, typer.Option("--approve", help="Approve the version.")] = False,
    give_back: Annotated[
        str | None,
        typer.Option("--return", metavar="REASONS", help="Return it; say everything that is amiss."),
    ] = None,
    consent: Annotated[
        str | None, typer.Option(help="That the authority consents to what the version breaks, and why.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Approve a version for the authority, or return it."""
    from schemas.errors import MalformedRequest

    if approve == (give_back is not None):
        raise MalformedRequest("Say --approve, or --return with the reasons.")
    if approve:
        _act(entry, "approve", person, as_json, consent=consent)
    else:
        _act(entry, "return", person, as_json, reasons=give_back)


@app.command()
def publish(entry: Id, person: As, as_json: AsJson = False) -> None:
    """Put a version that was approved in force."""
    _act(entry, "publish", person, as_json)


@app.command()
def withdraw(entry: Id, person: As, reason: Reason, as_json: AsJson = False) -> None:
    """Take an entry out of force, for the authority."""
    _act(entry, "withdraw", person, as_json, reason=reason)


@app.command("ask-withdrawal")
def ask_withdrawal(entry: Id, person: As, reason: Reason, as_json: AsJson = False) -> None:
    """Ask, for the department, that an entry be withdrawn."""
    _act(entry, "ask-withdrawal", person, as_json, reason=reason)


@app.command()
def discard(entry: Id, person: As, reason: Reason = "", as_json: AsJson = False) -> None:
    """Give up a version that is not published."""
    _act(entry, "discard", person, as_json, reason=reason)


@app.command("note-change")
def note_change(
    entry: Id,
    person: As,
    reason: Reason,
    since: Annotated[
        str | None, typer.Option(help="The day of the change, CCYY-MM-DD; default: today.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say that law or duty has changed: the next version is due within 10 working days."""
    _act(entry, "note-change", person, as_json, reason=reason, since=since)


@app.command()
def extend(entry: Id, person: As, reason: Reason, as_json: AsJson = False) -> None:
    """Consent, for the authority, to 5 working days more to reflect a change of law or duty."""
    _act(entry, "extend", person, as_json, reason=reason)


def _act(entry: str, name: str, person: str, as_json: bool, **said: str | None) -> None:
    from hub.catalogue.acts import act

    with acting(person) as now:
        done = act(_entries(now), entry, name, now.actor, said)
    tell_done(entry, done, as_json)


def _entries(now: "Acting") -> Any:
    from hub.catalogue.opening import entries_of

    return entries_of(now.hub.settings, now.connection, now.record)


def _read(file: Path) -> "CatalogueEntry":
    from catalog.entry import parse_entry
    from schemas.errors import DefinitionError

    try:
        return parse_entry(file.read_text(encoding="utf-8-sig"), file.name)
    except UnicodeDecodeError:
        raise DefinitionError(f"{file.name} is not UTF-8.") from None


def _of_resource(now: "Acting", code: str) -> "CatalogueEntry":
    from catalog.entry import entry_of
    from catalog.repository import Catalogue
    from schemas.resource import resource_named

    provider = Catalogue(now.connection, now.record).organisation(now.actor.organisation or "")
    return entry_of(resource_named(code), provider.code, provider=provider.name)
