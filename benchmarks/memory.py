"""``memory``: the peak of ``hub ingest`` at 1 M rows ÷ that at 5 M, of a CSV file and of a table; bounded by the batch is near 1.

Each ingest is a process of its own into a library emptied before, and what is told is what the kernel says was its most.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import yaml

from benchmarks.ground import Ground
from benchmarks.ratios import Ratio
from hub.city.numbers import credit_codes, organisation_codes
from hub.upgrade import reset_database

SMALL, LARGE = 1_000_000, 5_000_000
COLUMNS = ("id", "code", "name", "staff", "person", "updated")
_CHUNK = 100_000
_MIB = 1024  # KiB, which ``getrusage`` counts in


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """One ratio a kind of source, measured once: the peak does not depend on how busy the machine is."""
    found = []
    for kind, deliver in (("a CSV file", _file), ("a table of PostgreSQL", _table)):
        ratio = Ratio("memory", f"peak at {SMALL:,} ÷ at {LARGE:,} rows of {kind}", "MiB", 0.8)
        with tempfile.TemporaryDirectory() as folder:
            for rows, told in ((SMALL, ratio.rates), (LARGE, ratio.limits)):
                told.append(_peak(ground, Path(folder), deliver(ground, Path(folder), rows)))
        found.append(ratio)
    return found


def _peak(ground: Ground, folder: Path, connection: dict[str, object]) -> float:
    """Ingest in a process of its own; the most memory it had, in MiB."""
    reset_database(ground.hub.database)
    definition = {
        "code": "memory", "resource": "legal_person", "department": "市场监督管理局", "title": "企业", "ordinal": 1,
        "row_id": "id", "observed_at": "updated", **connection,
        "mapping": {
            "credit_code": {"column": "code"}, "name": {"column": "name"}, "staff_count": {"column": "staff"},
            "representative_name": {"column": "person"},
        },
    }  # fmt: skip
    sources = folder / "sources"
    sources.mkdir(exist_ok=True)
    (sources / "memory.yaml").write_text(yaml.safe_dump(definition, allow_unicode=True), encoding="utf-8")
    settings = ground.hub.settings
    environment = os.environ | {
        "HUB_HOME": str(settings.home),
        "HUB_CITY": str(folder),
        "HUB_SOURCES": str(sources),
    }
    words = [sys.executable, "-c", "from hub.cli import main; main()", "ingest", "memory", "--json"]
    child = os.spawnvpe(os.P_NOWAIT, sys.executable, words, environment)
    _, status, used = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError("The ingest failed.")
    return used.ru_maxrss / _MIB


def _rows(number: int) -> Iterator[list[str]]:
    """Lines of CSV, by the chunk."""
    for first in range(0, number, _CHUNK):
        numbers = np.arange(first, min(first + _CHUNK, number))
        kinds = pa.array(["91"] * len(numbers))
        codes = credit_codes(
            kinds, pa.array(["500000"] * len(numbers)), organisation_codes(numbers)
        ).to_pylist()
        yield [
            f"{n},{code},重庆{n}有限公司,{n % 500},代表{n},2026-01-01 00:00:00"
            for n, code in zip(numbers.tolist(), codes, strict=True)
        ]


def _file(ground: Ground, folder: Path, number: int) -> dict[str, object]:
    path = folder / "firms.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        for lines in _rows(number):
            file.write("\n".join(lines) + "\n")
    return {"connector": "file", "options": {"path": str(path)}}


def _table(ground: Ground, folder: Path, number: int) -> dict[str, object]:
    with psycopg.connect(ground.peers) as connection:
        connection.execute("DROP TABLE IF EXISTS firms")
        connection.execute(
            "CREATE TABLE firms (id integer, code text, name text, staff integer, person text, updated timestamp)"
        )
        with connection.cursor().copy("COPY firms FROM STDIN (FORMAT csv)") as copy:
            for lines in _rows(number):
                copy.write("\n".join(lines) + "\n")
        connection.execute("ALTER TABLE firms ADD PRIMARY KEY (id)")
    return {"connector": "sql", "options": {"url": ground.peers, "table": "firms"}}
