"""``calls``: audited, authorised calls per second ÷ the bare route of the same application doing the same read.

Both servers run on the same database, with the same number of workers, one loaded at a time. The bare route has no
authentication, agreement, unsealing or ledger (``benchmarks.bare_app``). Signed calls are answered with their proofs.
"""

import asyncio
import random
from functools import cache
from pathlib import Path

from joserfc.jwk import OKPKey

from benchmarks.callers import STATEMENT, SYSTEM, calling, load, request_bytes, served_settings, true_keys
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from exchange_api.signature_making import signed as sign
from hub import server
from hub.caller import load_private_key

RESOURCE = "natural_person"
REQUESTS, CONNECTIONS = 10_000, 32
ITEMS = "name,sex,registered_division,marital_status,life_status"


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Single records by key, five items of which one is sealed."""
    audited = Ratio("calls", "audited call ÷ bare route", "calls", 0.6)
    proven = Ratio("calls", "audited call, its answer proven ÷ bare route", "calls", 0.5)
    signed = Ratio("calls", "signed call, its answer proven ÷ bare route", "calls", 0.4)
    dice = random.Random(7)
    keys = dice.choices(true_keys(ground, RESOURCE), k=REQUESTS)
    bare = served_settings(ground)
    with (
        calling(ground) as caller,
        server.served(bare, bare.home / "bare.log", "benchmarks.bare_app:app") as _url,
    ):
        port = caller.port

        paths = [f"/v1/resources/{RESOURCE}/records/{key}?items={ITEMS}" for key in keys]

        def with_token(**more: str) -> float:
            headers = caller.run(caller.headers()) | more
            return _rate(port, [request_bytes(path, headers) for path in paths])

        def signing() -> float:
            return _rate(port, [request_bytes(path, _signed(ground, path)) for path in paths])

        def without() -> float:
            return _rate(
                bare.port, [request_bytes(f"/v1/resources/{RESOURCE}/records/{key}", {}) for key in keys]
            )

        alternate(with_token, [(audited, without)], runs)
        alternate(lambda: with_token(**{"Hub-Prove": "?1"}), [(proven, without)], runs)
        alternate(signing, [(signed, without)], runs)
    return [audited, proven, signed]


def _signed(ground: Ground, path: str) -> dict[str, str]:
    settings = ground.hub.settings
    key = _key(settings.home)
    return sign(
        "GET", settings.public_url + path, STATEMENT.headers, None, f"{SYSTEM}/{key.kid}", "ed25519", key
    )


@cache
def _key(home: Path) -> OKPKey:
    return load_private_key(home, SYSTEM)


def _rate(port: int, requests: list[bytes]) -> float:
    return len(requests) / asyncio.run(load(port, requests, CONNECTIONS)).seconds
