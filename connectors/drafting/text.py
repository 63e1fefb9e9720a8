"""The definition of a drafted source, as YAML that a person goes on writing."""

import json
import re
from collections.abc import Iterator
from typing import Any

from connectors.drafting.proposal import Choice, Proposal
from schemas.resource import ItemType

_PLAIN = re.compile(r"^[\w一-鿿][\w一-鿿 .\-]*$")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "~"})


def definition(proposal: Proposal, code: str, department: str, ordinal: int) -> str:
    """Write the definition; what is unsure has a comment that begins with ``# check:``."""
    return "\n".join(_lines(proposal, code, department, ordinal)) + "\n"


def _lines(proposal: Proposal, code: str, department: str, ordinal: int) -> Iterator[str]:
    look = proposal.look
    yield f"code: {code}"
    yield f"resource: {proposal.resource.code}"
    yield f"department: {_scalar(department)}"
    yield f"title: {_scalar(look.title)}"
    yield f"ordinal: {ordinal}"
    yield f"connector: {look.connector}"
    yield "options:"
    for name, value in look.options.items():
        yield f"  {name}: {_flow(value)}"
    yield from _rows(proposal)
    yield "drift: freeze"
    yield "mapping:"
    if proposal.resource.key.name not in proposal.choices:
        key = proposal.resource.key
        yield f"  # check: no column was found for the key, {key.name} ({key.title}); without it nothing can be stored"
    for choice in proposal.choices.values():
        yield from _mapped(choice)
    if proposal.unused:
        yield f"# not read: {', '.join(proposal.unused)}"


def _rows(proposal: Proposal) -> Iterator[str]:
    if proposal.row_id:
        yield f"row_id: {_flow(list(proposal.row_id) if len(proposal.row_id) > 1 else proposal.row_id[0])}"
    elif proposal.look.connector == "sql":
        yield "# check: name the column that is never null and tells rows apart; a database is paged by it"
        yield "# row_id:"
    if proposal.changed:
        if proposal.look.connector in ("sql", "rest"):
            yield f"watermark: {{column: {_flow(proposal.changed)}, type: datetime}}"
        yield f"observed_at: {_flow(proposal.changed)}"


def _mapped(choice: Choice) -> Iterator[str]:
    best = choice.candidates[0]
    parts = [f"column: {_flow(choice.column)}"]
    if choice.unmapped:
        codes = ", ".join(f"{_flow(value)}: ''" for value in choice.unmapped)
        yield f"  # check: these values are not of code set {choice.item.code_set}; give each its code"
        parts.append(f"codes: {{{codes}}}")
    if choice.item.code_set:
        parts.append(f"code_set: {choice.item.code_set}")
    if choice.item.type is ItemType.DATE:
        parts.append("date: auto")
    note = "" if choice.sure or choice.unmapped else f"  # check: {_doubt(choice, best.fits)}"
    yield f"  {choice.item.name}: {{{', '.join(parts)}}}{note}"


def _doubt(choice: Choice, fits: float | None) -> str:
    others = [other.column for other in choice.candidates[1:]]
    if others:
        return f"or is it {', '.join(others)}?"
    if fits is not None and fits < 0.5:
        return f"only {fits:.0%} of its values can be {choice.item.title}"
    return f"is this {choice.item.title}?"


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_flow(part) for part in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _scalar(text: str) -> str:
    """Write a text plain where YAML reads it as that text, else quoted."""
    if (
        _PLAIN.match(text)
        and text.casefold() not in _RESERVED
        and not text[0].isdigit()
        and text == text.strip()
    ):
        return text
    return json.dumps(text, ensure_ascii=False)
