"""``hub explain``: which term of which agreement allows or refuses a call."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.administering import administered
from hub.commands.screen import AsJson, console, print_json, table

if TYPE_CHECKING:
    from catalog.explanation import Explanation

app = typer.Typer(no_args_is_help=True, help="Why something is allowed or refused.")


@app.callback()
def group() -> None:
    """Keep ``call`` a command of its own though it is the only one."""


@dataclass(frozen=True)
class Asked:
    """A call that somebody asks about."""

    items: tuple[str, ...]
    by: str | None
    purpose: str
    legal_basis: str
    number_of_keys: int


@app.command("call")
def call(
    system: Annotated[str, typer.Argument(help="The system that calls.")],
    resource: Annotated[str, typer.Argument(help="The resource it reads.")],
    purpose: Annotated[str, typer.Option(help="The purpose it states.")],
    legal_basis: Annotated[str, typer.Option(help="The legal basis it states.")],
    item: Annotated[
        list[str] | None, typer.Option(help="An item it asks for; may be given again. Default: all agreed.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="The lookup item it asks by. Default: the key.")] = None,
    keys: Annotated[int, typer.Option(min=1, help="How many keys it asks for.")] = 1,
    at: Annotated[
        datetime | None, typer.Option(help="When, in the time of this machine. Default: now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the terms that decide calls what they say of one. Exit code 1 where it would be refused."""
    from catalog.explanation import explain
    from catalog.system import SystemStatus
    from schemas.errors import AccessDenied
    from schemas.resource import resource_named

    known = resource_named(resource)
    asked = Asked(
        tuple(known.item(name).name for name in item or ()),
        by and known.item(by).name,
        purpose,
        legal_basis,
        keys,
    )
    moment = at.astimezone() if at else datetime.now(UTC)
    with administered() as (_hub, catalogue, _people):
        caller = catalogue.system(system)
        its = [one for one in catalogue.agreements() if (one.system, one.resource) == (system, resource)]
    if caller.status is not SystemStatus.ACTIVE:
        raise AccessDenied(
            f"System {system} is suspended, so all its calls are refused.", hint="Run: hub client resume"
        )
    explanation = explain(its, asked, moment)
    if as_json:
        print_json(explanation.as_dict())
    else:
        _show(explanation)
    raise typer.Exit(0 if explanation.allowing else 1)


def _show(explanation: "Explanation") -> None:
    for agreement, judged in explanation.judged:
        rows = [
            [
                one.term.name,
                one.term.article,
                "refuses" if one.refusal else "allows",
                str(one.refusal or one.term.asks),
            ]
            for one in judged
        ]
        console.print(table(f"Agreement {agreement.id}", ["term", "article", "", ""], rows))
    if explanation.allowing:
        console.print(f"Allowed, under agreement {explanation.allowing.id}.")
    else:
        console.print(f"Refused: {explanation.refusal}", markup=False)
