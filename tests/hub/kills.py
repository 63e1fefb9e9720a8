"""Leading hubs through a department's days: one undisturbed, others killed again and again and rerun until they are through."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from departments import Act, Department
from killable import KILLED, Ended, Kill, Killable
from library_state import library_state, pulled_state, require_accounted

from connectors.definition import read_source
from hub.composition import Hub, open_hub
from hub.ingest import STAGES
from infra.settings import Settings

_PATIENCE = 20  # seconds
Plan = Callable[[int, Sequence[Ended]], list[Kill]]
"""The kills of one act, by its place among the days' acts and how the undisturbed hub did it."""


@dataclass(frozen=True)
class Undisturbed:
    """What a hub that nobody killed holds in the end, and how each act went."""

    state: dict[str, object]
    pulled: dict[str, object]
    acts: tuple[Ended, ...]


@contextmanager
def following(settings: Settings, department: Department) -> Iterator[Hub]:
    """Open a hub whose one source is the department."""
    with open_hub(settings) as opened:
        source = read_source(department.definition(), "firms", {})
        yield replace(opened, sources={**opened.sources, "firms": source})


def undisturbed(killable: Killable, department: Department, settings: Settings) -> Undisturbed:
    """Lead a hub through the days without a kill."""
    acts = lead(killable, department, settings, lambda place, acts: [])
    with following(settings, department) as hub:
        require_accounted(hub)
        return Undisturbed(library_state(hub), pulled_state(hub), tuple(acts))


def lead(
    killable: Killable, department: Department, settings: Settings, plan: Plan, acts: Sequence[Ended] = ()
) -> list[Ended]:
    """Lead a hub through the days, killed as planned; returns how each attempt ended."""
    department.begin()
    ended = []
    with following(settings, department) as hub:
        for place, act in enumerate(department.days(hub)):
            for kill in plan(place, acts):
                ended.append(_attempt(killable, department, settings, act, kill))
                assert ended[-1].how in (KILLED, "done"), ended[-1].words
                if ended[-1].how != KILLED:
                    break  # it came too late
            else:
                ended.append(_attempt(killable, department, settings, act, None))
                assert ended[-1].how == "done", ended[-1].words
    return ended


def _attempt(
    killable: Killable, department: Department, settings: Settings, act: Act, kill: Kill | None
) -> Ended:
    """Try until nobody else has the source: PostgreSQL takes a moment to see that a client is dead."""
    until = time.monotonic() + _PATIENCE
    while True:
        ended = killable.act(settings, {"firms": department.definition()}, act, kill)
        if ended.how != "source_busy" or time.monotonic() > until:
            return ended
        time.sleep(0.02)


def require_like(settings: Settings, department: Department, twin: Undisturbed) -> None:
    """The hub holds what its undisturbed twin holds, nothing lost, nothing doubled, and all of it accounted for."""
    with following(settings, department) as hub:
        require_accounted(hub)
        _require_equal(library_state(hub), twin.state)
        if department.resumes:
            _require_equal(pulled_state(hub), twin.pulled, without=department.unlike)


def _require_equal(found: dict[str, Any], expected: dict[str, Any], without: Sequence[str] = ()) -> None:
    """Compare part by part, so that a failure names the part and shows little."""
    assert found.keys() == expected.keys()
    for name in found.keys() - set(without):
        assert found[name] == expected[name], f"{name}: {_unlike(found[name], expected[name])}"


def _unlike(found: Any, expected: Any) -> object:
    if isinstance(found, dict):
        keys = [key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)]
        return [(found.get(key), expected.get(key)) for key in keys[:3]]
    return [one for one in zip(found, expected, strict=False) if one[0] != one[1]][:3]


def at_random(draw: random.Random, most: int) -> Plan:
    """Plan up to so many kills for each act: half at a stage that the act reaches, half at any moment."""

    def plan(place: int, acts: Sequence[Ended]) -> list[Kill]:
        return [_a_kill(draw, acts[place]) for _ in range(draw.randint(1, most))]

    return plan


def _a_kill(draw: random.Random, act: Ended) -> Kill:
    if act.steps and draw.random() < 0.5:
        return Kill(stage=draw.choice(act.steps)[0], batch=draw.choice((None, 1, 2)))
    return Kill(after=draw.uniform(0.02, act.seconds))


def in_turn(kind: int, number: int, draw: random.Random) -> Plan:
    """Plan so many kills for the acts of the kind of that place, so that over the kinds every stage has its turn."""

    def plan(place: int, acts: Sequence[Ended]) -> list[Kill]:
        return [
            _in_turn(kind + turn, acts[place], draw) for turn in range(number) if turn % len(acts) == place
        ]

    return plan


def _in_turn(turn: int, act: Ended, draw: random.Random) -> Kill:
    turns = (*STAGES, None)
    stage = turns[turn % len(turns)]
    if stage in dict(act.steps):
        return Kill(stage=stage)
    return Kill(after=draw.uniform(0.1, 0.7) * act.seconds)
