"""Killed outright at every stage and at any moment, and run again: the library equals that of a hub nobody disturbed."""

import os
import random
import sys
import uuid
from collections import Counter
from pathlib import Path

import psycopg
import pytest
import yaml
from departments import (
    ByPush,
    Department,
    OfChanges,
    OfCsv,
    OfDrift,
    OfExcel,
    OfGeopackage,
    OfPostgres,
    OfRepairs,
    OfRest,
    OfSqlite,
    standing,
    write_sqlite,
)
from killable import KILLED, Killable
from kills import at_random, in_turn, lead, require_like, undisturbed

from hub.composition import open_hub
from hub.ingest import ingest_source
from hub.upgrade import upgrade_database
from infra.database import open_database
from infra.embedded import EmbeddedPostgres
from infra.settings import Settings

pytestmark = pytest.mark.server

SUITE_KILLS = 25
KINDS = (OfPostgres, OfSqlite, OfCsv, OfExcel, OfGeopackage, OfRest, OfChanges, ByPush, OfRepairs, OfDrift)


@pytest.fixture(scope="module")
def killable():
    process = Killable()
    yield process
    process.close()


@pytest.fixture(scope="module")
def logging_server(tmp_path_factory, server_programs):
    """The departments' own PostgreSQL, which keeps a logical log."""
    folder = tmp_path_factory.mktemp("kills") / "server"
    settings = ("wal_level=logical", "max_wal_senders=4", "max_replication_slots=4")
    with EmbeddedPostgres(
        folder, binaries=server_programs, temporary=True, memory=64, settings=settings
    ) as server:
        yield server


@pytest.fixture(scope="module")
def start(server, tmp_path_factory) -> Settings:
    """A hub that knows another department's word on some of the firms."""
    name, folder = f"kills_{uuid.uuid4().hex}", tmp_path_factory.mktemp("start")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE hub_template STRATEGY file_copy")
        settings = Settings(
            home=folder / "home", database_url=server.url(name), batch_rows=40, sources=_registry(folder)
        )
        with open_database(settings) as database:
            upgrade_database(database)
        with open_hub(settings) as hub:
            assert ingest_source(hub, "registry").created > 40
        yield settings
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _registry(folder: Path) -> Path:
    """Define the other department, the only one but the one that is looked at: whose word on the staff counts."""
    registry = OfSqlite(folder / "registry")
    write_sqlite(registry.folder / "firms.sqlite", [firm | {"staff": 3} for firm in standing(0)[::2]])
    told = yaml.safe_load(registry.definition())
    told |= {"code": "registry", "ordinal": 78, "authority": {"default": 50, "staff_count": 10}}
    (folder / "sources").mkdir()
    (folder / "sources" / "registry.yaml").write_text(
        yaml.safe_dump(told, allow_unicode=True), encoding="utf-8"
    )
    return folder / "sources"


@pytest.fixture(scope="module")
def department_of(logging_server, tmp_path_factory):
    made = {}

    def make(kind) -> Department:
        if kind not in made:
            folder = tmp_path_factory.mktemp("departments") / kind.__name__.lower()
            more = ()
            if issubclass(kind, OfPostgres):
                logging_server.ensure_database(kind.__name__.lower())
                more = (logging_server.url(kind.__name__.lower()),)
            made[kind] = kind(folder, *more)
        return made[kind]

    yield make
    for department in made.values():
        department.close()


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_run_again_a_hub_equals_one_that_nobody_disturbed(
    kind, killable, start, department_of, database_copy
):
    """Over all kinds 25 kills: each stage has its turn, and any moment."""
    department, place = department_of(kind), KINDS.index(kind)
    twin = undisturbed(killable, department, database_copy(start))
    settings = database_copy(start)
    number = 3 if place < SUITE_KILLS - 2 * len(KINDS) else 2
    plan = in_turn(number * place, number, random.Random(place))

    ended = lead(killable, department, settings, plan, twin.acts)

    require_like(settings, department, twin)
    assert any(one.how == KILLED for one in ended)


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
@pytest.mark.skipif(
    "SOAK_KILLS" not in os.environ, reason="a soak, run on demand: SOAK_KILLS=1000 pytest -m slow -s"
)
def test_a_soak_of_random_kills(killable, start, department_of, database_copy, server):
    """So many kills at random stages and moments, department after department; says on the way how far it is."""
    draw = random.Random(int(os.environ.get("SOAK_SEED", "1")))
    twins = {kind: undisturbed(killable, department_of(kind), database_copy(start)) for kind in KINDS}
    killed: Counter[str] = Counter()
    while killed.total() < int(os.environ["SOAK_KILLS"]):
        kind = draw.choice(KINDS)
        settings = database_copy(start)
        ended = lead(killable, department_of(kind), settings, at_random(draw, 5), twins[kind].acts)
        require_like(settings, department_of(kind), twins[kind])
        killed[kind.__name__] += sum(one.how == KILLED for one in ended)
        sys.stderr.write(f"{killed.total()} kills: {dict(killed)}\n")
        _drop(server, settings)


def _drop(server, settings) -> None:
    name = psycopg.conninfo.conninfo_to_dict(settings.database_url)["dbname"]
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
