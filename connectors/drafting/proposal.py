"""Proposals: which column feeds which item of which resource, how sure that is, and what else could."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from connectors.drafting.coded import Coding, coding
from connectors.drafting.evidence import (
    EXACT,
    TELLING,
    VARIANT,
    fitting,
    is_personal,
    marks,
    named,
    prefix_of,
)
from connectors.drafting.joined import Constant, Joined, constants, joined_key
from connectors.drafting.profile import Profile, profile
from connectors.drafting.units import unit_doubt
from connectors.look import Look
from schemas.resource import Item, ItemType, Resource, Sensitivity

_LEAST = 0.4
_CLOSE = 0.1
_LIKELY = 0.85
_FITTING, _ALL_FITTING = 0.7, 0.9
_CHRONIC = (ItemType.DATE, ItemType.DATETIME)


@dataclass(frozen=True)
class Candidate:
    """A column that may feed an item: ``score`` 0 to 1, of ``name`` (see ``evidence``) and ``fits``, the share of fitting values."""

    column: str
    score: float
    fits: float | None
    name: float


@dataclass(frozen=True)
class Choice:
    """The columns that may feed an item, the best first; how its values are coded; whether a person has ``decided``.

    ``codes`` are the codes a person gave to the department's values; ``rival`` is another item that the column may feed.
    """

    item: Item
    candidates: tuple[Candidate, ...]
    coding: Coding = field(default_factory=Coding)
    codes: Mapping[str, str] = field(default_factory=dict)
    rival: str = ""
    decided: bool = False

    @property
    def column(self) -> str:
        """The column proposed."""
        return self.candidates[0].column

    @property
    def open_codes(self) -> tuple[str, ...]:
        """The values that have no code yet."""
        return tuple(value for value in self.coding.unknown if value not in self.codes)

    @property
    def sure(self) -> bool:
        """Whether name and values agree and nothing else comes near, or a person has decided."""
        return not self.doubt

    @property
    def doubt(self) -> str:
        """What makes it unsure, for a person; empty where nothing does."""
        if self.open_codes:
            return f"give each of its values a code of {self.item.code_set}"
        if self.decided:
            return ""
        best, *others = self.candidates
        near = [other.column for other in others if best.score - other.score < _CLOSE]
        if near:
            return f"or is it {' or '.join(near)}?"
        if self.rival:
            return f"or is {self.column} {self.rival}?"
        if best.fits is not None and best.fits < _FITTING and not self.codes:
            return f"only {best.fits:.0%} of its values can be {self.item.title}"
        if best.name < _LIKELY or (best.name < VARIANT and (best.fits or 0) < _ALL_FITTING):
            return f"is this {self.item.title}?"
        return self.coding.doubt or unit_doubt(self.item, self.column)

    def chosen(self, column: str, coded: Coding) -> "Choice":
        """Return the choice with that column decided on by a person."""
        return replace(
            self,
            candidates=(Candidate(column, 1.0, None, EXACT),),
            coding=replace(coded, doubt=""),
            decided=True,
        )


@dataclass(frozen=True)
class Proposal:
    """A look read as one resource: choices by item, the columns that name and date rows, and the profile of every column.

    ``key`` is the resource's key where it is joined of several columns; ``constants`` are required items that no column
    feeds, with the code that names and titles hint at.
    """

    look: Look
    resource: Resource
    choices: Mapping[str, Choice]
    profiles: Mapping[str, Profile]
    row_id: tuple[str, ...]
    changed: str | None
    key: Joined | None = None
    constants: Mapping[str, Constant] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """How well the resource fits: its key counts most, and what is sure more than what may be."""
        found = sum(
            choice.candidates[0].score * (1 if choice.sure else 0.5) for choice in self.choices.values()
        )
        key = self.choices.get(self.resource.key.name)
        return found + (3 if self.key or (key and key.sure) else 1 if key else 0)

    @property
    def citizens(self) -> str | None:
        """The column with citizen numbers, where a sure one is known."""
        return next(
            (
                one.column
                for one in self.choices.values()
                if one.item.identifier == "citizen_number" and one.sure
            ),
            None,
        )

    @property
    def unused(self) -> list[str]:
        """The columns that feed nothing."""
        used = {choice.column for choice in self.choices.values()} | {*self.row_id, self.changed}
        return [column for column in self.look.sample.column_names if column not in used]

    def coding(self, item: Item, column: str) -> Coding:
        """Read a column as the item's codes."""
        return coding(item, self.profiles[column], EXACT, self.look.sample, self.citizens)

    def shown(self, column: str) -> tuple[str, ...]:
        """Return examples that tell of nobody: codes where it holds an item's codes, else forms."""
        for choice in self.choices.values():
            if choice.column == column and choice.coding.values:
                return choice.coding.values[:6]
        return self.profiles[column].forms


def profiles_of(look: Look) -> Mapping[str, Profile]:
    """Profile every column of a look."""
    return {
        name: profile(name, look.shape.get(name, "text"), look.sample[name])
        for name in look.sample.column_names
    }


def proposals(look: Look, resources: Sequence[Resource]) -> list[Proposal]:
    """Return what the look may be read as, the likeliest first."""
    profiles = profiles_of(look)
    found = [_proposal(look, resource, profiles) for resource in resources]
    return sorted(found, key=lambda proposal: -proposal.score)


def _proposal(look: Look, resource: Resource, profiles: Mapping[str, Profile]) -> Proposal:
    scored = _scored(look, resource)
    choices = _assigned(resource, scored)
    bare = Proposal(look, resource, choices, profiles, (), None)
    coded = {name: _coded(bare, choice) for name, choice in choices.items()}
    personal = {one.column for one in coded.values() if one.item.sensitivity >= Sensitivity.PERSONAL}
    free = {
        name: told
        for name, told in profiles.items()
        if name not in personal and not is_personal(look.sample[name])
    }
    found = replace(bare, choices=coded)
    key = joined_key(resource, {name: choice.column for name, choice in coded.items()})
    fixed = constants(resource, coded, look)
    return replace(found, row_id=_row_id(found, free), changed=_changed(free), key=key, constants=fixed)


def _scored(look: Look, resource: Resource) -> dict[str, list[Candidate]]:
    prefix = prefix_of(look.sample.column_names)
    found: dict[str, list[Candidate]] = {}
    for item in resource.items:
        every = (_candidate(resource, item, name, look, prefix) for name in look.sample.column_names)
        found[item.name] = sorted((one for one in every if one.score >= _LEAST), key=lambda one: -one.score)
    return found


def _assigned(resource: Resource, scored: Mapping[str, list[Candidate]]) -> dict[str, Choice]:
    """Give each column to the item it fits best, and say where another item would have it as gladly."""
    choices: dict[str, Choice] = {}
    taken: dict[str, tuple[str, float]] = {}
    pairs = sorted(
        ((one, resource.item(name)) for name, found in scored.items() for one in found),
        key=lambda pair: -pair[0].score,
    )
    for candidate, item in pairs:
        if item.name in choices:
            continue
        if candidate.column not in taken:
            taken[candidate.column] = item.name, candidate.score
            left = tuple(
                one for one in scored[item.name] if one.column == candidate.column or one.column not in taken
            )
            choices[item.name] = Choice(item, left)
        elif taken[candidate.column][1] - candidate.score < _CLOSE:
            first = choices[taken[candidate.column][0]]
            choices[first.item.name] = replace(first, rival=item.title)
    ordered = {item.name: choices[item.name] for item in resource.items if item.name in choices}
    return {name: _without_taken(choice, taken) for name, choice in ordered.items()}


def _without_taken(choice: Choice, taken: Mapping[str, tuple[str, float]]) -> Choice:
    """Leave out what another item has better claims to."""
    best, *others = choice.candidates
    left = [one for one in others if one.column not in taken or one.score > taken[one.column][1]]
    return replace(choice, candidates=(best, *left))


def _candidate(resource: Resource, item: Item, column: str, look: Look, prefix: str) -> Candidate:
    names = [column, column.removeprefix(prefix), *filter(None, [look.labels.get(column)])]
    name = named(resource, item, names)
    if item.geometry:
        fits = fitting(item, look.sample[column]) or 0.0
        return Candidate(column, fits, fits, EXACT if fits else 0.0)
    if not name and item.identifier not in TELLING:
        return Candidate(column, 0.0, None, name)
    fits_or_any = fitting(item, look.sample[column])
    if fits_or_any is None:
        return Candidate(column, 0.9 * name, None, name)
    if not name:
        return Candidate(column, 0.6 if fits_or_any >= _FITTING else 0.0, fits_or_any, name)
    # A code may be the department's own, so that none of the set's fits says little against it.
    least = 0.6 if item.code_set else 0.45
    score = (0.6 * name + 0.4 * fits_or_any) if fits_or_any >= 0.5 else least * name
    return Candidate(column, score, fits_or_any, name)


def _coded(proposal: Proposal, choice: Choice) -> Choice:
    told = proposal.profiles[choice.column]
    found = coding(choice.item, told, choice.candidates[0].name, proposal.look.sample, proposal.citizens)
    return replace(choice, coding=found)


def _row_id(proposal: Proposal, free: Mapping[str, Profile]) -> tuple[str, ...]:
    look = proposal.look
    if look.key and set(look.key) <= set(free):
        return look.key
    unique = [name for name, told in free.items() if told.unique and not _is_binary(look.sample[name])]
    named_so = [name for name in unique if marks("row_id", name)]
    key = proposal.choices.get(proposal.resource.key.name)
    if not named_so and key is not None and key.column in unique:
        return (key.column,)
    return tuple(named_so[:1])


def _is_binary(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_binary(column.type))


def _changed(profiles: Mapping[str, Profile]) -> str | None:
    return next(
        (name for name, told in profiles.items() if marks("changed", name) and told.filled > 0.5), None
    )
