"""``export``: a library streamed whole, unsealed and on the ledger portion by portion ÷ COPY TO of the same columns, sealed."""

from functools import partial
from time import perf_counter

import psycopg

from base_libraries.storage import Tables
from benchmarks.callers import Calling, calling
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from exchange_api.formats import ARROW, CSV, JSON_LINES
from infra.database import Role

RESOURCE = "natural_person"
FORMS = {"JSON Lines": JSON_LINES, "CSV": CSV, "Arrow": ARROW}


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Natural persons, all items, as one stream in each form."""
    found = []
    with calling(ground) as caller:
        for name, media_type in FORMS.items():
            ratio = Ratio("export", f"a library as {name} ÷ COPY TO", "records", 0.5)
            ours = partial(_streamed, ground, caller, media_type)
            alternate(ours, [(ratio, partial(_copied, ground))], runs)
            found.append(ratio)
    return found


def _streamed(ground: Ground, caller: Calling, media_type: str) -> float:
    path, params = f"/v1/resources/{RESOURCE}/records", {"limit": "all"}

    async def read() -> float:
        await caller.token()
        began = perf_counter()
        async with caller.streamed("GET", path, params, None, accept=media_type) as answer:
            if answer.status_code != 200:
                raise RuntimeError(f"The server answered {answer.status_code}.")
            async for _ in answer.aiter_raw():
                pass
        return perf_counter() - began

    return _records(ground) / caller.run(read())


def _copied(ground: Ground) -> float:
    tables = Tables(ground.hub.resources[RESOURCE])
    names = [
        "_subject",
        "_version",
        "_valid_from",
        "_sealed",
        *(item.name for item in tables.resource.open_items),
    ]
    query = f"COPY (SELECT {', '.join(names)} FROM {tables.golden} ORDER BY _subject) TO STDOUT"
    with (
        psycopg.connect(ground.hub.database.url(Role.APPLICATION)) as connection,
        connection.cursor() as cursor,
    ):
        began = perf_counter()
        with cursor.copy(query) as copied:
            for _ in copied:
                pass
        seconds = perf_counter() - began
    return _records(ground) / seconds


def _records(ground: Ground) -> int:
    table = Tables(ground.hub.resources[RESOURCE]).golden
    with psycopg.connect(ground.hub.database.url(Role.APPLICATION)) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found[0]) if found else 0
