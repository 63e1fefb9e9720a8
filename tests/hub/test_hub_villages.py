"""The 620,573 villages of the country, from a compressed file of 2023: all in, counted, in bounded memory, and once."""

import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
import zstandard
from skipping import absent
from sqlalchemy import text

from hub.composition import open_hub
from infra.database import Role

VILLAGES = Path(__file__).parents[2].parent / "shared" / "data" / "divisions" / "cn_villages_2023_nbs.csv.zst"
ROWS = 620_573
PEAK = 1200  # MiB; what the libraries take when nothing is read is about a third of it
SOURCE = {
    "code": "villages",
    "resource": "division_area",
    "department": "统计局",
    "title": "统计用村级区划",
    "ordinal": 77,
    "connector": "file",
    "options": {"path": str(VILLAGES)},
    "row_id": "code",
    "mapping": {
        "code": {"column": "code"},
        "name": {"column": "name"},
        "level": {"constant": "village"},
        "parent_code": {"column": "streetCode"},
    },
}

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def told(hub_settings, tmp_path):
    """Settings of a hub whose one source is the file, and a function that ingests it in a process of its own."""
    from hub.upgrade import upgrade_database
    from infra.database import open_database

    if not VILLAGES.is_file():
        absent(f"{VILLAGES.name} of the real data")
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "villages.yaml").write_text(yaml.safe_dump(SOURCE, allow_unicode=True), encoding="utf-8")
    settings = hub_settings.model_copy(update={"sources": sources})
    with open_database(settings) as database:
        upgrade_database(database)

    def ingest() -> tuple[dict, float]:
        named = {"home": settings.home, "database_url": settings.database_url, "sources": sources}
        environment = os.environ | {f"HUB_{name.upper()}": str(value) for name, value in named.items()}
        words = [sys.executable, "-c", "from hub.cli import main; main()", "ingest", "villages", "--json"]
        with (tmp_path / "output").open("w+") as output:
            process = subprocess.Popen(words, env=environment, stdout=output)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode == 0
            output.seek(0)
            (report,) = json.load(output)["sources"]
        return report, used.ru_maxrss / 1024

    return settings, ingest


def expected() -> tuple[Counter[str], dict[str, str]]:
    """By Python's own reader: villages by province, and the names of some."""
    with VILLAGES.open("rb") as packed:
        lines = io.TextIOWrapper(
            zstandard.ZstdDecompressor().stream_reader(packed), encoding="utf-8", newline=""
        )
        rows = [(row["code"], row["name"], row["provinceCode"]) for row in csv.DictReader(lines)]
    assert len({code for code, _, _ in rows}) == ROWS
    return Counter(province for _, _, province in rows), {code: name for code, name, _ in rows[::5_000]}


def test_every_village_is_in_and_a_second_run_finds_nothing_new(told):
    settings, ingest = told
    report, peak = ingest()
    assert (report["pulled"], report["quarantined"]) == (ROWS, 0), report["reasons"]
    assert (report["contributed"], report["created"], report["updated"]) == (ROWS, ROWS, 0)
    assert peak < PEAK

    provinces, some = expected()
    with open_hub(settings) as hub, hub.database.engine(Role.APPLICATION).connect() as connection:
        counted = connection.execute(
            text(
                "SELECT left(code, 2), count(*) FROM library.golden_division_area WHERE level = 'village' GROUP BY 1"
            )
        )
        assert {row[0]: row[1] for row in counted} == provinces
        names = connection.execute(
            text("SELECT code, name FROM library.golden_division_area WHERE code = ANY(:codes)"),
            {"codes": list(some)},
        )
        assert {row.code: row.name for row in names} == some
        orphans = "SELECT count(*) FROM library.golden_division_area WHERE parent_code <> left(code, 9)"
        assert connection.execute(text(orphans)).scalar_one() == 0

    again, _ = ingest()
    assert (again["batches"], again["pulled"]) == (0, 0)
