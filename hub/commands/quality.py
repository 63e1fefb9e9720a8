"""``hub quality``: how good the data is, day by day, where sources disagree, and the Data Docs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.commands.screen import AsJson, actor, console, print_json, table

app = typer.Typer(no_args_is_help=True, help="How good the data is: scorecards, consistency, Data Docs.")

Subject = Annotated[
    str | None, typer.Argument(help="A source or a resource; default: every source that has one.")
]


@app.command()
def scorecard(
    subject: Subject = None,
    rules: Annotated[bool, typer.Option("--rules", help="Also show the score of every rule.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the newest scores by dimension, 0 to 100; what has no basis is "not assessable", never 100."""
    from hub.composition import open_hub
    from hub.runs import newest_runs
    from hub.scorecards import scorecard as newest
    from hub.scorecards import scored, sources_of
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        cards = [newest(hub, code) for code in ([subject] if subject else scored(hub))]
        codes = sources_of(hub, subject) if subject else list(hub.sources)
        with hub.database.engine(Role.APPLICATION).connect() as connection:
            failed = [run for run in newest_runs(connection, codes, 50) if run["outcome"] != "done"]
    if as_json:
        print_json({"scorecards": [card.as_dict() for card in cards], "failed_runs": failed})
        return
    console.print(_overview("Scorecards", cards))
    if subject or rules:
        for card in cards:
            console.print(_by_rule(card))
    for card in cards:
        for alert in card.alerts:
            console.print(f"{card.subject}: more rows than usual break the rule {alert}.", style="yellow")
    if failed:
        rows = [
            [run["source"], f"{run['ended_at']:%m-%d %H:%M}", run["outcome"], run["detail"] or run["problem"]]
            for run in failed[:10]
        ]
        console.print(
            table("Runs that did not end well, newest first", ["source", "ended", "outcome", "why"], rows)
        )


@app.command()
def history(
    subject: Annotated[str, typer.Argument(help="A source or a resource.")],
    days: Annotated[int, typer.Option("--days", "-n", min=1, help="How many scorecards, one a day.")] = 14,
    as_json: AsJson = False,
) -> None:
    """Show the last scorecards, the newest first, and how the total moved."""
    from hub.composition import open_hub
    from hub.scorecards import history as last
    from hub.scorecards import trend
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        cards = last(hub, subject, days)
    moved = trend(cards)
    if as_json:
        print_json({"subject": subject, "trend": moved, "scorecards": [card.as_dict() for card in cards]})
        return
    console.print(_overview(f"Scorecards of {subject}, newest first", cards))
    if moved is not None:
        console.print(f"Total since {cards[-1].day}: {moved:+.2f}")


@app.command()
def consistency(
    resource: Annotated[str, typer.Argument(help="A resource that several sources contribute to.")],
    examples: Annotated[int, typer.Option(min=0, max=50, help="Masked examples of each item.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Compare what the sources say of the same subjects: which disagree, on which item, how often. Goes on the ledger."""
    from hub.composition import open_hub
    from hub.consistency import inspect
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        found = inspect(hub, resource, actor(), examples).as_dict()
    if as_json:
        print_json(found)
        return
    if not found["items"]:
        console.print(f"No item of {resource} has more than one source, so there is nothing to compare.")
        return
    columns = ["item", "source", "other", "subjects", "differing", "share"]
    rows = [
        [*(told[name] for name in columns[:-1]), f"{told['share']:.2%}"] for told in found["disagreements"]
    ]
    title = f"{resource}: {found['subjects']:,} subjects that several sources speak of"
    console.print(table(title, columns, rows))
    shown = [
        [e.pop("item"), e.pop("key"), "; ".join(f"{code}: {said}" for code, said in e.items())]
        for e in found["examples"]
    ]
    if shown:
        console.print(table("Examples, masked", ["item", "key", "what each says"], shown))


@app.command()
def docs(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: data-docs in the hub's home.")
    ] = None,
    validations: Annotated[
        int, typer.Option(min=1, max=200, help="How many of the latest batches of each source.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Write the Great Expectations Data Docs: static pages of every suite and its validations, to be read offline."""
    from hub.composition import open_hub
    from hub.data_docs import build
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub:
        index = build(hub, out, validations)
    if as_json:
        print_json({"index": str(index)})
    else:
        console.print(f"Data Docs are at {index}.", soft_wrap=True)


def _overview(title: str, cards: list[Any]) -> Any:
    from hub.scorecards import told
    from quality.rules import Dimension

    rows = [
        [
            card.subject,
            card.day.isoformat(),
            card.rows,
            *(told(card.dimensions[name]) for name in Dimension),
            told(card.total),
        ]
        for card in cards
    ]
    return table(title, ["subject", "day", "rows", *(name.value for name in Dimension), "total"], rows)


def _by_rule(card: Any) -> Any:
    from hub.scorecards import told

    rows = [
        [
            score.dimension.value,
            score.item or "(row)",
            score.name,
            score.severity.value,
            told(score.score),
            score.dirty,
            score.rows,
        ]
        for score in card.scores
    ]
    return table(
        card.subject,
        ["dimension", "item", "rule", "severity", "score", "failing", "of"],
        sorted(rows, key=lambda row: row[0]),
    )
