"""Pulling never harms the department's database: it cannot write, ends what takes long, and holds one connection and no lock."""

import time
from contextlib import closing

import pytest
from registers import COLUMNS, STAMPED, TABLE, companies, ids

from connectors.pull import pull
from connectors.sql.page import Page
from connectors.sql.postgresql import PostgresRegister as PostgresReader
from schemas.errors import DefinitionError, SourceError, SourceUnreachable

ACTIVITY = {
    "postgresql": "SELECT state, xact_start IS NOT NULL FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'exchange-hub'",
    "mariadb": "SELECT command, (SELECT count(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = p.id) > 0"
    " FROM information_schema.processlist p WHERE db = database() AND id <> connection_id()",
}
IDLE = {"postgresql": ("idle", False), "mariadb": ("Sleep", 0)}


@pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.server), "mariadb"])
def server_register(request):
    """A register on a server."""
    return request.getfixturevalue(
        {"postgresql": "postgres_register", "mariadb": "maria_register"}[request.param]
    )


def activity(register) -> list[tuple]:
    return [tuple(row) for row in register.execute(ACTIVITY[register.kind])]


def settled(register, expected: list[tuple]):
    """Wait until the server has seen what the hub did: it notices an end a little later."""
    deadline = time.monotonic() + 20
    while activity(register) != expected:
        assert time.monotonic() < deadline, activity(register)
        time.sleep(0.05)


def by_query(company_source, register, query, **options):
    told = query.replace('"', "`") if register.kind == "mariadb" else query
    return company_source(register, table=None, options={"query": told} | options)


# ── it cannot write ──────────────────────────────────────────────────────────────────────────────────


def test_nothing_can_be_written(register, company_source):
    register.insert(companies(3))
    query = {
        "sqlite": f'DELETE FROM "{TABLE}"',
        "postgresql": f'SELECT {COLUMNS}, taken() FROM "{TABLE}"',
        "mariadb": f'SELECT {COLUMNS}, taken() FROM "{TABLE}"',
    }[register.kind]
    if register.kind == "postgresql":
        register.execute(
            "CREATE FUNCTION taken() RETURNS integer VOLATILE LANGUAGE sql AS 'DELETE FROM \"市场主体 登记\"; SELECT 1'"
        )
    elif register.kind == "mariadb":
        register.execute("SET GLOBAL log_bin_trust_function_creators = 1")
        register.execute(
            "CREATE FUNCTION taken() RETURNS integer BEGIN DELETE FROM `市场主体 登记`; RETURN 1; END"
        )
    with pytest.raises(SourceError, match="refused the query"):
        list(pull(by_query(company_source, register, query)))
    assert len(register.execute(f'SELECT * FROM "{TABLE}"')) == 3


@pytest.mark.server
def test_a_query_cannot_lift_the_limits_of_the_next_page(postgres_register, company_source):
    postgres_register.insert(companies(1))
    postgres_register.execute("CREATE TABLE flag (lifted boolean)")
    postgres_register.execute("INSERT INTO flag VALUES (true)")
    limits = "current_setting('statement_timeout') || current_setting('default_transaction_read_only')"
    lifting = "set_config('statement_timeout', '0', false) || set_config('default_transaction_read_only', 'off', false)"
    query = f'SELECT {COLUMNS}, CASE WHEN EXISTS (SELECT FROM flag) THEN {lifting} ELSE {limits} END AS "限" FROM "{TABLE}"'
    mapping = {"credit_code": "统一社会信用代码", "name": "限"}
    source = company_source(postgres_register, table=None, options={"query": query}, mapping=mapping)
    page = Page(("限", "主体编号"), ("主体编号",), 10)
    with closing(PostgresReader(source)) as reader:
        (lifted,) = reader.rows(page)
        postgres_register.execute("DELETE FROM flag")
        (kept,) = reader.rows(page)
    assert lifted.column("限").to_pylist() == ["0off"]
    assert kept.column("限").to_pylist() == ["10minon"]


# ── it ends what takes long, and waits for no lock ───────────────────────────────────────────────────

SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS "
    '"主体编号", \'91\' AS "统一社会信用代码", \'甲\' AS "企业名称", 1 AS "从业人数" FROM n',
    "postgresql": f'SELECT {COLUMNS}, pg_sleep(60) FROM "{TABLE}"',
    "mariadb": f'SELECT * FROM "{TABLE}" WHERE (SELECT count(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b) > 0',
}


def test_a_slow_query_is_ended(register, company_source):
    register.insert(companies(1))
    source = by_query(company_source, register, SLOW[register.kind], timeout_seconds=1)
    started = time.monotonic()
    with pytest.raises(SourceUnreachable, match="did not answer in time"):
        list(pull(source))
    assert time.monotonic() - started < 30
    if register.kind != "sqlite":
        settled(register, [])
    with pytest.raises(DefinitionError, match="timeout_seconds"):
        company_source(register, options={"timeout_seconds": "soon"})


def test_a_table_that_somebody_has_locked_is_not_waited_for(register, company_source):
    register.insert(companies(1))
    holder = register.connect()
    statements = {
        "sqlite": ["BEGIN EXCLUSIVE"],
        "postgresql": ["BEGIN", f'LOCK TABLE "{TABLE}"'],
        "mariadb": [f'LOCK TABLES "{TABLE}" WRITE'],
    }[register.kind]
    cursor = holder.cursor()
    for statement in statements:
        cursor.execute(statement)
    started = time.monotonic()
    source = company_source(register, options={"lock_timeout_seconds": 1})
    with pytest.raises(SourceUnreachable, match="has the table locked"):
        list(pull(source))
    assert time.monotonic() - started < 30
    holder.rollback() if register.kind == "postgresql" else None
    holder.close()
    assert ids(pull(source)) == [0]


# ── it holds little ──────────────────────────────────────────────────────────────────────────────────


def test_one_connection_and_between_pages_no_transaction(server_register, company_source):
    server_register.insert(companies(60))
    source = company_source(server_register, options={"page_rows": 10}, **STAMPED)
    pulled = pull(source, None, 10)
    seen = []
    for _ in pulled:
        if len(seen) < 4:
            settled(server_register, [IDLE[server_register.kind]])
        seen.append(len(activity(server_register)))
    assert set(seen[:-1]) == {1}  # with the last batch the connection may be gone
    settled(server_register, [])


def test_the_department_can_change_its_table_while_it_is_read(server_register, company_source):
    """No lock outlives a page: an ALTER TABLE would otherwise wait, and everybody behind it."""
    server_register.insert(companies(30))
    pulled = pull(company_source(server_register, options={"page_rows": 5}), None, 5)
    first = next(pulled)
    wait = (
        "SET lock_timeout = '1s'"
        if server_register.kind == "postgresql"
        else "SET SESSION lock_wait_timeout = 1"
    )
    connection = server_register.connect()
    cursor = connection.cursor()
    cursor.execute(wait)
    cursor.execute(f'ALTER TABLE "{TABLE}" ADD COLUMN "备注" varchar(9)')
    connection.close()
    assert ids([first, *pulled]) == list(range(30))


def test_rows_are_streamed_and_a_pull_that_is_given_up_ends_its_query(server_register, company_source):
    series = {
        "postgresql": 'SELECT n AS "主体编号", \'91\' AS "统一社会信用代码", repeat(\'甲\', 300) AS "企业名称", 1 AS "从业人数"'
        " FROM generate_series(1, 300000) n",
        "mariadb": 'SELECT seq AS "主体编号", \'91\' AS "统一社会信用代码", repeat(\'甲\', 300) AS "企业名称", 1 AS "从业人数"'
        " FROM seq_1_to_300000",
    }[server_register.kind]
    source = by_query(company_source, server_register, series, page_rows=200_000)
    pulled = pull(source, None, 1_000)
    next(pulled)
    ((state, _),) = activity(server_register)
    assert state in ("active", "Query")  # the server still has most of the page
    pulled.close()
    settled(server_register, [])


def test_a_slow_pace_is_kept_while_nothing_is_open(server_register, company_source, monkeypatch):
    server_register.insert(companies(70))
    paces, seen = [], []

    class Watched:
        def __init__(self, per_second):
            paces.append(per_second)

        def spent(self, rows):
            settled(server_register, [IDLE[server_register.kind]])
            seen.append(rows)

    monkeypatch.setattr("connectors.sql.connector.Pace", Watched)
    source = company_source(server_register, options={"rows_per_second": 2})
    assert ids(pull(source, None, 7)) == list(range(70))
    assert paces == [2]
    assert seen == [20, 20, 20]  # ten seconds' worth a page
