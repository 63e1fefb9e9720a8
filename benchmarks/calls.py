"""``calls``: audited, authorised calls per second ÷ the bare route of the same application doing the same read.

Both servers run on the same database, with the same number of workers, one loaded at a time. The bare route has no
authentication, agreement, unsealing or ledger (``benchmarks.bare_app``).
"""

import asyncio
import random

from benchmarks.callers import calling, load, request_bytes, served_settings, true_keys
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from hub import server

RESOURCE = "natural_person"
REQUESTS, CONNECTIONS = 10_000, 32
ITEMS = "name,sex,registered_division,marital_status,life_status"


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Single records by key, five items of which one is sealed."""
    ratio = Ratio("calls", "audited call ÷ bare route", "calls", 0.5)
    dice = random.Random(7)
    keys = dice.choices(true_keys(ground, RESOURCE), k=REQUESTS)
    bare = served_settings(ground)
    with (
        calling(ground) as caller,
        server.served(bare, bare.home / "bare.log", "benchmarks.bare_app:app") as _url,
    ):
        port = caller.port

        def guarded() -> float:
            headers = caller.run(caller.headers())
            requests = [
                request_bytes(f"/v1/resources/{RESOURCE}/records/{key}?items={ITEMS}", headers)
                for key in keys
            ]
            return _rate(port, requests)

        def without() -> float:
            return _rate(
                bare.port, [request_bytes(f"/v1/resources/{RESOURCE}/records/{key}", {}) for key in keys]
            )

        alternate(guarded, [(ratio, without)], runs)
    return [ratio]


def _rate(port: int, requests: list[bytes]) -> float:
    return len(requests) / asyncio.run(load(port, requests, CONNECTIONS)).seconds
