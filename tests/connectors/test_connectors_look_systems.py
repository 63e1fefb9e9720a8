"""Looking at databases, JSON interfaces and layers of which nothing is known: what is there, and how it is read again."""

# ruff: noqa: F811 (fixtures that are imported)

import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pytest
from json_interface import JsonInterface, Reply
from servers import mariadb  # noqa: F401 (fixture)

from connectors.drafting.places import place_of
from connectors.drafting.seeing import looks
from connectors.rest.look import look as rest_look
from connectors.sql.look import look as sql_look
from schemas.errors import SourceError, SourceLoginFailed, SourceUnreachable, WrongFormat

PAGES = [{"id": str(number), "name": f"n{number}"} for number in range(25)]


@pytest.fixture
def interface():
    running = []

    def serve(answer):
        running.append(JsonInterface(answer))
        return running[-1]

    yield serve
    for one in running:
        one.close()


@pytest.mark.server
def test_a_postgresql_tells_tables_views_keys_types_and_comments(empty_database_url):
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE reg (id bigint PRIMARY KEY, c1 text, born date)")
        connection.execute("COMMENT ON COLUMN reg.c1 IS '公民身份号码'")
        connection.execute("COMMENT ON TABLE reg IS '户籍登记'")
        connection.execute("INSERT INTO reg SELECT n, 'x' || n, '2020-01-02' FROM generate_series(1, 30) n")
        connection.execute("CREATE VIEW seen AS SELECT id, c1 FROM reg")
    table, view = sql_look({"url": empty_database_url}, 10)
    assert (table.title, table.key, dict(table.labels)) == ("户籍登记", ("id",), {"c1": "公民身份号码"})
    assert dict(table.shape) == {"id": "BIGINT", "c1": "TEXT", "born": "DATE"}
    assert table.options == {"url": empty_database_url, "table": "reg"}
    assert table.sample.num_rows == 10
    assert (view.options["table"], view.key) == ("seen", ())
    with pytest.raises(SourceError, match="no table 'none'"):
        sql_look({"url": empty_database_url, "table": "none"})


def test_a_mariadb_tells_comments_and_its_password_stays_out(mariadb):
    name = mariadb.database()
    with mariadb.connect(database=name) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE `登记` (id INT UNSIGNED PRIMARY KEY, xm VARCHAR(20) COMMENT '姓名') COMMENT '登记簿'"
        )
        cursor.execute("INSERT INTO `登记` VALUES (1, '甲'), (2, '乙')")
    place = place_of(f"mysql://reader:s3cret-of-the-department@127.0.0.1:{mariadb.port}/{name}")
    (found,) = looks(place)
    assert (found.title, found.key, dict(found.labels)) == ("登记簿", ("id",), {"xm": "姓名"})
    assert "s3cret" not in str(found.options)
    with pytest.raises(SourceLoginFailed) as refused:
        looks(place_of(f"mysql://reader:wrong-secret@127.0.0.1:{mariadb.port}/{name}"))
    assert "wrong-secret" not in str(refused.value)


def test_an_sqlite_file_is_told_from_a_geopackage_and_never_written(tmp_path):
    path = tmp_path / "登记.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (编号 INTEGER PRIMARY KEY, 名称 TEXT)")
        database.execute("CREATE TABLE u (a:b TEXT)".replace("a:b", '"a:b"'))
        database.commit()
    before = path.read_bytes()
    first, second = looks(place_of(str(path)))
    assert (first.options["table"], first.key, first.sample.num_rows) == ("t", ("编号",), 0)
    assert second.sample.column_names == ["a:b"]
    assert path.read_bytes() == before
    path.write_bytes(b"SQLite format 3\0" + bytes(100))
    with pytest.raises((WrongFormat, SourceError)):
        looks(place_of(str(path)))


@pytest.mark.parametrize(
    ("way", "query", "paging"),
    [
        ("page", "", {"by": "page", "parameter": "pageNum", "size_parameter": "pageSize", "size": 10, "total": "data.total"}),
        ("page", "?pageNum=1&pageSize=10&area=x", {"by": "page", "parameter": "pageNum", "size_parameter": "pageSize", "size": 10, "total": "data.total"}),
        ("offset", "", {"by": "offset", "parameter": "offset", "total": "data.total"}),
        ("cursor", "", {"by": "cursor", "parameter": "after", "cursor": "data.nextCursor"}),
        ("next", "", {"by": "link", "next": "data.next"}),
        ("header", "", {"by": "link"}),
    ],
)  # fmt: skip
def test_paging_of_an_interface_is_found_by_trying(interface, way, query, paging):
    served = interface(lambda request: page_of(way, request))
    (found,) = rest_look({"url": f"{served.url}/api/firms{query}"})
    assert found.options["paging"] == paging
    assert found.options["records"] == "data.list"
    assert found.options["success"] == {"path": "code", "values": ["0"]}
    assert found.options.get("parameters") == ({"area": "x"} if "area" in query else None)
    assert urlsplit(found.options["url"]).query == ""
    assert found.sample.num_rows == 10
    assert not found.doubts
    assert len(served.requests) <= 8


def page_of(way, request):
    """Ten records, and what the way says of the next ones."""
    given = request.query
    starts = {
        "page": (int(given.get("pageNum", 1)) - 1) * 10,
        "offset": int(given.get("offset", 0)),
        "cursor": int(given.get("after", 0)),
        "next": int(given.get("at", 0)),
        "header": int(given.get("at", 0)),
    }
    start = starts[way]
    more = {
        "page": {"total": 25, "pageNum": start // 10 + 1, "pageSize": 10},
        "offset": {"total": 25},
        "cursor": {"nextCursor": str(start + 10)},
        "next": {"next": f"/api/firms?at={start + 10}"},
        "header": {},
    }[way]
    headers = {"Link": f'</api/firms?at={start + 10}>; rel="next"'} if way == "header" else {}
    return Reply({"code": 0, "data": {"list": PAGES[start : start + 10], **more}}, headers=headers)


def test_an_answer_that_is_all_has_no_pages_and_one_that_says_nothing_leaves_a_doubt(interface):
    whole = interface(lambda request: Reply({"total": 25, "rows": PAGES}))
    (found,) = rest_look({"url": f"{whole.url}/all"})
    assert "paging" not in found.options
    assert not found.doubts
    silent = interface(lambda request: Reply(PAGES))
    (found,) = rest_look({"url": f"{silent.url}/all"})
    assert "second page" in found.doubts[0]


def test_interfaces_that_give_nothing_to_read_are_refused(interface):
    empty = interface(lambda request: Reply({"code": 500, "msg": "甲"}))
    with pytest.raises(WrongFormat, match="no list of records") as refused:
        rest_look({"url": f"{empty.url}/x"})
    assert "甲" not in str(refused.value)
    closed = interface(lambda request: Reply({}, status=403))
    with pytest.raises(SourceLoginFailed):
        rest_look({"url": f"{closed.url}/x"})
    with pytest.raises(SourceUnreachable):
        rest_look({"url": "http://127.0.0.1:9/x", "retries": 0})
