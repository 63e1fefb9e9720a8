"""``terms``: what it costs to decide a call among 10,000 agreements, to hear of a change of one, and to count calls exactly.

The bare route and the decision in one process, each by its processor time in turn, since two servers differ by more than a decision; one
change heard against loading all; and audited calls that are counted against audited calls that are not, over the served hub.
"""

import asyncio
import random
from time import perf_counter, process_time

from fastapi import FastAPI
from joserfc.jwk import OKPKey
from sqlalchemy import text
from starlette.requests import Request

from audit.recording import record_administration
from benchmarks import in_process
from benchmarks.bare_app import add_bare_routes
from benchmarks.callers import (
    STATEMENT,
    SYSTEM,
    Calling,
    calling,
    load,
    request_bytes,
    true_keys,
)
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from catalog.directory import Directory
from catalog.system import System
from exchange_api.app import Opened, create_app
from exchange_api.calls import Call, Stated
from exchange_api.door import Attempt, Door
from hub.caller import load_private_key
from infra.database import Role

RESOURCE, PLAIN, TERMED = "natural_person", SYSTEM, "bench-1"
REQUESTS, CONNECTIONS, CHANGES = 10_000, 32, 20
ITEMS = ("name", "sex", "registered_division", "marital_status", "life_status")
AGREEMENTS, A_SYSTEM = 10_000, 6  # agreements, and how many of them each system has
_TERMS = """{"rows": [{"item": "registered_division", "within": "500000"}], "hours": ["every 00:00-24:00"],
             "quota_per_day": 1000000000, "rate": {"per_second": 10000, "burst": 100000}}"""


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Single records by key, five items."""
    keys = random.Random(7).choices(true_keys(ground, RESOURCE), k=REQUESTS)
    paths = [f"/v1/resources/{RESOURCE}/records/{key}" for key in keys]
    heard = Ratio("terms", "a change of one heard ÷ all 10,000 loaded", "loads", 20.0)
    counted = Ratio("terms", "audited call, counted ÷ not counted", "calls", 0.5)
    with calling(ground) as caller:
        _fill(ground)
        decided = asyncio.run(_decided(ground, paths, runs))
        alternate(lambda: asyncio.run(_heard(ground)), [(heard, lambda: asyncio.run(_loaded(ground)))], runs)
        of_counted = Calling(
            f"http://127.0.0.1:{caller.port}",
            TERMED,
            load_private_key(ground.hub.settings.home, SYSTEM),
            STATEMENT,
        )

        def audited(whose: Calling) -> float:
            headers = caller.run(whose.headers())
            requests = [request_bytes(f"{path}?items={','.join(ITEMS)}", headers) for path in paths]
            return REQUESTS / asyncio.run(load(caller.port, requests, CONNECTIONS)).seconds

        alternate(lambda: audited(of_counted), [(counted, lambda: audited(caller))], runs)
        caller.run(of_counted.__aexit__())
    return [*decided, heard, counted]


async def _decided(ground: Ground, paths: list[str], runs: int) -> list[Ratio]:
    """What a call of the bare route costs, and what it would with the decision, under an agreement of items and of every term."""
    plain = Ratio("terms", "bare route, decided ÷ not, 10,000 agreements", "calls", 0.95)
    full = Ratio("terms", "the same, by an agreement with every term", "calls", 0.9)
    opened: list[Opened] = []

    def routes(app: FastAPI, works: Opened) -> None:
        add_bare_routes(app, works)
        opened.append(works)

    app = create_app(ground.hub.settings, routes)
    async with app.router.lifespan_context(app):
        door = opened[0]().door
        for counted in [False] + [True] * runs:
            decisions = [_seconds_to_decide(door, system) for system in (PLAIN, TERMED)]
            bare = 1 / await in_process.rate(app, paths, CONNECTIONS)
            for ratio, decision in zip((plain, full), decisions, strict=True) if counted else ():
                ratio.rates.append(1 / (bare + decision))
                ratio.limits.append(1 / bare)
    return [plain, full]


def _seconds_to_decide(door: Door, system: str) -> float:
    """Processor time from the items asked for to the agreement that allows."""
    attempt = Attempt(Request({"type": "http", "headers": []}), "record")
    attempt.system = System(system, "BENCH", system, (OKPKey.generate_key("Ed25519").as_dict(private=False),))
    stated = Stated(STATEMENT.purpose, STATEMENT.legal_basis, STATEMENT.case_code)
    began = process_time()
    for _ in range(REQUESTS):
        door.agreed(attempt, RESOURCE, Call(("key",), ITEMS, None, False, stated, "BENCH"))
    return (process_time() - began) / REQUESTS


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
