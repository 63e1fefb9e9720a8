"""The command line: ``hub``. Each group of commands lives in ``hub.commands``; errors end here, as one sentence."""

import json
import logging
import signal
import sys
from typing import Any

import typer
from rich.console import Console

from hub.commands import (
    accounts,
    agreement_lives,
    agreements,
    airflow,
    answers,
    applications,
    audit,
    calendar,
    calling,
    catalogue,
    city,
    clients,
    codes,
    contacts,
    contracts,
    data,
    database,
    dcat,
    demo,
    duties,
    explaining,
    harvest,
    lineage,
    notices,
    objections,
    organisations,
    persons,
    quality,
    quarantine,
    questions,
    registration,
    resources,
    schedule,
    serving,
    source,
    subscriptions,
)
from schemas.errors import Faulty, HubError

app = typer.Typer(
    name="hub",
    help="An inter-agency data-sharing exchange hub: department systems in, audited calls out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (demo, serving, calling, data, airflow, duties, answers):
    group.register(app)
app.add_typer(city.app, name="city")
registration.register(source.app)
app.add_typer(source.app, name="source")
app.add_typer(resources.app, name="resource")
app.add_typer(codes.app, name="codes")
app.add_typer(quality.app, name="quality")
app.add_typer(lineage.app, name="lineage")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(schedule.app, name="schedule")
app.add_typer(organisations.app, name="organisation")
app.add_typer(contacts.app, name="contact")
accounts.register(persons.app)
app.add_typer(persons.app, name="person")
dcat.register(catalogue.app)
contracts.register(catalogue.app, agreements.app)
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(clients.app, name="client")
app.add_typer(calendar.app, name="calendar")
app.add_typer(applications.app, name="application")
agreement_lives.register(agreements.app)
app.add_typer(harvest.app, name="harvest")
app.add_typer(agreements.app, name="agreement")
app.add_typer(explaining.app, name="explain")
app.add_typer(subscriptions.app, name="subscription")
app.add_typer(questions.app, name="question")
app.add_typer(objections.app, name="objection")
app.add_typer(notices.app, name="notice")
app.add_typer(audit.app, name="audit")
app.add_typer(database.app, name="db")

_BAD_INPUT, _STOPPED = 1, 130


def main() -> None:
    """Run the command line; exit 0 when done, 1 on a hub error, 2 on wrong usage, 130 when interrupted or terminated."""
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # so end services: what was started stops with us
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app()
    except HubError as error:
        _tell(error)
        sys.exit(_BAD_INPUT)
    except SystemExit as ended:
        if ended.code == _STOPPED:  # Typer ends so, without a word, when it is interrupted
            Console(stderr=True).print(
                "\nStopped. What was committed stays; the next run goes on from there."
            )
        raise


def _tell(error: HubError) -> None:
    if "--json" in sys.argv:
        described: dict[str, Any] = {
            "error": error.code,
            "title": error.title,
            "detail": error.detail,
            "hint": error.hint,
        }
        if isinstance(error, Faulty):
            described["faults"] = [fault.as_dict() for fault in error.faults]
        sys.stderr.write(json.dumps(described | {"context": error.context}, ensure_ascii=False) + "\n")
    elif isinstance(error, Faulty):  # one line a fault, for there may be many
        said = "\n".join(_escaped(f"- {fault}") for fault in error.faults)
        Console(stderr=True, highlight=False).print(
            f"[bold red]{error.title}.[/] {_escaped(error.what)}:\n{said}", soft_wrap=True
        )
    else:
        Console(stderr=True, highlight=False).print(f"[bold red]{error.title}.[/] {_escaped(str(error))}")


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
