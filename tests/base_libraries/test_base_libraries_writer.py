import pyarrow as pa
import pytest
from adbc_driver_manager import Error

from base_libraries.writer import Writer
from infra.database import Role

pytestmark = pytest.mark.server
ROWS = pa.table({"number": pa.array([1, 2, 3])})


@pytest.fixture
def cursor(database):
    with database.bulk(Role.OWNER) as connection, connection.cursor() as opened:
        opened.execute("CREATE TABLE library.counted (number bigint PRIMARY KEY)")
        yield opened
        connection.rollback()


def test_a_fetch_sees_what_was_written_before(cursor):
    with Writer(cursor) as writer:
        writer.copy("library.counted", ROWS)
        writer.execute("DELETE FROM library.counted WHERE number = 2")
        assert writer.fetch("SELECT number FROM library.counted ORDER BY 1")["number"].to_pylist() == [1, 3]


def test_a_staged_table_is_filled_anew(cursor):
    with Writer(cursor) as writer:
        for rows in (ROWS, ROWS.slice(1), ROWS.slice(3)):
            writer.stage("staged", {"number": "bigint"}, rows)
            assert writer.fetch("SELECT count(*) AS n FROM staged")["n"].to_pylist() == [rows.num_rows]


def test_what_failed_is_told_by_the_next_fetch_or_at_the_end(cursor):
    with pytest.raises(Error, match="counted_pkey"), Writer(cursor) as writer:  # noqa: PT012 - the block is the point
        writer.copy("library.counted", ROWS)
        writer.copy("library.counted", ROWS)
        writer.fetch("SELECT 1")


def test_no_failure_goes_unnoticed(cursor):
    with pytest.raises(Error, match="nothing_of_that_name"), Writer(cursor) as writer:
        writer.execute("DELETE FROM nothing_of_that_name")


def test_the_users_own_error_comes_through(cursor):
    with pytest.raises(KeyError), Writer(cursor) as writer:  # noqa: PT012 - the block is the point
        writer.execute("DELETE FROM nothing_of_that_name")
        raise KeyError
