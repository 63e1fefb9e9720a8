"""Workflows (流程) as data: which act leads from which state to which, and whose act it is.

One table of transitions decides, draws the diagram in the documents and is walked by the tests.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from catalog.actor import HUB, Actor
from catalog.person import Role
from schemas.errors import DefinitionError, ForbiddenTransition, NotSaid, NotYourPart, OwnWork


class Side(StrEnum):
    """Whose act it is: in a matter each side is an organisation, the authority whoever has its role."""

    PROVIDER = "provider"
    USER = "user"
    AUTHORITY = "authority"
    HUB = "hub"


_ROLES: Mapping[Side, Role] = {
    Side.PROVIDER: Role.PUBLISHER,
    Side.USER: Role.USER,
    Side.AUTHORITY: Role.CATALOGUE_AUTHORITY,
}


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of the table: an act, the states it may be done in, the state it leads to, None where that stays.

    ``not_by`` names acts of the same matter whose doer may not do this one, ``after`` an act that has to be done before it,
    ``needs`` what has to be said with it; one that is done ``once`` is done once in the life of a matter. ``article`` is of
    Decree 809.
    """

    act: str
    sources: tuple[str, ...]
    target: str | None
    sides: tuple[Side, ...]
    says: str
    article: str = ""
    not_by: tuple[str, ...] = ()
    after: str | None = None
    once: bool = False
    needs: tuple[str, ...] = ()

    def check_said(self, facts: Mapping[str, Any]) -> None:
        """Raise ``NotSaid`` unless everything that has to be said is."""
        if missing := [name for name in self.needs if _is_blank(facts.get(name))]:
            told = " and ".join(missing).replace("_", " ")
            raise NotSaid(
                f"To {self.act.replace('_', ' ')} takes: {told}.", hint="Nothing was done.", act=self.act
            )


@dataclass(frozen=True)
class Matter:
    """Something that goes its way through a workflow: where it stands, who its sides are, and who did what so far.

    ``position`` is the number of its last event, ``duty`` what is to be done by ``due_at``, if anything.
    """

    id: str
    state: str
    parties: Mapping[Side, str]
    done: Mapping[str, frozenset[str]] = field(default_factory=dict)
    position: int = 0
    duty: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True)
class Workflow:
    """A table of transitions; ``opening`` is the act that makes a matter, in the state ``initial``."""

    kind: str
    title: str
    opening: str
    opened_by: tuple[Side, ...]
    initial: str
    transitions: tuple[Transition, ...]
    _lines: dict[tuple[str, str], Transition] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lines: dict[tuple[str, str], Transition] = {}
        for line in self.transitions:
            for source in line.sources:
                if (source, line.act) in lines:
                    raise DefinitionError(
                        f"Workflow {self.kind} tells twice what {line.act} does in {source}."
                    )
                lines[source, line.act] = line
        object.__setattr__(self, "_lines", lines)
        reached = {self.initial, *(line.target for line in self.transitions)}
        if lost := {source for source, _ in lines} - reached:
            raise DefinitionError(f"Workflow {self.kind} never reaches {', '.join(sorted(lost))}.")

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order of the table."""
        named = [self.initial]
        for line in self.transitions:
            named += [*line.sources, *([line.target] if line.target else [])]
        return tuple(dict.fromkeys(named))

    @property
    def acts(self) -> tuple[str, ...]:
        """Every act, in the order of the table."""
        return tuple(dict.fromkeys(line.act for line in self.transitions))

    def is_final(self, state: str) -> bool:
        """Whether nothing leads out of a state."""
        return not any(
            source == state and line.target not in (None, state) for (source, _), line in self._lines.items()
        )

    def check_may_open(self, actor: Actor, parties: Mapping[Side, str]) -> None:
        """Raise ``NotYourPart`` unless the actor may open a matter between these parties."""
        self._check_side(actor, self.opened_by, parties, f"{self.opening} {self.title}")

    def may_open(self, actor: Actor, parties: Mapping[Side, str]) -> bool:
        """Whether the actor may open a matter between these parties; the same rule as ``check_may_open``."""
        try:
            self.check_may_open(actor, parties)
        except NotYourPart:
            return False
        return True

    def check_may(self, actor: Actor, act: str, matter: Matter) -> Transition:
        """Return the line of the table by which the actor may do this now.

        Raises ``ForbiddenTransition`` where the state forbids it, ``NotYourPart`` where it is another's act, ``OwnWork`` where
        it would judge what the actor did themselves.
        """
        line = self._lines.get((matter.state, act))
        if line is None:
            raise self._forbidden(act, matter)
        self._check_turn(line, matter)
        self._check_side(actor, line.sides, matter.parties, f"{act} {self.title} {matter.id}")
        for earlier in line.not_by:
            if actor.id in matter.done.get(earlier, ()):
                raise OwnWork(
                    f"{actor.id} did {earlier.replace('_', ' ')} {self.title} {matter.id}, and so may not {act.replace('_', ' ')} it.",
                    hint="Somebody else has to.",
                    matter=matter.id,
                )
        return line

    def may(self, actor: Actor, act: str, matter: Matter) -> bool:
        """Whether the actor may do this now; the same rule as ``check_may``."""
        try:
            self.check_may(actor, act, matter)
        except (ForbiddenTransition, NotYourPart, OwnWork):
            return False
        return True

    def possible(self, actor: Actor, matter: Matter) -> Sequence[str]:
        """Return what the actor may do now."""
        return [act for act in self.acts if self.may(actor, act, matter)]

    def diagram(self) -> str:
        """Draw the table as a Mermaid state diagram."""
        lines = [f"    [*] --> {self.initial}: {self.opening}"]
        for line in self.transitions:
            lines += [f"    {source} --> {line.target or source}: {line.act}" for source in line.sources]
        ends = [f"    {state} --> [*]" for state in self.states if self.is_final(state)]
        return "\n".join(["stateDiagram-v2", *lines, *ends])

    def _check_side(
        self, actor: Actor, sides: Collection[Side], parties: Mapping[Side, str], what: str
    ) -> None:
        if not any(_is_of(actor, side, parties) for side in sides):
            whose = " or ".join(_called(side, parties) for side in sides)
            idle = "" if actor.roles or actor is HUB else f" {actor.id} is suspended or has no role."
            raise NotYourPart(
                f"{actor.id} may not {what.replace('_', ' ')}.",
                hint=f"It is for {whose}.{idle}",
                actor=actor.id,
            )

    def _check_turn(self, line: Transition, matter: Matter) -> None:
        said = f"{line.act.replace('_', ' ')} {self.title} {matter.id}"
        if line.once and matter.done.get(line.act):
            raise ForbiddenTransition(f"To {said} is possible once, and was done.", matter=matter.id)
        if line.after is not None and not matter.done.get(line.after):
            raise ForbiddenTransition(
                f"To {said} is possible only after {line.after.replace('_', ' ')}.", matter=matter.id
            )

    def _forbidden(self, act: str, matter: Matter) -> ForbiddenTransition:
        lines = [line for (source, _), line in self._lines.items() if source == matter.state]
        now = [
            line.act for line in lines if line.sides != (Side.HUB,)
        ]  # what nobody can ask for is no advice
        return ForbiddenTransition(
            f"The {self.title} {matter.id} is {matter.state.replace('_', ' ')}: {act.replace('_', ' ')} is not possible now.",
            hint=f"Possible are: {', '.join(now)}." if now else "Nothing more can be done with it.",
            matter=matter.id,
            state=matter.state,
        )


def check_is_side(actor: Actor, matter: Matter) -> None:
    """Raise ``NotYourPart`` unless the actor is of one of the matter's organisations, or of the authority: only they see it."""
    if actor.organisation not in matter.parties.values() and Role.CATALOGUE_AUTHORITY not in actor.roles:
        raise NotYourPart(
            f"{matter.id} is another organisation's.", hint="Its sides and the authority see it."
        )


def _is_blank(said: Any) -> bool:
    return not said.strip() if isinstance(said, str) else not said


def _is_of(actor: Actor, side: Side, parties: Mapping[Side, str]) -> bool:
    if side is Side.HUB:
        return actor is HUB
    if _ROLES[side] not in actor.roles:
        return False
    return side is Side.AUTHORITY or (side in parties and actor.organisation == parties[side])


def _called(side: Side, parties: Mapping[Side, str]) -> str:
    if side is Side.HUB:
        return "the hub itself"
    role = f"a {_ROLES[side].replace('_', ' ')}"
    return role if side is Side.AUTHORITY else f"{role} of {parties.get(side, 'the ' + side)}"
