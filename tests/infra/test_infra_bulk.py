"""Arrow tables in and out of PostgreSQL, and Ctrl-C meanwhile."""

import os
import signal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest
from adbc_driver_manager import Error

from infra.bulk import BulkConnection
from infra.database import Role, open_database

pytestmark = pytest.mark.server

INTERRUPTED_AGAIN_AND_AGAIN = """
import os, random, signal, sys, threading, time
from infra.bulk import BulkConnection

def interrupt():
    time.sleep(random.uniform(0, 0.01))
    os.kill(os.getpid(), signal.SIGINT)

connection = BulkConnection(sys.argv[1])
for turn in range(200):
    until = time.monotonic() + 20
    try:
        threading.Thread(target=interrupt).start()
        with connection.cursor() as cursor:
            while time.monotonic() < until:
                cursor.execute("SELECT 1")
                cursor.fetchone()
        sys.exit(f"the signal of turn {turn} was lost")
    except KeyboardInterrupt:
        connection.rollback()
connection.close()
print("none was lost")
"""


@pytest.fixture
def connection(hub_settings):
    with open_database(hub_settings) as database, database.bulk(Role.APPLICATION) as connection:
        yield connection


def test_a_table_goes_in_and_comes_out_as_it_was(connection):
    rows = pa.table({"n": pa.array([1, 2, None], pa.int64()), "name": ["渝", "", None]})
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE there (n bigint, name text)")
        cursor.adbc_ingest("there", rows, mode="append", temporary=True)
        cursor.execute("SELECT * FROM there")
        assert cursor.fetch_arrow_table().replace_schema_metadata(None).equals(rows)
        cursor.execute("SELECT * FROM there WHERE n > $1", (1,))
        assert cursor.fetchone() == (2, "")
        assert cursor.fetchall() == []


def test_what_is_not_committed_is_gone(hub_settings):
    url = hub_settings.database_url
    first = BulkConnection(url)
    with first.cursor() as cursor:
        cursor.execute("CREATE TABLE public.gone (n bigint)")
    first.close()
    second = BulkConnection(url)
    try:
        with second.cursor() as cursor:
            cursor.execute("SELECT to_regclass('public.gone')::text")
            assert cursor.fetchone() == (None,)
    finally:
        second.close()


def test_where_nobody_listens_there_is_an_error_and_no_thread_left(tmp_path):
    before = threading.active_count()
    with pytest.raises(Error):
        BulkConnection(f"postgresql:///hub?host={tmp_path}")
    time.sleep(0.1)
    assert threading.active_count() <= before


def test_an_interrupt_cancels_the_statement_and_the_connection_goes_on(connection):
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with connection.cursor() as cursor, pytest.raises(KeyboardInterrupt):
        cursor.execute("SELECT pg_sleep(60)")
    assert time.monotonic() - began < 30
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_no_interrupt_is_lost_between_short_statements(hub_settings):
    with open_database(hub_settings) as database:
        url = database.url(Role.APPLICATION)
        command = [sys.executable, "-c", INTERRUPTED_AGAIN_AND_AGAIN, url]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "none was lost"), ended.stderr
