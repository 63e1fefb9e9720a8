"""``hub application``: what departments apply for, and each step to its agreement (Decree 809, articles 20 to 28)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands import application_screens
from hub.commands.acting import As, acting
from hub.commands.application_screens import Id, tell_done
from hub.commands.screen import AsJson, console, print_json, table

if TYPE_CHECKING:
    from catalog.applications import Applications
    from hub.commands.acting import Acting

app = typer.Typer(no_args_is_help=True, help="Applications for data, and their way to agreements.")
application_screens.register(app)

File = Annotated[
    Path,
    typer.Argument(
        exists=True, dir_okay=False, help="The application, as YAML or JSON; see docs/sharing.md."
    ),
]
Reason = Annotated[str, typer.Option(help="Why; the other side reads it.")]
Note = Annotated[str | None, typer.Option(help="What else there is to say.")]
_PAIR = "may be given again."

_PLAIN: Mapping[str, str] = {
    "submit": "Hand a complete application to the head of one's own office; everything that is missing is told at once.",
    "support": "Stand by an application, as head of the applicant's office; who wrote it may not.",
    "consent": "Consent to ten working days more, as the authority.",
    "concede": "Give in to a dispute, as the provider.",
    "refer": "Ask the authority, when negotiation has failed.",
    "refer-up": "Ask the authority's government.",
}
_REASONED: Mapping[str, str] = {
    "hand-back": "Hand an application back to who wrote it, as head of the applicant's office.",
    "extend": "Ask the authority for ten working days more, once.",
    "refuse": "Refuse an application, as head of the provider's office.",
    "dispute": "Dispute a refusal.",
    "overrule": "Overrule a refusal, as the authority: the provider has to agree.",
    "uphold": "Uphold a refusal, as the authority.",
}
_NOTED: Mapping[str, str] = {
    "deliver": "Confirm that it is delivered: the agreement is in force.",
    "withdraw": "Give an application up.",
}


@app.command("draft")
def draft(file: File, person: As, as_json: AsJson = False) -> None:
    """Begin an application of one's own organisation; it may lack anything yet."""
    from catalog.application import application_told

    with acting(person) as now:
        applications = _applications(now)
        application = application_told(_told(file), applications.zone)
        done = applications.draft(application, now.actor).matter
        faults = applications.faults(done.id)
    lacks = f" {_counted(len(faults))} missing: hub application check {done.id}" if faults else ""
    tell_done(done, as_json, lacks)


@app.command("edit")
def edit(application: Id, file: File, person: As, as_json: AsJson = False) -> None:
    """Write a draft anew."""
    _do(application, "edit", person, as_json, elements=_told(file))


@app.command("complete")
def complete(application: Id, file: File, person: As, as_json: AsJson = False) -> None:
    """Add what the provider said was missing; the clock has gone on."""
    _do(application, "complete", person, as_json, elements=_told(file))


@app.command("examine")
def examine(
    application: Id,
    person: As,
    opinion: Annotated[str, typer.Option(help="What the head should know to decide.")],
    as_json: AsJson = False,
) -> None:
    """Give an opinion, as the provider's officer; another decides."""
    _do(application, "examine", person, as_json, opinion=opinion)


@app.command("return")
def return_(
    application: Id,
    person: As,
    missing: Annotated[list[str], typer.Option(help=f"As ELEMENT=what is missing; {_PAIR}")],
    as_json: AsJson = False,
) -> None:
    """Return an application once, with everything that is missing; the clock goes on."""
    _do(application, "return", person, as_json, missing=pairs(missing, "--missing"))


@app.command("approve")
def approve(
    application: Id,
    person: As,
    without: Annotated[list[str] | None, typer.Option(help=f"As ITEM=why it is left out; {_PAIR}")] = None,
    as_json: AsJson = False,
) -> None:
    """Agree, as the provider: the agreement carries what was applied for, but for what is left out."""
    said = {"without": pairs(without, "--without")} if without else {}
    _do(application, "approve", person, as_json, **said)


@app.command("tick")
def tick(as_json: AsJson = False) -> None:
    """Do what is due: remind, escalate, grant by silence, let lapse and expire. What was done is not done again."""
    from hub.composition import open_hub
    from hub.sharing.desk import tick as ticked
    from infra.settings import load_settings

    settings = load_settings()
    with open_hub(settings) as hub:
        found = ticked(settings, hub.database)
    if as_json:
        print_json({"done": found.done, "failed": found.failed})
    else:
        rows = [(act, id_) for act, ids in found.done.items() for id_ in ids]
        console.print(table("Done", ("act", "of"), rows) if rows else "Nothing is due.")
        for id_, why in found.failed.items():
            typer.echo(f"{id_}: {why}", err=True)
    if found.failed:
        raise typer.Exit(1)


def _add_plain(name: str, says: str) -> None:
    def command(application: Id, person: As, as_json: AsJson = False) -> None:
        _do(application, name, person, as_json)

    app.command(name, help=says)(command)


def _add_reasoned(name: str, says: str) -> None:
    def command(application: Id, person: As, reason: Reason, as_json: AsJson = False) -> None:
        _do(application, name, person, as_json, reason=reason)

    app.command(name, help=says)(command)


def _add_noted(name: str, says: str) -> None:
    def command(application: Id, person: As, note: Note = None, as_json: AsJson = False) -> None:
        _do(application, name, person, as_json, **({"note": note} if note else {}))

    app.command(name, help=says)(command)


for _added, _commands in ((_add_plain, _PLAIN), (_add_reasoned, _REASONED), (_add_noted, _NOTED)):
    for _name, _says in _commands.items():
        _added(_name, _says)


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Read options of the form NAME=text, or raise ``ConfigurationError``."""
    from schemas.errors import ConfigurationError

    found = {name.strip(): text.strip() for name, _, text in (one.partition("=") for one in given or ())}
    if not all(name and text for name, text in found.items()):
        raise ConfigurationError(f"{option} takes NAME=text.", hint="Put it in quotes where it has spaces.")
    return found


def _do(id_: str, act: str, person: str, as_json: bool, **said: Any) -> None:
    with acting(person) as now:
        done = _applications(now).do(id_, act.replace("-", "_"), now.actor, said)
    tell_done(done, as_json)


def _applications(now: "Acting") -> "Applications":
    from hub.sharing.desk import applications_of

    return applications_of(now.hub.settings, now.connection, now.record)


def _told(file: Path) -> Any:
    import yaml

    from schemas.errors import DefinitionError

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise DefinitionError(f"{file.name} cannot be read as YAML.", file=file.name) from None


def _counted(things: int) -> str:
    return "1 thing is" if things == 1 else f"{things} things are"
