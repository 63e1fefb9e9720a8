"""``batch``: records per second in audited calls of 1,000 keys ÷ an ADBC read of the same rows."""

import asyncio
import itertools
from time import perf_counter

from adbc_driver_postgresql import dbapi

from base_libraries.storage import Tables
from benchmarks.callers import calling, true_keys
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from infra.database import Role

KEYS, CALLS, AT_ONCE = 1000, 20, 4


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Natural persons, all items, unsealed and on the ledger, against the sealed rows as Arrow."""
    ratio = Ratio("batch", "records in 1,000-key calls ÷ ADBC read", "records", 0.2)
    keys = true_keys(ground, "natural_person")
    turns = itertools.cycle(range(0, max(len(keys) - KEYS, 1), KEYS))
    with calling(ground) as caller:

        async def work() -> int:
            found = 0
            async with asyncio.timeout(600):
                for _ in range(CALLS // AT_ONCE):
                    start = next(turns)
                    answer = await caller.query("natural_person", keys[start : start + KEYS])
                    answer.raise_for_status()
                    found += answer.json()["records"].__len__()
            return found

        async def together() -> float:
            await caller.token()
            began = perf_counter()
            found = sum(await asyncio.gather(*(work() for _ in range(AT_ONCE))))
            return found / (perf_counter() - began)

        alternate(lambda: caller.run(together()), [(ratio, lambda: _read(ground))], runs)
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
