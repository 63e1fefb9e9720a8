"""The calls of the demo: an approval desk's working day, with every kind of refusal among them."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from hub.caller import Caller

PERSON_ITEMS = (
    "citizen_number",
    "name",
    "sex",
    "date_of_birth",
    "registered_address",
    "marital_status",
    "life_status",
)
COMPANY_ITEMS = (
    "credit_code",
    "name",
    "representative_name",
    "status",
    "address",
    "registered_capital",
    "established_on",
)


@dataclass(frozen=True)
class Planned:
    """One call to make: its kind, the resource, the keys, and the items asked for."""

    kind: str
    resource: str
    keys: tuple[str, ...]
    items: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True)
class Mix:
    """What was called: by kind and HTTP status, and how long it took."""

    calls: int
    outcomes: Mapping[tuple[str, int], int]
    seconds: float
    milliseconds: Sequence[float]


def plan(calls: int, keys: Mapping[str, Sequence[str]], seed: int) -> list[Planned]:
    """Plan the calls: 80 % single records, 10 % queries, 10 % that must be refused or find nothing."""
    dice = random.Random(seed)  # noqa: S311 - a demonstration, drawn from a seed
    persons, companies = keys["natural_person"], keys["legal_person"]
    makers: dict[str, tuple[int, Callable[[], Planned]]] = {
        "one person": (40, lambda: Planned("one person", "natural_person", (dice.choice(persons),), PERSON_ITEMS)),
        "one company": (40, lambda: Planned("one company", "legal_person", (dice.choice(companies),), COMPANY_ITEMS)),
        "20 persons": (6, lambda: Planned("20 persons", "natural_person", tuple(dice.sample(persons, 20)), ("name", "life_status"))),
        "credit of a subject": (4, lambda: Planned("credit of a subject", "credit_record", (dice.choice(companies),), by="subject_code")),
        "nobody of that number": (2, lambda: Planned("nobody of that number", "natural_person", ("11010519491231002X",), PERSON_ITEMS)),
        "key of the wrong form": (2, lambda: Planned("key of the wrong form", "natural_person", (dice.choice(persons)[:-1] + "?",))),
        "item not agreed": (2, lambda: Planned("item not agreed", "natural_person", (dice.choice(persons),), ("mobile_phone",))),
        "no agreement": (1, lambda: Planned("no agreement", "parcel", ("500103001001GB00001",))),
        "1,001 keys": (1, lambda: Planned("1,001 keys", "legal_person", tuple(dice.choices(companies, k=1001)))),
        "no purpose": (1, lambda: Planned("no purpose", "natural_person", (dice.choice(persons),), PERSON_ITEMS)),
        "forged token": (1, lambda: Planned("forged token", "natural_person", (dice.choice(persons),), PERSON_ITEMS)),
    }  # fmt: skip
    kinds = dice.choices(list(makers), weights=[weight for weight, _ in makers.values()], k=calls)
    kinds[: len(makers)] = list(makers)  # each kind is there, however few the calls
    return [makers[kind][1]() for kind in kinds]


async def make(caller: Caller, planned: Sequence[Planned], at_once: int = 16) -> Mix:
    """Make the calls, several at once, and count what came back."""
    outcomes: Counter[tuple[str, int]] = Counter()
    taken: list[float] = []
    waiting = iter(planned)
    await caller.token()

    async def work() -> None:
        for one in waiting:
            began = time.perf_counter()
            answer = await _one(caller, one)
            taken.append((time.perf_counter() - began) * 1000)
            outcomes[one.kind, answer.status_code] += 1

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return Mix(len(planned), dict(outcomes), time.perf_counter() - began, sorted(taken))


async def _one(caller: Caller, planned: Planned) -> httpx.Response:
    if planned.kind == "no purpose":
        headers = {"Authorization": f"Bearer {await caller.token()}"}
        return await caller.record(planned.resource, planned.keys[0], items=planned.items, headers=headers)
    if planned.kind == "forged token":
        token = await caller.token()
        forged: dict[str, Any] = await caller.headers() | {"Authorization": f"Bearer {token[:-6]}AAAAAA"}
        return await caller.record(planned.resource, planned.keys[0], items=planned.items, headers=forged)
    if len(planned.keys) == 1 and not planned.by:
        return await caller.record(planned.resource, planned.keys[0], items=planned.items, provenance=True)
    return await caller.query(planned.resource, planned.keys, items=planned.items, by=planned.by)
