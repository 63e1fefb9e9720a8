"""``hub explain``: which term of which agreement allows or refuses a call."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.administering import administered
from hub.commands.screen import AsJson, console, print_json, table

if TYPE_CHECKING:
    from catalog.asking import Way
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
    case_code: str
    organisation: str
    provenance: bool
    signed: bool
    number_of_keys: int
    way: "Way"
    question: str
    filtered: tuple[str, ...] | None = None


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
    case: Annotated[str, typer.Option(help="The code of the case it states.")] = "",
    provenance: Annotated[bool, typer.Option(help="Whether it asks where values come from.")] = False,
    question: Annotated[
        str | None, typer.Option(help="The question it asks, as NAME@VERSION, rather than reading items.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Whether it verifies the items rather than reads them.")
    ] = False,
    signed: Annotated[bool, typer.Option("--signed", help="Whether it is signed.")] = False,
    keys: Annotated[int, typer.Option(min=1, help="How many keys it asks for.")] = 1,
    at: Annotated[
        datetime | None, typer.Option(help="When, where the hub is (HUB_TIME_ZONE). Default: now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the terms that decide calls what they say of one; nothing is spent. Exit code 1 where it would be refused."""
    from catalog.asking import Way
    from catalog.explanation import explain
    from catalog.system import SystemStatus
    from catalog.terms import Circumstances
    from hub.calendar import calendar_in
    from infra.clock import now
    from schemas.errors import AccessDenied
    from schemas.resource import resource_named

    with administered() as (hub, catalogue, _people):
        known = resource_named(resource)
        items = tuple(known.item(name).name for name in item or ())
        caller = catalogue.system(system)
        its = [one for one in catalogue.agreements() if (one.system, one.resource) == (system, resource)]
        calendar = calendar_in(hub.settings).lenient()
        moment = at.replace(tzinfo=at.tzinfo or calendar.zone) if at else now()
        around = Circumstances(calendar, catalogue.spent(its, moment))
    by = by and known.item(by).name
    way = Way.VERIFY if verify else Way.DERIVE if question else Way.READ
    asked = Asked(
        items,
        by,
        purpose,
        legal_basis,
        case,
        caller.organisation,
        provenance,
        signed,
        keys,
        way,
        question or "",
    )
    if caller.status is not SystemStatus.ACTIVE:
        raise AccessDenied(
            f"System {system} is suspended, so all its calls are refused.", hint="Run: hub client resume"
        )
    explanation = explain(its, asked, moment, around)
    if as_json:
        print_json(explanation.as_dict())
    else:
        _show(explanation)
    raise typer.Exit(0 if explanation.allowing else 1)


def _show(explanation: "Explanation") -> None:
    for agreement, judged in explanation.judged:
        rows = [_row(explanation.told(agreement, one)) for one in judged]
        console.print(table(f"Agreement {agreement.id}", ["term", "article", "", "", "agreed"], rows))
    if explanation.allowing:
        console.print(f"Allowed, under agreement {explanation.allowing.id}.")
    else:
        console.print(f"Refused: {explanation.refusal}")


def _row(told: Mapping[str, Any]) -> list[str]:
    said = f"{told['detail']} {told['hint']}".strip() if "detail" in told else told["asks"]
    agreed = "" if "agreed" not in told else json.dumps(told["agreed"], ensure_ascii=False)
    left = f", {told['remaining']} left" if "remaining" in told else ""
    return [told["term"], told["article"], "allows" if told["allows"] else "refuses", said, agreed + left]
