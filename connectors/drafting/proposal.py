"""Proposals: which column feeds which item of which resource, how sure that is, and what else could."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.drafting.evidence import TELLING, fitting, marks, named
from connectors.drafting.profile import Profile, profile
from connectors.look import Look
from schemas.code_sets import code_set
from schemas.resource import Item, Resource, Sensitivity

SURE = 0.75
_LEAST = 0.4
_CLOSE = 0.1


@dataclass(frozen=True)
class Candidate:
    """A column that may feed an item: ``score`` 0 to 1, ``fits`` the share of its values that could be the item's."""

    column: str
    score: float
    fits: float | None


@dataclass(frozen=True)
class Choice:
    """The columns that may feed an item, the best first; ``unmapped`` are values that its code set does not know."""

    item: Item
    candidates: tuple[Candidate, ...]
    unmapped: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """The column proposed."""
        return self.candidates[0].column

    @property
    def sure(self) -> bool:
        """Whether name and values agree, and no other column comes near."""
        best, *others = self.candidates
        near = others and best.score - others[0].score < _CLOSE
        return (
            best.score >= SURE and not near and not self.unmapped and (best.fits is None or best.fits >= 0.5)
        )

    def chosen(self, column: str) -> "Choice":
        """Return the choice with that column decided on."""
        kept = next(candidate for candidate in self.candidates if candidate.column == column)
        return replace(self, candidates=(replace(kept, score=1.0),))


@dataclass(frozen=True)
class Proposal:
    """A look read as one resource: choices by item, the columns that name and date rows, and the profile of every column."""

    look: Look
    resource: Resource
    choices: Mapping[str, Choice]
    profiles: Mapping[str, Profile]
    row_id: tuple[str, ...]
    changed: str | None

    @property
    def score(self) -> float:
        """How well the resource fits: its key counts most."""
        found = sum(choice.candidates[0].score for choice in self.choices.values())
        return found + (3 if self.resource.key.name in self.choices else 0)

    @property
    def unused(self) -> list[str]:
        """The columns that feed nothing."""
        used = {choice.column for choice in self.choices.values()} | {*self.row_id, self.changed}
        return [column for column in self.look.sample.column_names if column not in used]


def proposals(look: Look, resources: Sequence[Resource]) -> list[Proposal]:
    """Return what the look may be read as, the likeliest first."""
    sample = look.sample
    profiles = {
        name: profile(name, look.shape.get(name, "text"), sample[name]) for name in sample.column_names
    }
    found = [_proposal(look, resource, profiles) for resource in resources]
    return sorted(found, key=lambda proposal: -proposal.score)


def _proposal(look: Look, resource: Resource, profiles: Mapping[str, Profile]) -> Proposal:
    scored = {
        item.name: [c for name in profiles if (c := _candidate(resource, item, name, look)).score >= _LEAST]
        for item in resource.items
    }
    choices: dict[str, Choice] = {}
    taken: set[str] = set()
    best_first = sorted(
        resource.items, key=lambda item: -max((c.score for c in scored[item.name]), default=0)
    )
    for item in best_first:
        left = sorted((c for c in scored[item.name] if c.column not in taken), key=lambda c: -c.score)
        if left:
            taken.add(left[0].column)
            choices[item.name] = Choice(item, tuple(left), _unmapped(item, profiles[left[0].column]))
    ordered = {item.name: choices[item.name] for item in resource.items if item.name in choices}
    personal = {
        choice.column for choice in choices.values() if choice.item.sensitivity >= Sensitivity.PERSONAL
    }
    free = {name: told for name, told in profiles.items() if name not in personal}
    return Proposal(look, resource, ordered, profiles, _row_id(look, free), _changed(free))


def _candidate(resource: Resource, item: Item, column: str, look: Look) -> Candidate:
    name = named(resource.code, item, column)
    if not name and item.identifier not in TELLING and not item.geometry:
        return Candidate(column, 0.0, None)
    fits = fitting(item, look.sample[column])
    if fits is None:
        return Candidate(column, 0.9 * name, None)
    if not name:
        return Candidate(column, 0.6 if fits >= 0.8 else 0.0, fits)
    return Candidate(column, (0.6 * name + 0.4 * fits) if fits >= 0.5 else 0.5 * name, fits)


def _unmapped(item: Item, told: Profile) -> tuple[str, ...]:
    if item.code_set is None:
        return ()
    known = code_set(item.code_set)
    return tuple(value for value in told.values if value not in known and known.code_of(value) is None)


def _row_id(look: Look, profiles: Mapping[str, Profile]) -> tuple[str, ...]:
    if look.key and set(look.key) <= set(profiles):
        return look.key
    unique = [name for name, told in profiles.items() if told.unique]
    named_so = [name for name in unique if marks("row_id", name)]
    return tuple((named_so or [])[:1])


def _changed(profiles: Mapping[str, Profile]) -> str | None:
    return next(
        (name for name, told in profiles.items() if marks("changed", name) and told.filled > 0.5), None
    )


def described(proposal: Proposal) -> dict[str, Any]:
    """Return the proposal for a JSON document."""
    return {
        "title": proposal.look.title,
        "resource": proposal.resource.code,
        "mapping": [
            {
                "item": name, "column": choice.column, "sure": choice.sure, "unmapped": list(choice.unmapped),
                "others": [other.column for other in choice.candidates[1:]],
            }
            for name, choice in proposal.choices.items()
        ],
        "row_id": list(proposal.row_id),
        "changed": proposal.changed,
        "unused": proposal.unused,
        "profile": [told.as_dict() for told in proposal.profiles.values()],
    }  # fmt: skip
