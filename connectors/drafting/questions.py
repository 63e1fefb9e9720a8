"""Asking a person where a proposal is unsure; who cannot be asked leaves it so."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from connectors.drafting.coded import meanings
from connectors.drafting.evidence import EXACT
from connectors.drafting.joined import Constant
from connectors.drafting.proposal import Candidate, Choice, Proposal
from connectors.drafting.units import unit_doubt
from schemas.errors import DefinitionError

NONE_OF_THEM = "none of them"


class Asker(Protocol):
    """Who answers questions."""

    def choose(self, question: str, answers: Sequence[str]) -> int | None:
        """Return the place of the answer, or None where it is left open."""

    def text(self, question: str, default: str) -> str | None:
        """Return words, or None where they are left open."""


class Nobody:
    """Nobody to ask: everything is left open."""

    def choose(self, question: str, answers: Sequence[str]) -> int | None:
        """Leave it open."""
        return None

    def text(self, question: str, default: str) -> str | None:
        """Leave it open."""
        return None


def with_columns(proposal: Proposal, columns: Mapping[str, str]) -> Proposal:
    """Take columns that were named for items; raises ``UnknownItem``, or ``DefinitionError`` for a column that is not there."""
    choices = dict(proposal.choices)
    for name, column in columns.items():
        item = proposal.resource.item(name)
        _require(proposal, column)
        taken = Choice(item, (Candidate(column, 1.0, None, EXACT),)).chosen(
            column, proposal.coding(item, column)
        )
        choices = {other: one for other, one in choices.items() if one.column != column or other in columns}
        choices[name] = taken
    ordered = {item.name: choices[item.name] for item in proposal.resource.items if item.name in choices}
    lacking = {name: one for name, one in proposal.constants.items() if name not in ordered}
    key = None if proposal.resource.key.name in ordered else proposal.key
    return replace(proposal, choices=ordered, constants=lacking, key=key)


def with_row_id(proposal: Proposal, row_id: Sequence[str]) -> Proposal:
    """Take the columns that were named to tell rows apart."""
    for column in row_id:
        _require(proposal, column)
    return replace(proposal, row_id=tuple(row_id)) if row_id else proposal


def decided(proposal: Proposal, asker: Asker) -> Proposal:
    """Ask about each unsure item, the key first, its codes, the required items without a column, and the row id."""
    choices = dict(proposal.choices)
    key = proposal.resource.key
    for name in sorted(choices, key=lambda name: name != key.name):
        if choices[name].sure:
            continue
        answer = _choice(replace(proposal, choices=choices), choices[name], asker)
        if answer is None:
            del choices[name]
        else:
            choices[name] = answer
    found = replace(proposal, choices=choices)
    if key.name not in choices and proposal.key is None:
        found = _key(found, asker)
    constants = {name: _constant(one, asker) for name, one in found.constants.items()}
    return _rows(replace(found, constants=constants), asker)


def _choice(proposal: Proposal, choice: Choice, asker: Asker) -> Choice | None:
    item = choice.item
    if not _only_codes_open(choice):
        columns = [one.column for one in choice.candidates]
        shown = [f"{column}   ({', '.join(proposal.shown(column))})" for column in columns]
        question = f"Which column is {item.title} ({item.name})? {_sentence(choice)}"
        answer = asker.choose(question, [*shown, NONE_OF_THEM])
        if answer is None:
            return choice
        if answer == len(columns):
            return None
        choice = choice.chosen(columns[answer], proposal.coding(item, columns[answer]))
    if not choice.open_codes or item.code_set is None:
        return choice
    return replace(choice, codes=_codes(choice, item.code_set, asker))


def _only_codes_open(choice: Choice) -> bool:
    """Whether the column is plain, and only what its values mean is not."""
    best = choice.candidates[0]
    return choice.decided or (bool(choice.open_codes) and len(choice.candidates) == 1 and best.name >= EXACT)


def _sentence(choice: Choice) -> str:
    return unit_doubt(choice.item, choice.column) or choice.doubt


def _codes(choice: Choice, name: str, asker: Asker) -> Mapping[str, str]:
    known = meanings(name)
    answers = [f"{code} {label}" for code, label in known.items()]
    found = dict(choice.codes)
    for value in choice.open_codes:
        question = f"Which code of {choice.item.title} is {value!r} in {choice.column}?"
        answer = asker.choose(question, answers)
        if answer is not None:
            found[value] = list(known)[answer]
    return found


def _key(proposal: Proposal, asker: Asker) -> Proposal:
    key, names = proposal.resource.key, proposal.look.sample.column_names
    answer = asker.choose(f"Which column is the key, {key.title} ({key.name})?", [*names, NONE_OF_THEM])
    if answer is None or answer == len(names):
        return proposal
    return with_columns(proposal, {key.name: names[answer]})


def _constant(found: Constant, asker: Asker) -> Constant:
    item = found.item
    if item.code_set is None:
        return found
    known = meanings(item.code_set)
    hint = f" Its name hints at {found.code} {known[found.code]}." if found.code else ""
    question = f"{item.title} is required and no column says it. Which is it for all rows?{hint}"
    answer = asker.choose(question, [f"{code} {label}" for code, label in known.items()])
    if answer is None:
        return found
    chosen = list(known)[answer]
    return Constant(item, chosen, found.word if chosen == found.code else "", decided=True)


def _rows(proposal: Proposal, asker: Asker) -> Proposal:
    if proposal.row_id or proposal.look.connector != "sql":
        return proposal
    personal = {one.column for one in proposal.choices.values() if one.item.sealed}
    names = [name for name in proposal.look.sample.column_names if name not in personal]
    answer = asker.choose(
        "Which column is never null and tells rows apart? A database is paged by it.", [*names, NONE_OF_THEM]
    )
    return proposal if answer is None or answer == len(names) else replace(proposal, row_id=(names[answer],))


def _require(proposal: Proposal, column: str) -> None:
    if column not in proposal.look.sample.column_names:
        raise DefinitionError(
            f"{proposal.look.title} has no column {column!r}.",
            hint=f"It has: {', '.join(proposal.look.sample.column_names)}.",
        )
