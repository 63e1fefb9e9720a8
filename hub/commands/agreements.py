"""``hub agreement``: on which terms each system may read."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.administering import administered
from hub.commands.screen import AsJson, actor, console, print_json, table, tell
from hub.commands.term_options import (
    AnswerForm,
    Bulk,
    Burst,
    Hours,
    OneOf,
    OwnCases,
    Quota,
    Rate,
    Signed,
    Texts,
    Within,
    terms_stated,
)

if TYPE_CHECKING:
    from catalog.agreement import Agreement

app = typer.Typer(no_args_is_help=True, help="What each system may read, for which purpose, until when.")


@app.command("add")
def add_agreement(
    system: Annotated[
        str, typer.Argument(help="The system that may read; or alone, a YAML file of a whole agreement.")
    ],
    resource: Annotated[str | None, typer.Argument(help="The resource it may read.")] = None,
    purpose: Annotated[Texts, typer.Option(help="A purpose it may state; may be given again.")] = None,
    legal_basis: Annotated[
        Texts, typer.Option(help="A legal basis it may state; may be given again.")
    ] = None,
    item: Annotated[
        Texts, typer.Option(help="An item it may read; may be given again. Default: all.")
    ] = None,
    mask: Annotated[Texts, typer.Option(help="An item it sees masked only; may be given again.")] = None,
    within: Within = None,
    one_of: OneOf = None,
    own_cases: OwnCases = False,
    hours: Hours = None,
    quota: Quota = None,
    rate: Rate = None,
    burst: Burst = 1,
    answer: AnswerForm = None,
    signed: Signed = False,
    bulk: Bulk = False,
    max_keys: Annotated[int, typer.Option(min=1, max=1000, help="How many keys a call.")] = 1000,
    days: Annotated[int, typer.Option(min=1, help="For how many days from now it holds.")] = 365,
    number: Annotated[
        str | None, typer.Option(help="The agreement's number; default: made from system and resource.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put an agreement in force; only what it names may be read (Decree 809, articles 20 and 25)."""
    from catalog.agreement_file import read_agreement

    told: dict[str, Any] = {}
    if resource is not None:
        told = {
            "id": number or f"{system}.{resource}",
            "system": system,
            "resource": resource,
            "items": item,
        }
        told |= {
            "purposes": purpose or [],
            "legal_bases": legal_basis or [],
            "masked": mask or [],
            "max_keys": max_keys,
        }
        told |= terms_stated(
            within=within, one_of=one_of, own_cases=own_cases, hours=hours, quota=quota, rate=rate, burst=burst, answer=answer, signed=signed,
            bulk=bulk,
        )  # fmt: skip
    with administered() as (_hub, catalogue, _people):  # only an open hub knows every resource
        agreement = _stated(told, days) if told else read_agreement(_text(Path(system)), system)
        catalogue.add_agreement(agreement, actor=actor())
    said = {
        "agreement": agreement.id,
        "items": list(agreement.items),
        "valid_to": agreement.valid_to.isoformat(),
    }
    until = f"until {agreement.valid_to:%Y-%m-%d}, for {len(agreement.items)} items"
    tell(said | agreement.terms, f"Agreement {agreement.id} is in force {until}.", as_json)


@app.command("list")
def list_agreements(as_json: AsJson = False) -> None:
    """List every agreement, in force or not."""
    with administered() as (_hub, catalogue, _people):
        rows = [
            [
                a.id,
                a.system,
                a.resource,
                len(a.items),
                "; ".join(sorted(a.purposes)),
                f"{a.valid_to:%Y-%m-%d}",
                a.status.value,
                ", ".join(a.terms),
            ]
            for a in catalogue.agreements()
        ]
    columns = ["agreement", "system", "resource", "items", "purposes", "until", "status", "terms"]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        console.print(table("Agreements", columns, rows))


@app.command("show")
def show_agreement(
    agreement: Annotated[str, typer.Argument(help="The agreement's number.")], as_json: AsJson = False
) -> None:
    """Show an agreement whole, as a file that ``add`` takes would say it, and what of it is spent today."""
    import yaml

    from catalog.agreement_file import agreement_as_dict
    from hub.calendar import calendar_in
    from infra.clock import now

    with administered() as (hub, catalogue, _people):
        found = catalogue.agreement(agreement)
        spent = catalogue.spent([found], now()).get(found.id)
        today = calendar_in(hub.settings).day(now())
    written = agreement_as_dict(found)
    used = spent.on(today) if spent else 0
    if as_json:
        print_json(written | {"status": found.status.value, "used_today": used})
        return
    typer.echo(yaml.safe_dump(written, allow_unicode=True, sort_keys=False), nl=False)
    counted = "" if found.quota_per_day is None else f", {used} of {found.quota_per_day} records used today"
    typer.echo(f"# {found.status.replace('_', ' ')}{counted}")


def _stated(told: Mapping[str, Any], days: int) -> "Agreement":
    from catalog.agreement_file import agreement_from
    from schemas.resource import resource_named

    now = datetime.now(UTC)
    asks = told.get("answer", {}).get("form") == "question"  # the questions are agreed, and no items
    items = told["items"] or [known.name for known in resource_named(told["resource"]).items if not asks]
    return agreement_from({**told, "items": items, "valid_from": now, "valid_to": now + timedelta(days=days)})


def _text(path: Path) -> str:
    from schemas.errors import ConfigurationError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            f"{path} cannot be read as a file of an agreement.",
            hint="Name a YAML file, or a system and a resource; see docs/agreements.md.",
        ) from None
