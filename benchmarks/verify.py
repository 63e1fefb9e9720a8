"""``verify``: calls per second that verify five claims ÷ audited calls that read the same five items, one record each; and many at once.

What is claimed is what the library knows, so that nothing fails and every record is opened and compared in full.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import orjson

from benchmarks.callers import Calling, calling, load, request_bytes, true_keys
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate

RESOURCE = "natural_person"
REQUESTS, CONNECTIONS, MANY = 5_000, 32, 1000
ITEMS = ("name", "sex", "registered_division", "marital_status", "life_status")


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Natural persons by key, five items of which one is sealed."""
    one = Ratio("verify", "verified call ÷ audited read, one record", "calls", 0.83)
    many = Ratio("verify", "verified subjects ÷ records read, 1,000 a call", "records", 0.83)
    keys = random.Random(7).sample(true_keys(ground, RESOURCE), k=min(REQUESTS, ground.persons))
    with calling(ground) as caller:
        subjects = caller.run(_known(caller, keys))
        once = [(f"/records/{one['key']}?items={','.join(ITEMS)}", b"") for one in subjects]
        claimed = [("/verify", orjson.dumps({"subjects": [one]})) for one in subjects]
        alternate(lambda: _rate(caller, claimed), [(one, lambda: _rate(caller, once))], runs)
        pages = [subjects[at : at + MANY] for at in range(0, len(subjects), MANY)]
        read = [
            ("/query", orjson.dumps({"keys": [one["key"] for one in page], "items": ITEMS})) for page in pages
        ]
        asked = [("/verify", orjson.dumps({"subjects": page})) for page in pages]
        alternate(lambda: _rate(caller, asked) * MANY, [(many, lambda: _rate(caller, read) * MANY)], runs)
    return [one, many]


async def _known(caller: Calling, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Return subjects with what the library knows of them as claims."""
    found: list[dict[str, Any]] = []
    for at in range(0, len(keys), MANY):
        answer = await caller.query(RESOURCE, keys[at : at + MANY], items=ITEMS)
        for record in answer.json()["records"]:
            claims = {item: value for item, value in record["data"].items() if value is not None}
            found.append({"key": record["key"], "claims": claims})
    return found


def _rate(caller: Calling, asked: Sequence[tuple[str, bytes]]) -> float:
    headers = caller.run(caller.headers())
    requests = [request_bytes(f"/v1/resources/{RESOURCE}{path}", headers, body) for path, body in asked]
    return len(requests) / asyncio.run(load(caller.port, requests, CONNECTIONS)).seconds
