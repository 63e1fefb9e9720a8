"""Roles, drivers, migrations: on a real server."""

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from alembic.script import ScriptDirectory
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from infra.database import (
    Database,
    Role,
    check_ready,
    drop_everything,
    migration_config,
    open_database,
    upgrade,
)
from infra.logins import unavailable
from infra.settings import Settings
from schemas.errors import ConfigurationError, DatabaseFull, DatabaseNotReady, DatabaseUnavailable

pytestmark = pytest.mark.server


@pytest.mark.parametrize("role", Role)
def test_every_driver_logs_in_as_the_role(database, role):
    with database.engine(role).connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == role
    with database.bulk(role) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text")
        assert cursor.fetchone() == (role,)

    async def ask():
        async with await database.pool(role, 1, 2) as pool:
            return await pool.fetchval("SELECT current_user")

    assert asyncio.run(ask()) == role


def test_bulk_commits_when_all_is_well_and_rolls_back_otherwise(database):
    rows = pa.table({"a": [1, 2, 3]})
    with database.engine(Role.OWNER).begin() as connection:
        connection.execute(text("CREATE TABLE library.thing (a bigint)"))
    with database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("thing", rows, mode="append", db_schema_name="library")

    def fail():
        with database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
            cursor.adbc_ingest("thing", rows, mode="append", db_schema_name="library")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.engine(Role.APPLICATION).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM library.thing")).scalar_one() == 3


def test_a_fresh_database_is_ready(database):
    """And an error of its statements shows no value that was given."""
    with database.engine(Role.APPLICATION).connect() as connection, pytest.raises(ProgrammingError) as error:
        connection.execute(text("SELECT nothing(CAST(:value AS text))"), {"value": "desk@example.org"})
    assert "desk@example.org" not in str(error.value)
    check_ready(database)


@pytest.fixture
def ledger_table(database):
    with database.engine(Role.OWNER).begin() as connection:
        connection.execute(text("CREATE TABLE ledger.probe (a int)"))
        connection.execute(text("CREATE TABLE catalog.probe (a int)"))
        connection.execute(text("CREATE TABLE library.probe (a int)"))


def refused(database, role, statement):
    with (
        database.engine(role).connect() as connection,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET a = 1", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"]
)
def test_the_application_cannot_change_the_ledger(database, ledger_table, statement):
    with database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(text("INSERT INTO ledger.probe VALUES (1)"))
        assert connection.execute(text("SELECT a FROM ledger.probe")).scalar_one() == 1
    with database.engine(Role.APPLICATION).connect() as connection, pytest.raises(ProgrammingError):
        connection.execute(text(statement.format("ledger.probe")))


def test_no_table_of_the_ledger_may_be_changed_by_the_application(database, ledger_table):
    query = """SELECT count(*), bool_or(has_table_privilege('hub_application', oid, 'UPDATE, DELETE, TRUNCATE')
        OR has_any_column_privilege('hub_application', oid, 'UPDATE'))
        FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p')"""
    with database.engine(Role.OWNER).connect() as connection:
        assert tuple(connection.execute(text(query)).one())[1] is False


def test_the_auditor_reads_the_ledger_and_nothing_else(database, ledger_table):
    with database.engine(Role.AUDITOR).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger.probe")).scalar_one() == 0
    refused(database, Role.AUDITOR, "INSERT INTO ledger.probe VALUES (1)")
    refused(database, Role.AUDITOR, "SELECT * FROM catalog.probe")
    refused(database, Role.AUDITOR, "SELECT * FROM library.probe")


def test_the_application_may_change_catalogue_and_library_but_not_the_schema(database, ledger_table):
    for schema in ("catalog", "library"):
        with database.engine(Role.APPLICATION).begin() as connection:
            connection.execute(text(f"INSERT INTO {schema}.probe VALUES (1)"))
            connection.execute(text(f"UPDATE {schema}.probe SET a = 2"))
            connection.execute(text(f"DELETE FROM {schema}.probe"))
            connection.execute(text(f"CREATE TEMPORARY TABLE passing_{schema} (a int)"))
        refused(database, Role.APPLICATION, f"CREATE TABLE {schema}.mine (a int)")
    refused(database, Role.APPLICATION, "DELETE FROM migration.alembic_version")


def test_there_is_one_head_and_one_base():
    script = ScriptDirectory.from_config(migration_config())
    assert len(script.get_heads()) == len(script.get_bases()) == 1
    assert script.get_current_head() is not None


def test_an_empty_database_is_not_ready_until_upgraded_and_again_after_a_drop(empty_database_url):
    with open_database(Settings(database_url=empty_database_url)) as database:
        with pytest.raises(DatabaseNotReady, match="no schema"):
            check_ready(database)
        with ThreadPoolExecutor(2) as two:
            list(two.map(upgrade, [database, database]))
        check_ready(database)
        drop_everything(database)
        with pytest.raises(DatabaseNotReady, match="no schema"):
            check_ready(database)


def test_a_database_of_another_version_is_not_ready(database):
    with database.engine(Role.OWNER).begin() as connection:
        connection.execute(text("UPDATE migration.alembic_version SET version_num = 'later'"))
    with pytest.raises(DatabaseNotReady, match="later"):
        check_ready(database)


def test_a_server_nobody_answers_on():
    settings = Settings(database_url="postgresql://clerk:hunter2@127.0.0.1:1/hub")
    with (
        pytest.raises(DatabaseUnavailable, match=r"database hub on 127\.0\.0\.1:1 does not answer") as caught,
        open_database(settings),
    ):
        pass
    assert "hunter2" not in str(caught.value)
    lost = Database({Role.APPLICATION: str(settings.database_url)})
    with pytest.raises(DatabaseUnavailable):
        lost.engine(Role.APPLICATION).connect()
    with pytest.raises(DatabaseUnavailable), lost.bulk(Role.APPLICATION):
        pass
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(lost.pool(Role.APPLICATION, 1, 1))


def test_a_malformed_url_is_not_quoted():
    with (
        pytest.raises(ConfigurationError) as caught,
        open_database(Settings(database_url="postgresql://a:hunter2@[x/y")),
    ):
        pass
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_only_the_applications_login(hub_settings):
    only = {"database_url": None, "database_application_url": hub_settings.database_url}
    with open_database(hub_settings.model_copy(update=only)) as database:
        check_ready(database)
        with pytest.raises(ConfigurationError, match="hub_owner"):
            database.url(Role.OWNER)


@pytest.fixture
def clerk(server):
    """A login of a stranger's server: no superuser, checked by password."""
    name = f"clerk_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'right'")
        rules = Path(connection.execute("SHOW hba_file").fetchone()[0])
        before = rules.read_text()
        rules.write_text(f"local all {name} scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(1)  # the postmaster takes the signal in its own time
        yield connection, name
        rules.write_text(before)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


def test_the_login_of_a_strangers_server(server, clerk, empty_database_url):
    connection, name = clerk
    database = conninfo_to_dict(empty_database_url)["dbname"]

    def url(password: str) -> str:
        return server.url(database, name).replace(f"{name}@", f"{name}:{password}@")

    with (
        pytest.raises(DatabaseUnavailable, match="refused the login") as caught,
        open_database(Settings(database_url=url("wrong"))),
    ):
        pass
    assert "wrong" not in str(caught.value)
    with (
        pytest.raises(DatabaseNotReady, match="may not create the roles"),
        open_database(Settings(database_url=url("right"))),
    ):
        pass
    connection.execute(f"GRANT hub_owner, hub_application, hub_auditor TO {name}")
    connection.execute(f"GRANT CREATE ON DATABASE {database} TO hub_owner")
    with open_database(Settings(database_url=url("right"))) as opened:
        upgrade(opened)
        check_ready(opened)


def test_a_login_that_finds_no_room_is_told_as_a_full_disk():
    words = 'connection failed: FATAL:  could not extend file "base/1/2": No space left on device'
    told = unavailable("postgresql://hub@127.0.0.1:1/hub", psycopg.OperationalError(words))
    assert isinstance(told, DatabaseFull)
    assert str(told).startswith("The disk of the database hub on 127.0.0.1:1 is full.")
