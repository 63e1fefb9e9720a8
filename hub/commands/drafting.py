"""``hub source init``: draft the definition of a system that nothing is known of yet."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.commands.screen import AsJson, console, print_json, table
from schemas.errors import DefinitionError

_LATER = "l"


class Terminal:
    """A person at a terminal; ``l`` leaves a question for later, when the file is read."""

    def choose(self, question: str, answers: Sequence[str]) -> int | None:
        """Ask for the number of an answer."""
        console.print(f"\n{question}")
        for number, answer in enumerate(answers, start=1):
            console.print(f"  {number}  {answer}")
        while True:
            said = _answer(f"1–{len(answers)}, or {_LATER} to decide it in the file", _LATER).lower()
            if said == _LATER:
                return None
            if said.isdigit() and 1 <= int(said) <= len(answers):
                return int(said) - 1

    def text(self, question: str, default: str) -> str | None:
        """Ask for words."""
        return _answer(f"\n{question}", default) or default


def _answer(question: str, default: str) -> str:
    try:
        return str(typer.prompt(question, default=default)).strip()
    except typer.Abort:  # Ctrl-C, which ends every command in the same way
        raise KeyboardInterrupt from None


def init(
    place: Annotated[
        str, typer.Argument(metavar="URL|FILE", help="A file, a database's URL, or a JSON interface's.")
    ],
    resource: Annotated[
        str | None, typer.Option(metavar="CODE", help="The resource, where it is known.")
    ] = None,
    code: Annotated[
        str | None, typer.Option(help="Code of the source; made of the system's name by default.")
    ] = None,
    department: Annotated[
        str | None, typer.Option(help="The department that answers for the system.")
    ] = None,
    table_: Annotated[
        str | None, typer.Option("--table", help="Table, view, sheet, layer or path of the records.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="NAME=VALUE", help="An option of the connector, in YAML; may be given again."
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="ITEM=COLUMN", help="The column of an item; may be given again."),
    ] = None,
    row_id: Annotated[
        list[str] | None, typer.Option(help="A column that tells rows apart; may be given again.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write; CODE.yaml in this folder by default.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows to look at.")] = 1_000,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; what is unsure is written as '# check:'.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at a system, propose how it feeds a resource, and draft its definition.

    Nothing of the system's records is shown or written but codes. Exits with 1 where no column for the key was found.
    """
    from connectors.drafting.questions import Nobody
    from hub.drafting import Wishes, draft, require_free, write
    from infra.settings import load_settings

    if out is not None:
        require_free(out, force=force)
    wishes = Wishes(
        resource,
        code,
        department,
        table_,
        _options(options or []),
        dict(map(_pair, columns or [])),
        row_id or (),
        rows,
    )
    asking = not yes and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    made = draft(load_settings(), place, wishes, Terminal() if asking else Nobody())
    goal = out or Path(f"{made.heading.code}.yaml")
    write(goal, made.text, force=force)
    (_print_described if as_json else _print)(made, goal)
    if not made.complete:
        raise typer.Exit(1)


def _pair(given: str) -> tuple[str, str]:
    name, sign, value = given.partition("=")
    if not (sign and name and value):
        raise DefinitionError(f"{given!r} is not of the form NAME=VALUE.")
    return name, value


def _options(given: list[str]) -> dict[str, Any]:
    """Read options; a dotted name leads into a group (``storage.user=…``)."""
    import yaml

    found: dict[str, Any] = {}
    for name, value in map(_pair, given):
        *groups, last = name.split(".")
        inner = found
        for group in groups:
            inner = inner.setdefault(group, {})
        try:
            inner[last] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise DefinitionError(f"The value of option {name} is no YAML.") from None
    return found


def _print_described(made: Any, goal: Path) -> None:
    from connectors.drafting.description import described

    told = {
        "file": str(goal),
        "code": made.heading.code,
        "complete": made.complete,
        "check": list(made.doubts),
    }
    print_json({**told, "secrets": list(made.secrets), **described(made.proposal)})


def _print(made: Any, goal: Path) -> None:
    proposal = made.proposal
    rows = [
        [name, told.type, told.nulls, told.distinct, ", ".join(proposal.shown(name))]
        for name, told in proposal.profiles.items()
    ]
    seen = proposal.look.sample.num_rows
    console.print(
        table(
            f"{proposal.look.title}: the first {seen:,} rows",
            ["column", "type", "nulls", "distinct", "examples, masked"],
            rows,
        )
    )
    fed = [
        [item, choice.column, "sure" if choice.sure else f"check: {choice.doubt}"]
        for item, choice in proposal.choices.items()
    ]
    console.print(table(f"What feeds {proposal.resource.code}", ["item", "column", ""], fed))
    for doubt in made.doubts:
        console.print(f"  check: {doubt}")
    console.print(
        f"\nThe draft is {goal}."
        + (f" Look at its {len(made.doubts)} lines with '# check:'." if made.doubts else "")
    )
    for name in made.secrets:
        console.print(
            f"The secret in the URL was replaced by ${{env:{name}}}: set {name} to it wherever the hub runs.",
        )
    if made.complete:
        console.print(f"Try it on the live system: hub source check {goal}")
    else:
        console.print(
            "No column for the key was found: decide it in the file, or name it with --map ITEM=COLUMN or --row-id."
        )
