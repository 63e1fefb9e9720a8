"""``batch``: records per second in audited calls of 1,000 keys ÷ an ADBC read of the same rows."""

import asyncio
import itertools
from time import perf_counter

import orjson
from adbc_driver_postgresql import dbapi

from base_libraries.storage import Tables
from benchmarks.callers import calling, load, request_bytes, true_keys
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from infra.database import Role

KEYS, CALLS, CONNECTIONS = 1000, 48, 16


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Natural persons, all items, unsealed and on the ledger, against the sealed rows as Arrow."""
    ratio = Ratio("batch", "records in 1,000-key calls ÷ ADBC read", "records", 0.2)
    keys = true_keys(ground, "natural_person")
    turns = itertools.cycle(range(0, max(len(keys) - KEYS, 1), KEYS))
    with calling(ground) as caller:

        def called() -> float:
            headers = caller.run(caller.headers())
            starts = itertools.islice(turns, CALLS)
            bodies = [orjson.dumps({"keys": keys[start : start + KEYS]}) for start in starts]
            requests = [request_bytes("/v1/resources/natural_person/query", headers, body) for body in bodies]
            found = asyncio.run(load(caller.port, requests, CONNECTIONS))
            return found.records / found.seconds

        alternate(called, [(ratio, lambda: _read(ground))], runs)
    return [ratio]


def _read(ground: Ground) -> float:
    table = Tables(ground.hub.resources["natural_person"]).golden
    with (
        dbapi.connect(ground.hub.database.url(Role.APPLICATION)) as connection,
        connection.cursor() as cursor,
    ):
        began = perf_counter()
        cursor.execute(f"SELECT * FROM {table} LIMIT {KEYS * CALLS}")
        rows = cursor.fetch_arrow_table().num_rows
        return rows / (perf_counter() - began)
