"""The real scheduler over a small city: every DAG runs, it is killed amid a run, and all converges to an undisturbed twin."""

import shutil
import signal
from collections import Counter
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
import yaml
from sqlalchemy import text
from standalone import ROOT, Standalone, environment, until

from base_libraries.reading import GoldenReader
from hub.city.build import build_city
from hub.city.live import live
from hub.composition import open_hub
from hub.ingest import ingest_source
from hub.pauses import pause
from hub.server import free_port
from hub.source_registry import register
from hub.upgrade import upgrade_database
from infra.database import Role, open_database
from infra.settings import Settings

SHIPPED = ROOT / "connectors" / "sources"
WORKING = ("public_security", "social_security", "market_regulation")
PAUSED, AWAY, REGISTERED = "civil_affairs_death", "away", "credit_permit"
READ = (*WORKING, REGISTERED)
RESOURCES = ("legal_person", "natural_person", "credit_record")
DUTIES = {"data_docs", "neighbour_catalogues", "quarantine_ageing", "sharing_duties"}
DAGS = (
    {f"ingest_{code}" for code in (*READ, PAUSED, AWAY)}
    | {f"scorecard_{code}" for code in RESOURCES}
    | DUTIES
)
DAGS |= {"seal"}


def knowledge(hub):
    """What a hub knows, without what depends on the order in which its sources were read."""
    found = {}
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        batches = {
            row[0]: row[1] for row in connection.execute(text("SELECT number, source FROM library.batch"))
        }
        for code in RESOURCES:
            reader = GoldenReader(hub.resources[code], hub.keyring)
            names = tuple(item.name for item in hub.resources[code].items)
            rows = connection.execute(text(f"SELECT * FROM {reader.tables.golden}")).mappings().all()
            records = reader.records(rows, names)
            said = [reader.provenance(row, names, batches) for row in rows]
            found[code] = {
                row["_subject"]: (record, {name: (o["source"], o["rule"]) for name, o in told.items()})
                for row, record, told in zip(rows, records, said, strict=True)
            }
            query = text(f"SELECT _subject, _source, _row FROM {reader.tables.contribution}")
            found[f"{code} contributions"] = Counter(tuple(row) for row in connection.execute(query))
        query = text("SELECT source, row_reference, reasons::text FROM library.quarantine")
        found["quarantine"] = Counter(tuple(row) for row in connection.execute(query))
    return found


def counts(hub):
    """Rows by source, as the batches' records tell."""
    query = "SELECT source, sum(pulled), sum(quarantined) FROM library.batch WHERE pulled > 0 GROUP BY source"
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(text(query))}


def ledger(hub, action):
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = text("SELECT problem, facts FROM ledger.entry WHERE action = :action ORDER BY id")
        return [tuple(row) for row in connection.execute(query, {"action": action})]


@pytest.fixture
def settings(tmp_path):
    """A hub with an embedded PostgreSQL of its own, over a city and one system that is away; one source is paused."""
    build_city(tmp_path / "city", 300, 11)
    (tmp_path / "sources").mkdir()
    for code in (*WORKING, PAUSED):
        shutil.copy(SHIPPED / f"{code}.yaml", tmp_path / "sources")
    away = yaml.safe_load((SHIPPED / "public_security.yaml").read_text(encoding="utf-8")) | {
        "code": AWAY,
        "ordinal": 90,
        "options": {"url": f"postgresql://reader@127.0.0.1:{free_port()}/away", "table": "hjjl"},
    }
    (tmp_path / "sources" / "away.yaml").write_text(yaml.safe_dump(away), encoding="utf-8")
    ours = Settings(
        home=tmp_path / "h",
        city=tmp_path / "city",
        sources=tmp_path / "sources",
        database_url=None,
        batch_rows=200,
    )
    _prepare(ours)
    return ours


@pytest.fixture
def twin(settings, hub_settings):
    """A hub beside it with the same keyring, which Airflow knows nothing of."""
    same = {name: getattr(settings, name) for name in ("city", "sources", "keyring", "batch_rows")}
    beside = hub_settings.model_copy(update=same)
    _prepare(beside)
    with open_hub(beside, systems=True) as opened:
        _register(opened)
    with open_hub(beside, systems=True) as opened:
        yield opened


def _prepare(settings):
    with open_database(settings) as database:
        upgrade_database(database)
    with open_hub(settings) as hub:
        pause(hub, PAUSED, reason="系统升级", actor="operator:test")


def _register(hub):
    definition = (SHIPPED / f"{REGISTERED}.yaml").read_text(encoding="utf-8")
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        register(hub.settings, connection, definition, "system:test")


@contextmanager
def held(hub, resource):
    """Hold a library, so that whoever writes it waits in the midst of a batch; yields a count of those who wait."""
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(hub.database.url(Role.APPLICATION)) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"library.{resource}",))
        yield lambda: connection.execute(query).fetchone()[0]


@pytest.mark.server
@pytest.mark.timeout(1200)
def test_every_dag_runs_and_a_killed_scheduler_loses_and_doubles_nothing(settings, twin):
    with ExitStack() as stack:

        def start():
            airflow = Standalone(environment(settings), settings.home)
            stack.callback(airflow.stop, signal.SIGTERM)
            return airflow

        airflow = start()
        with open_hub(settings, systems=True) as hub:
            _first_round(airflow, hub, twin)
            airflow = _killed_round(airflow, start, settings, hub, twin)
            _backfill(airflow, hub, twin)
            assert airflow.listening() == {"127.0.0.1"}
            assert airflow.stop() == 0
            assert airflow.members() == []


def _first_round(airflow, hub, twin):
    for code in READ:
        ingest_source(twin, code)
    airflow.wait_until_up()
    assert len(airflow.members()) >= 6  # four components, two workers
    _register(hub)  # while the scheduler runs

    states = airflow.wait_until_quiet(DAGS)

    assert set(states) == DAGS
    assert {dag for dag, found in states.items() if found != {"success"}} == {f"ingest_{AWAY}"}
    assert airflow.get("/importErrors")["total_entries"] == 0
    assert {state for task, state in airflow.tasks(f"ingest_{PAUSED}")} == {"skipped"}
    assert knowledge(hub) == knowledge(twin)
    assert counts(hub) == counts(twin)
    ((problem, facts),) = ledger(hub, "ingest.given_up")
    assert (problem, facts["tries"]) == ("source_unreachable", 4)
    assert "city.credit" in {pool["name"] for pool in airflow.get("/pools")["pools"]}


def _killed_round(airflow, start, settings, hub, twin):
    live(settings.city, 3)
    for code in READ:
        ingest_source(twin, code)
    with held(hub, "natural_person") as waiting:
        ordered = [(dag, airflow.trigger(dag)) for dag in (f"ingest_{code}" for code in READ)]
        until(waiting, "a task to be amid a batch")
        assert airflow.kill_scheduler() >= 4  # itself, two workers, a task
    assert airflow.wait() == 1
    assert "Airflow's scheduler ended" in airflow.log.read_text()
    assert airflow.members() == []
    assert knowledge(hub) != knowledge(twin)

    again = start().wait_until_up()
    again.wait_until_quiet(DAGS)

    assert {again.runs()[run] for run in ordered} == {"success"}
    assert knowledge(hub) == knowledge(twin)
    assert counts(hub) == counts(twin)
    return again


def _backfill(airflow, hub, twin):
    """Two days of the past are read again, each by a run of its own, and nothing changes."""
    dag = "ingest_market_regulation"
    window = {"from_date": "2026-01-04T00:00:00+08:00", "to_date": "2026-01-06T00:00:00+08:00"}
    airflow.post("/backfills", dag_id=dag, max_active_runs=1, dag_run_conf={}, **window)

    until(lambda: len(airflow.runs("backfill")) >= 2, "the backfill to begin")
    airflow.wait_until_quiet(DAGS)

    assert set(airflow.runs("backfill").values()) == {"success"}
    query = text(
        "SELECT count(*), sum(pulled) FROM library.run WHERE window_from IS NOT NULL AND outcome = 'done'"
    )
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        runs, pulled = connection.execute(query).one()
    assert runs == len(airflow.runs("backfill"))
    assert pulled > 0
    assert knowledge(hub) == knowledge(twin)
