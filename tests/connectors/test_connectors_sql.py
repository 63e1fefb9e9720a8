"""Departments' databases: a real SQLite file and a real PostgreSQL, Chinese names, ties, and every refusal."""

import uuid
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from registers import COLUMNS, MAPPING, STAMPED, PostgresRegister, SqliteRegister, companies, ids, stamp

from connectors.pull import pull
from infra.embedded import EmbeddedPostgres
from schemas.errors import (
    ConfigurationError,
    DefinitionError,
    MissingColumn,
    SourceError,
    SourceLoginFailed,
    SourceUnreachable,
    WrongFormat,
)

PASSWORD = "p%40ss'w0rd"


def test_a_table_is_read_whole_and_gone_on_from_every_batch(register, company_source):
    register.insert(companies(95))
    source = company_source(register)
    whole = list(pull(source, None, 10))
    assert ids(whole) == list(range(95))
    assert [batch.number_of_rows for batch in whole] == [10] * 9 + [5]
    assert whole[0].table.column("_row").to_pylist()[3] == "3"
    assert whole[-1].watermark == {"after": None}
    for done in (0, 7, 8):
        rest = list(pull(source, whole[done].watermark, 10))
        assert [batch.digest for batch in rest] == [batch.digest for batch in whole[done + 1 :]]


def test_ties_are_never_lost_or_doubled(register, company_source):
    register.insert(companies(95))
    source = company_source(register, **STAMPED)
    whole = list(pull(source, None, 10))
    assert ids(whole[:1]) == [n for n in range(95) if n % 10 == 9]
    assert ids(whole) == [*range(9, 95, 10), *(n for n in range(95) if n % 10 != 9)]
    assert whole[0].window == "核准时间 is null"
    assert whole[1].window == "from the start"
    assert whole[2].window.startswith("核准时间 after 2026-01-01")
    for done in range(len(whole) - 1):
        rest = list(pull(source, whole[done].watermark, 10))
        assert [batch.digest for batch in rest] == [batch.digest for batch in whole[done + 1 :]]


def test_only_what_is_newer_is_pulled_again(register, company_source):
    register.insert([row for row in companies(20) if row[4]])
    source = company_source(register, **STAMPED)
    state = list(pull(source, None, 7))[-1].watermark
    assert list(pull(source, state)) == []
    last = stamp(19 // 7)
    register.insert([(700, "91", "同一时刻", 1, last), (3000, "92", "更晚", 2, "2027-01-01 00:00:00")])
    again = list(pull(source, state))
    assert ids(again) == [700, 3000]
    assert list(pull(source, again[-1].watermark)) == []


def test_a_query_may_stand_for_a_table(register, company_source):
    register.insert(companies(20))
    query = f'SELECT {COLUMNS} FROM "市场主体 登记" WHERE "从业人数" >= 15;'
    if register.kind == "mariadb":
        query = query.replace('"', "`")
    source = company_source(register, table=None, options={"query": query})
    assert ids(pull(source, None, 2)) == [15, 16, 17, 18, 19]


def test_nothing_there_yields_nothing(register, company_source):
    assert list(pull(company_source(register, **STAMPED))) == []


def test_a_missing_column_or_table_is_named(register, company_source):
    with pytest.raises(MissingColumn, match=r"Source register: .*'法人代表'"):
        list(pull(company_source(register, mapping=MAPPING | {"representative_name": "法人代表"})))
    with pytest.raises(SourceError, match="has no table '户籍'"):
        list(pull(company_source(register, table="户籍")))


@pytest.mark.parametrize("name", ['a"; DROP TABLE x; --', "a`b", "[a]", "a\nb"])
def test_a_name_that_could_act_is_refused(register, company_source, name):
    with pytest.raises(DefinitionError, match="not the name of a table or column"):
        list(pull(company_source(register, table=name)))


def test_rows_without_an_id_cannot_be_paged(register, company_source):
    register.execute('CREATE TABLE "无编号" ("主体编号" integer, "企业名称" text, "统一社会信用代码" text)')
    register.execute("INSERT INTO \"无编号\" VALUES (1, 'x', 'y'), (NULL, 'x', 'y')")
    mapping = {"credit_code": "统一社会信用代码", "name": "企业名称"}
    with pytest.raises(WrongFormat, match="no '主体编号'"):
        list(pull(company_source(register, table="无编号", mapping=mapping), None, 1))


def test_keys_with_quotes_are_text(register, company_source):
    register.execute('CREATE TABLE "文号" ("主体编号" varchar(40), "企业名称" text, "统一社会信用代码" text)')
    place = ", ".join([register.place] * 3)
    keys = ["a'; DROP TABLE x; --", "b\\'", "c''", "渝〔2026〕1号"]
    register.execute(f'INSERT INTO "文号" VALUES ({place})', [(key, "x", "y") for key in keys])
    mapping = {"credit_code": "统一社会信用代码", "name": "企业名称"}
    source = company_source(register, table="文号", mapping=mapping)
    assert sorted(ids(pull(source, None, 1))) == sorted(keys)
    (first, *rest) = pull(source, None, 1)
    assert ids(pull(source, first.watermark, 1)) == ids(rest)


# ── SQLite ───────────────────────────────────────────────────────────────────────────────────────────


def test_sqlite_columns_of_several_types_become_text(tmp_path, company_source):
    register = SqliteRegister(tmp_path)
    register.insert([(1, "91", "甲", 5, None), (2, "92", "乙", "五人", None), (3, "93", "丙", None, None)])
    (batch,) = pull(company_source(register))
    assert batch.table.column("从业人数").to_pylist() == ["5", "五人", None]
    assert batch.table.schema.field("从业人数").type == pa.string()
    mixed = list(pull(company_source(register), None, 1))
    assert [one.table.column("从业人数").to_pylist() for one in mixed] == [[5], ["五人"], [None]]


def test_sqlite_files_that_are_not_there_or_not_databases(tmp_path, company_source):
    with pytest.raises(SourceUnreachable, match=r"gone\.db"):
        list(pull(company_source(None, url=f"sqlite:///{tmp_path}/gone.db")))
    assert not (tmp_path / "gone.db").exists()
    (tmp_path / "text.db").write_text("主体编号,企业名称\n" * 100, encoding="utf-8")
    with pytest.raises(WrongFormat, match=r"text\.db .*is no SQLite database"):
        list(pull(company_source(None, url=f"sqlite:///{tmp_path}/text.db")))


# ── logins, places, time ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def _secret(monkeypatch):
    monkeypatch.setenv("REGISTER_SECRET", PASSWORD)


def test_a_password_never_stands_in_a_definition(company_source):
    with pytest.raises(DefinitionError, match=r"options\.url: holds a password"):
        company_source(None, url=f"postgresql://reader:{PASSWORD}@127.0.0.1:1/register")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "mysql+pymysql"])
def test_an_unreachable_server_is_named_without_the_password(company_source, scheme):
    url = f"{scheme}://reader:${{env:REGISTER_SECRET}}@127.0.0.1:1/register"
    with pytest.raises(SourceUnreachable) as caught:
        list(pull(company_source(None, url=url)))
    assert "database register at 127.0.0.1:1" in str(caught.value)
    assert not {"reader", PASSWORD, "p@ss"} & set(str(caught.value).split())
    assert "ss'w0rd" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_driver_that_is_not_there_is_named(company_source):
    with pytest.raises(ConfigurationError, match=r"mysql\+nosuchdriver"):
        list(pull(company_source(None, url="mysql+nosuchdriver://reader@127.0.0.1/register")))
    with pytest.raises(DefinitionError, match=r"options\.url"):
        list(pull(company_source(None, url="no url at all")))


@pytest.mark.server
def test_a_wrong_database_is_unreachable_and_a_forbidden_table_a_failed_login(server, company_source):
    register = PostgresRegister(server)
    with pytest.raises(SourceUnreachable, match="nowhere"):
        list(pull(company_source(register, url=server.url("nowhere"))))
    role = f"reader_{uuid.uuid4().hex[:8]}"
    register.execute(f"CREATE ROLE {role} LOGIN")
    forbidden = register.url + ("&" if "?" in register.url else "?") + f"options=-c%20role%3D{role}"
    with pytest.raises(SourceLoginFailed, match="refused the login"):
        list(pull(company_source(register, url=forbidden)))


@pytest.mark.server
def test_a_refused_login_never_shows_the_password(server, company_source):
    register = PostgresRegister(server)
    wrong = register.url.replace("postgresql://postgres@", "postgresql://nobody_here:${env:REGISTER_SECRET}@")
    assert wrong != register.url
    with pytest.raises(SourceLoginFailed) as caught:
        list(pull(company_source(register, url=wrong)))
    assert "nobody_here" not in str(caught.value)
    assert "w0rd" not in str(caught.value)


@pytest.mark.server
def test_a_wrong_password_is_a_failed_login(tmp_path, server_programs, company_source, monkeypatch):
    with EmbeddedPostgres(
        tmp_path / "server", binaries=server_programs, temporary=True, memory=64
    ) as guarded:
        with psycopg.connect(guarded.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE reader LOGIN PASSWORD 'right'")
            (rules,) = connection.execute("SHOW hba_file").fetchone()
            Path(rules).write_text(f"local all reader scram-sha-256\n{Path(rules).read_text()}")
            connection.execute("SELECT pg_reload_conf()")
        login = guarded.url("postgres").replace(
            "postgresql://postgres@", "postgresql://reader:${env:REGISTER_SECRET}@"
        )
        monkeypatch.setenv("REGISTER_SECRET", "wr0ng")
        with pytest.raises(SourceLoginFailed) as caught:
            list(pull(company_source(None, url=login)))
        assert "wr0ng" not in str(caught.value)
        monkeypatch.setenv("REGISTER_SECRET", "right")
        with pytest.raises(SourceError, match="has no table"):  # the right one gets past the login
            list(pull(company_source(None, url=login)))
