"""Lists of integers on their way into PostgreSQL, against the driver's own way."""

import pyarrow as pa
import pytest

from base_libraries.wire import as_sent
from base_libraries.writer import Writer
from infra.database import Role

LISTS = pa.list_(pa.int32())
COLUMNS = {"number": "bigint", "codes": "integer[]"}


def numbered(lists: list[list[int | None] | None]) -> pa.Table:
    return pa.table({"number": pa.array(range(len(lists)), pa.int64()), "codes": pa.array(lists, LISTS)})


@pytest.mark.server
@pytest.mark.parametrize(
    "lists",
    [
        [[1, 0, -7], [2**31 - 1, -(2**31), 3]],
        [[9]],
        [[1, 2], [3]],
        [[1, None], [2, 3]],
        [[1], None],
        [[], []],
        [],
    ],
    ids=["one length", "single", "several lengths", "null within", "null", "empty", "no row"],
)
def test_lists_arrive_as_they_were(database, lists):
    with (
        database.bulk(Role.APPLICATION) as connection,
        connection.cursor() as cursor,
        Writer(cursor) as writer,
    ):
        writer.stage("listed", COLUMNS, numbered(lists))
        found = writer.fetch("SELECT codes FROM listed ORDER BY number")
    assert found["codes"].to_pylist() == lists


@pytest.mark.server
def test_a_part_of_a_table_arrives_alone(database):
    rows = pa.concat_tables([numbered([[1, 2], [3, 4], [5, 6]]).slice(1), numbered([[7, 8]])])
    with (
        database.bulk(Role.APPLICATION) as connection,
        connection.cursor() as cursor,
        Writer(cursor) as writer,
    ):
        writer.stage("listed", COLUMNS, rows)
        found = writer.fetch("SELECT codes FROM listed ORDER BY codes")
    assert found["codes"].to_pylist() == [[3, 4], [5, 6], [7, 8]]


def test_only_lists_of_integers_are_written_anew():
    rows = pa.table({"name": ["a"], "codes": pa.array([[1, 2]], LISTS), "names": pa.array([["b"]])})
    assert [field.type for field in as_sent(rows).schema] == [pa.string(), pa.binary(), pa.list_(pa.string())]
