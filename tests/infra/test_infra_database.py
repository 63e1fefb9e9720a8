"""Roles, drivers, migrations: on a real server."""

import asyncio

import pyarrow as pa
import pytest
from sqlalchemy import text

from infra.database import Role, check_ready


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
    check_ready(database)
