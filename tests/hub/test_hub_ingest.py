"""A record's way in, on a small city: counts, convergence after a kill at every stage, nothing in the clear."""

import json
import subprocess
import sys

import pyarrow.compute as pc
import pytest
from library_state import library_state, pulled_state
from sqlalchemy import text

from hub.city.build import build_city
from hub.city.live import live
from hub.city.truth import load_truth
from hub.composition import open_hub
from hub.ingest import STAGES, ingest_source
from infra.database import Role
from infra.settings import Settings
from schemas.errors import SourceBusy, UnknownSource

BATCH_ROWS = 300
SOURCE = "social_security"  # a file source whose rows meet those of another department


def test_every_source_comes_in_and_every_row_is_accounted_for(hub):
    reports = {code: ingest_source(hub, code, batch_rows=BATCH_ROWS) for code in hub.sources}

    truth = load_truth(hub.settings.city)
    for code, report in reports.items():
        assert report.pulled == truth.rows[code]
        assert report.pulled == report.contributed + report.unchanged + report.quarantined
    assert reports["public_security"].batches > 1
    for code in hub.sources:
        again = ingest_source(hub, code)
        assert (again.pulled, again.created, again.updated) == (0, 0, 0)


def test_the_gate_catches_the_impossible_and_leaves_the_good(hub):
    from hub.demo import check_quarantine

    for code in hub.sources:
        ingest_source(hub, code)

    found = check_quarantine(hub, load_truth(hub.settings.city))
    assert found["impossible_identifiers"] > 0
    assert found["recall"] >= 0.99
    assert found["false_share"] <= 0.001


def test_nothing_personal_of_the_city_is_in_the_database(hub, own_settings):
    """Dump the whole database, as a thief would, and look for every number, phone and name of the city in it."""
    for code in hub.sources:
        ingest_source(hub, code)
    truth = load_truth(hub.settings.city).tables

    with hub.database.engine(Role.OWNER).connect() as connection:
        query = (
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        )
        tables = [
            row
            for row in connection.execute(text(query))
            if row[0] not in ("pg_catalog", "information_schema")
        ]
        dump = "\n".join(
            value
            for schema, name in tables
            for (value,) in connection.execute(text(f'SELECT t::text FROM "{schema}"."{name}" t'))
        )
    assert len(dump) > 100_000
    persons = truth["natural_person"]
    for item in ("citizen_number", "mobile_phone", "household_number"):
        for value in pc.unique(persons[item]).drop_null().to_pylist():
            assert value not in dump
            assert value.encode().hex() not in dump
    # a name of two characters can occur in a company's name by chance; as a cell of its own it must not occur
    words = set(dump.replace("(", ",").replace(")", ",").replace('"', ",").replace("\n", ",").split(","))
    assert not words & set(pc.unique(persons["name"]).to_pylist())
    representatives = truth["legal_person"]["representative_name"]
    assert not words & set(pc.unique(representatives).drop_null().to_pylist())


# Heavy imports are paid once: this process forks a child for every stage, and each child is killed in that stage.
CHILD = """
import json, os, signal, sys
from hub.composition import open_hub
from hub.ingest import ingest_source
from infra.settings import Settings
import connectors.file, connectors.standardise, quality.expectations

settings = Settings.model_validate_json(sys.argv[1])

def run(stage, batch):
    def kill(step):
        if (step.stage, step.batch) == (stage, batch):
            os.kill(os.getpid(), signal.SIGKILL)
    with open_hub(settings, systems=True) as hub:
        ingest_source(hub, sys.argv[3], progress=kill, batch_rows=int(sys.argv[4]))

for stage, batch in json.loads(sys.argv[2]):
    if (child := os.fork()) == 0:
        run(stage, batch)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
        sys.exit(f"not killed in {stage}")
"""


def _ingest_and_die(settings: Settings, kills: list[tuple[str, int]]) -> None:
    arguments = [settings.model_dump_json(), json.dumps(kills), SOURCE, str(BATCH_ROWS)]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr


def test_killed_at_every_stage_a_rerun_reaches_the_same_state(hub, own_settings, database_copy):
    """One hub is left alone; the other is killed in each stage, run again each time, and then once to the end."""
    ingest_source(hub, "public_security", batch_rows=BATCH_ROWS)
    hub.database.close()
    other_settings = database_copy(own_settings)
    ingest_source(hub, SOURCE, batch_rows=BATCH_ROWS)
    undisturbed = library_state(hub), pulled_state(hub)

    # the first is killed in its second batch, so that each of the others starts from a watermark
    _ingest_and_die(other_settings, [(STAGES[0], 2), *((stage, 1) for stage in STAGES[1:])])
    with open_hub(other_settings, systems=True) as other:
        ingest_source(other, SOURCE, batch_rows=BATCH_ROWS)
        assert (library_state(other), pulled_state(other)) == undisturbed


def test_three_days_later_only_what_changed_comes_in(own_settings, tmp_path):
    folder = tmp_path / "city"
    build_city(folder, 1_000, 11)
    with open_hub(own_settings.model_copy(update={"city": folder}), systems=True) as living:
        for code in living.sources:
            ingest_source(living, code)
        lived = live(folder, 3)
        for code in living.sources:
            report = ingest_source(living, code)
            changed = lived.rows.get(code, 0)
            assert report.pulled <= max(changed, 0) or code.startswith("natural_resources")
            assert report.contributed <= changed


def test_two_runs_over_one_source_do_not_mix(hub):
    with hub.database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended('source.social_security', 0))")
        with pytest.raises(SourceBusy, match="social_security"):
            ingest_source(hub, SOURCE)
    assert ingest_source(hub, SOURCE).pulled > 0


def test_an_unknown_source_names_the_known_ones(hub):
    with pytest.raises(UnknownSource, match="public_security"):
        ingest_source(hub, "tax_office")


def test_every_batch_is_on_the_ledger(hub):
    report = ingest_source(hub, SOURCE, batch_rows=BATCH_ROWS)

    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = "SELECT count(*), sum(records) FROM ledger.entry WHERE action = 'ingest.batch' AND actor = 'source:social_security'"
        assert tuple(connection.execute(text(query)).one()) == (report.batches, report.contributed)
