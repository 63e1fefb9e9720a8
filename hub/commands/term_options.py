"""The options by which commands state an agreement's terms: rows, hours, quota, rate and form of the answer."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

Texts = list[str] | None
Within = Annotated[
    Texts, typer.Option(help="Only records of a division, as ITEM=500103; may be given again.")
]
OneOf = Annotated[Texts, typer.Option(help="Only records with such values, as ITEM=1,2; may be given again.")]
OwnCases = Annotated[bool, typer.Option("--own-cases", help="Only for cases of its own organisation.")]
Hours = Annotated[Texts, typer.Option(help="When it may call, as 'working 08:30-17:30'; may be given again.")]
Quota = Annotated[int | None, typer.Option(min=1, help="How many records it may ask for a day.")]
Rate = Annotated[float | None, typer.Option(help="How many calls a second.")]
Burst = Annotated[int, typer.Option(min=1, help="How many calls at once, with --rate.")]
Bulk = Annotated[bool, typer.Option("--bulk", help="It may read by a filter, or all there is.")]
AnswerForm = Annotated[
    str | None,
    typer.Option(
        "--answer",
        help="records; yes_no; verify; question:NAME@VERSION,…; or a limit as ITEM>=18, ITEM<=2008-06-01.",
    ),
]

Signed = Annotated[
    bool, typer.Option("--signed", help="Only for calls that are signed; a token is not enough.")
]


def terms_stated(
    *,
    within: Texts,
    one_of: Texts,
    own_cases: bool,
    hours: Texts,
    quota: int | None,
    rate: float | None,
    burst: int,
    answer: str | None,
    signed: bool,
    bulk: bool = False,
) -> dict[str, Any]:
    """Return the terms that are given, as agreements are written; none that is not."""
    rows = [*_conditions(within, "within"), *_conditions(one_of, "in"), *([{"cases": "own"}] * own_cases)]
    pace = None if rate is None else {"per_second": rate, "burst": burst}
    terms = {
        "rows": rows,
        "hours": hours,
        "quota_per_day": quota,
        "rate": pace,
        "answer": answer and _answer(answer),
        "authentication": "signed" if signed else None,
        "bulk": bulk,
    }
    return {name: agreed for name, agreed in terms.items() if agreed}


def _conditions(given: Texts, kind: str) -> Sequence[Mapping[str, Any]]:
    pairs = [one.partition("=") for one in given or ()]
    return [{"item": item, kind: value.split(",") if kind == "in" else value} for item, _, value in pairs]


def _answer(given: str) -> Mapping[str, Any]:
    if given.startswith("question:"):
        return {"form": "question", "questions": [one.strip() for one in given.partition(":")[2].split(",")]}
    for sign, name in ((">=", "at_least"), ("<=", "at_most")):
        if sign in given:
            item, _, limit = given.partition(sign)
            return {"form": "threshold", "item": item.strip(), name: limit.strip()}
    return {"form": given}
