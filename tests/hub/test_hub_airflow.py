"""Airflow's home: what is done once is not done again, and what a killed start left is ended."""

import os
import subprocess

import psycopg
import pytest

from hub.airflow.components import end_leftovers
from hub.airflow.home import MARK, AirflowHome


@pytest.fixture
def airflow_home(tmp_path, empty_database_url):
    return AirflowHome(tmp_path, empty_database_url, 1)


def test_a_database_is_brought_up_to_date_until_it_is_and_after_every_change(airflow_home):
    assert not airflow_home.is_migrated()
    with psycopg.connect(airflow_home.database_url) as connection:
        connection.execute("CREATE TABLE alembic_version AS SELECT 'a' AS version_num")
    assert not airflow_home.is_migrated()

    airflow_home.note_migrated()
    assert airflow_home.is_migrated()

    with psycopg.connect(airflow_home.database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'b'")
    assert not airflow_home.is_migrated()


def test_what_a_killed_start_left_behind_is_ended_and_nothing_else(airflow_home, tmp_path):
    left = subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: str(tmp_path)})
    another = subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: str(tmp_path / "another")})
    try:
        end_leftovers(airflow_home)

        assert left.wait(10) < 0
        assert another.poll() is None
    finally:
        another.kill()
        another.wait()


def test_the_settings_name_no_address_but_loopback_and_the_password_stays(airflow_home, settings):
    variables = airflow_home.variables(settings)

    assert variables["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert (
        variables["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"]
        == variables["AIRFLOW__CORE__LOAD_EXAMPLES"]
        == "False"
    )
    assert airflow_home.password() == airflow_home.password()
    assert (airflow_home.folder / "passwords.json").stat().st_mode & 0o777 == 0o600
