"""``hub question``: yes-or-no questions about subjects, defined once as data, so that nobody has to read what they turn on."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.screen import AsJson, actor, console, print_json, table, tell

if TYPE_CHECKING:
    from catalog.question import Question

app = typer.Typer(no_args_is_help=True, help="Questions: a yes or no about a subject, defined as data.")
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The definition, as YAML or JSON.")]
Named = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The question's name, with its version as NAME@1 where not the latest."
    ),
]


@app.command("add")
def add(file: File, as_json: AsJson = False) -> None:
    """Register a question, or its next version; it is held against the items of its resource. A version never changes."""
    from audit.recording import record_administration
    from catalog.question_register import QuestionRegister
    from hub.commands.administering import administered
    from infra.database import Role

    question = _read(file)
    with (
        administered() as (hub, _catalogue, _people),
        hub.database.engine(Role.APPLICATION).begin() as connection,
    ):
        QuestionRegister(connection, record_administration).add(question, actor=actor())
    told = {
        "question": question.name,
        "version": question.version,
        "resource": question.resource,
        "items": list(question.items),
    }
    tell(told, f"Question {question.named} is registered. Agreements allow it by that name.", as_json)


@app.command("list")
def list_questions(as_json: AsJson = False) -> None:
    """List every version of every question, those that are shipped with the hub first."""
    from catalog.question_register import every_question, question_told
    from hub.commands.administering import database_transaction

    with database_transaction() as connection:
        found = every_question(connection)
    if as_json:
        print_json([question_told(one) for one in found])
        return
    rows = [
        [one.named, one.resource, one.title, one.title_en, ", ".join(one.items), one.legal_basis]
        for one in found
    ]
    console.print(table("Questions", ["question", "resource", "title", "", "turns on", "legal basis"], rows))


@app.command("show")
def show(name: Named, as_json: AsJson = False) -> None:
    """Show how a question is defined."""
    import yaml

    from catalog.question_register import question_told

    question = _known(name)
    if as_json:
        print_json(question_told(question))
        return
    console.print(yaml.safe_dump(dict(question.told_as), allow_unicode=True, sort_keys=False).rstrip())


@app.command("test")
def try_question(
    question: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A question's name, or a file that defines one.")
    ],
    record: Annotated[
        list[str] | None,
        typer.Option(help="A record as JSON, item → value; may be given again. Default: there is none."),
    ] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day it is asked. Default: today.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question of records given here; no library is read, so it can be tried before it is registered."""
    from catalog.question_tests import Facts
    from schemas.fixed_width import today

    known = _read(Path(question)) if Path(question).is_file() else _known(question)
    day = on.date() if on else today()
    records = [_record(one) for one in record or ()]
    answer = known.answer([Facts(one, [(day.min, one)]) for one in records], day)
    told = {"question": known.name, "version": known.version, "on": day.isoformat(), "answer": answer}
    said = {True: "Yes", False: "No", None: "Not known"}[answer]
    tell(told, f"{said}: {known.title_en or known.title}", as_json)


def _read(file: Path) -> "Question":
    from catalog.question import read_question

    return read_question(file.read_text(encoding="utf-8"), str(file))


def _known(name: str) -> "Question":
    from catalog.question import questions_shipped
    from catalog.question_register import question_named
    from hub.commands.administering import database_transaction

    shipped = [one for one in questions_shipped().values() if name in (one.name, one.named)]
    if shipped:  # needs no database
        return max(shipped, key=lambda one: one.version)
    with database_transaction() as connection:
        return question_named(connection, name)


def _record(text: str) -> dict[str, Any]:
    from schemas.errors import ConfigurationError

    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise ConfigurationError(
            "A record is no JSON object.", hint="""As --record '{"date_of_birth": "2008-01-31"}'."""
        )
    return read
