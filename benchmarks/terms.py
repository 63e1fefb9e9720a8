"""``terms``: what it costs to decide a call among 10,000 agreements, to hear of a change of one, and to count calls exactly.

The bare route with and without a decision (``benchmarks.deciding_app``), under an agreement that states every term; one
decision in a process, since two servers differ by more than that; one change heard against loading all; and audited calls that are
counted against audited calls that are not.
"""

import asyncio
import random
from contextlib import ExitStack
from time import perf_counter

from sqlalchemy import text

from audit.recording import record_administration
from benchmarks.callers import (
    STATEMENT,
    SYSTEM,
    Calling,
    calling,
    load,
    request_bytes,
    served_settings,
    true_keys,
)
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from catalog.agreement import agreement_allowing
from catalog.directory import Directory
from exchange_api.calls import Call, Stated
from hub import server
from hub.caller import load_private_key
from infra.clock import now
from infra.database import Role

RESOURCE, TERMED = "natural_person", "bench-1"
REQUESTS, CONNECTIONS, DECISIONS, CHANGES = 10_000, 32, 50_000, 20
AGREEMENTS, A_SYSTEM = 10_000, 6  # agreements, and how many of them each system has
ITEMS = ("name", "sex", "registered_division", "marital_status", "life_status")
_TERMS = """{"rows": [{"item": "registered_division", "within": "500000"}], "hours": ["every 00:00-24:00"],
             "quota_per_day": 1000000000, "rate": {"per_second": 10000, "burst": 100000}}"""


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Single records by key, five items."""
    decided = Ratio("terms", "decided bare route ÷ bare route, 10,000 agreements", "calls", 0.95)
    alone = Ratio("terms", "decisions of one process ÷ bare route", "calls", 20.0)
    heard = Ratio("terms", "a change of one heard ÷ all 10,000 loaded", "loads", 20.0)
    counted = Ratio("terms", "audited call, counted ÷ not counted", "calls", 0.8)
    keys = random.Random(7).choices(true_keys(ground, RESOURCE), k=REQUESTS)
    paths = [f"/v1/resources/{RESOURCE}/records/{key}" for key in keys]
    with ExitStack() as stack:
        caller = stack.enter_context(calling(ground))
        _fill(ground)
        bare, deciding = served_settings(ground), served_settings(ground)
        for settings, name in ((bare, "bare"), (deciding, "deciding")):
            log = settings.home / f"{name}.log"
            stack.enter_context(server.served(settings, log, f"benchmarks.{name}_app:app"))

        def rate(port: int, headers: dict[str, str], query: str = "") -> float:
            requests = [request_bytes(path + query, headers) for path in paths]
            return REQUESTS / asyncio.run(load(port, requests, CONNECTIONS)).seconds

        alternate(lambda: rate(deciding.port, {}), [(decided, lambda: rate(bare.port, {}))], runs)
        alternate(lambda: asyncio.run(_decisions(ground)), [(alone, lambda: rate(bare.port, {}))], runs)
        alternate(lambda: asyncio.run(_heard(ground)), [(heard, lambda: asyncio.run(_loaded(ground)))], runs)
        of_counted = Calling(
            f"http://127.0.0.1:{caller.port}",
            TERMED,
            load_private_key(ground.hub.settings.home, SYSTEM),
            STATEMENT,
        )
        query = f"?items={','.join(ITEMS)}"

        def audited(whose: Calling) -> float:
            return rate(caller.port, caller.run(whose.headers()), query)

        alternate(lambda: audited(of_counted), [(counted, lambda: audited(caller))], runs)
        caller.run(of_counted.__aexit__())
    return [decided, alone, heard, counted]


def _fill(ground: Ground) -> None:
    """Give other systems agreements as the benchmark's own has them, those on persons with every term."""
    with ground.hub.database.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="benchmark", action="agreement.add", target="bench", facts={})
        copies = {"number": AGREEMENTS // A_SYSTEM, "system": SYSTEM, "terms": _TERMS, "resource": RESOURCE}
        connection.execute(
            text(
                "INSERT INTO catalog.system (id, organisation, title, keys, status, administrator) "
                "SELECT 'bench-' || n, organisation, title, keys, status, false "
                "FROM catalog.system, generate_series(1, :number) n WHERE id = :system ON CONFLICT DO NOTHING"
            ),
            copies,
        )
        connection.execute(
            text(
                "INSERT INTO catalog.agreement (id, system, resource, items, masked, purposes, legal_bases, valid_from, "
                "valid_to, status, max_keys, terms) SELECT 'bench-' || n || '.' || resource, 'bench-' || n, resource, items, "
                "masked, purposes, legal_bases, valid_from, valid_to, status, max_keys, "
                "CASE WHEN resource = :resource THEN CAST(:terms AS jsonb) ELSE '{}' END "
                "FROM catalog.agreement, generate_series(1, :number) n WHERE system = :system ON CONFLICT DO NOTHING"
            ),
            copies,
        )


async def _opened(ground: Ground) -> Directory:
    directory = Directory(ground.hub.database.url(Role.APPLICATION))
    await directory.start()
    return directory


async def _decisions(ground: Ground) -> float:
    """Decisions per second, from the system and the resource to the agreement that allows."""
    directory = await _opened(ground)
    stated = Stated(STATEMENT.purpose, STATEMENT.legal_basis, STATEMENT.case_code)
    began = perf_counter()
    for _ in range(DECISIONS):
        call = Call(("key",), ITEMS, None, False, stated, "BENCH")
        agreement_allowing(directory.snapshot.agreements.get((TERMED, RESOURCE), ()), call, now())
    seconds = perf_counter() - began
    await directory.close()
    return DECISIONS / seconds


async def _loaded(ground: Ground) -> float:
    began = perf_counter()
    directory = await _opened(ground)
    seconds = perf_counter() - began
    await directory.close()
    return 1 / seconds


async def _heard(ground: Ground) -> float:
    """Changes per second, each from before its transaction until the process decides by it."""
    directory, place = await _opened(ground), ("bench-7", "legal_person")
    began = perf_counter()
    for limit in range(1, CHANGES + 1):
        await asyncio.to_thread(_change, ground, limit)
        while directory.snapshot.agreements[place][0].max_keys != limit:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.0002)
    seconds = perf_counter() - began
    await directory.close()
    return CHANGES / seconds


def _change(ground: Ground, limit: int) -> None:
    with ground.hub.database.engine(Role.APPLICATION).begin() as connection:
        record_administration(
            connection, actor="benchmark", action="agreement.limit", target="bench-7", facts={}
        )
        query = "UPDATE catalog.agreement SET max_keys = :limit WHERE id = 'bench-7.legal_person'"
        connection.execute(text(query), {"limit": limit})
