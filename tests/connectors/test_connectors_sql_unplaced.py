"""Rows without a watermark: found by every pull, in the statement that looks for what is new where there were none before."""

import pytest
from registers import STAMPED, companies, ids, register_of, stamp
from sqlalchemy import event
from sqlalchemy.engine import Engine

from connectors.pull import pull


@pytest.fixture(params=["sqlite", "mariadb"])
def counted_register(request):
    """A register in a database that puts nulls first."""
    return register_of(request.param, request)


@pytest.fixture
def statements():
    """The statements that were run over the rows' own columns."""
    seen = []

    def keep(_connection, _cursor, statement, *_):
        if "企业名称" in statement and "PRAGMA" not in statement:
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", keep)
    yield seen
    event.remove(Engine, "before_cursor_execute", keep)


@pytest.fixture
def placed(counted_register):
    """One in which every row has a watermark."""
    counted_register.insert([row for row in companies(30) if row[4]])
    return counted_register


def newest(source, batch_rows=10) -> dict:
    return list(pull(source, None, batch_rows))[-1].watermark


@pytest.mark.parametrize("overlap", [0, 1])
def test_that_nothing_is_new_is_found_by_one_statement(placed, company_source, statements, overlap):
    source = company_source(placed, options={"overlap": overlap}, **STAMPED)
    state = newest(source)
    statements.clear()
    found = ids(pull(source, state))
    assert len(statements) == 1
    assert found == ([28] if overlap else [])


def test_what_is_new_comes_with_that_statement_and_the_pages_behind_it(placed, company_source, statements):
    source = company_source(placed, options={"page_rows": 10}, **STAMPED)
    state = newest(source)
    placed.insert([(n, "91", "新", 1, stamp(n)) for n in range(100, 125)])
    statements.clear()
    batches = list(pull(source, state, 4))
    assert ids(batches) == list(range(100, 125))
    assert len(statements) == 3
    assert {tuple(batch.table.column_names) for batch in batches} == {tuple(batches[0].table.column_names)}
    assert "_unplaced" not in batches[0].table.column_names
    for done in range(len(batches)):
        rest = list(pull(source, batches[done].watermark, 4))
        assert [batch.digest for batch in rest] == [batch.digest for batch in batches[done + 1 :]]


def test_a_row_without_a_watermark_is_never_passed_over(placed, company_source, statements):
    source = company_source(placed, **STAMPED)
    state = newest(source)
    placed.insert([(500, "91", "甲", 1, None), (501, "91", "乙", 1, None), (502, "91", "丙", 1, stamp(900))])
    statements.clear()
    batches = list(pull(source, state, 2))
    assert ids(batches) == [500, 501, 502]
    assert batches[0].window == "核准时间 is null"
    assert len(statements) == 3
    assert ids(pull(source, batches[0].watermark)) == [502]
    statements.clear()
    assert ids(pull(source, batches[-1].watermark)) == [500, 501]  # now they are looked for at once
    assert len(statements) == 2


def test_the_one_statement_is_asked_again_when_every_row_has_its_watermark(
    placed, company_source, statements
):
    source = company_source(placed, **STAMPED)
    placed.insert([(500, "91", "甲", 1, None)])
    state = newest(source)
    placed.execute(f'UPDATE "市场主体 登记" SET "核准时间" = \'{stamp(901)}\' WHERE "主体编号" = 500')
    (batch,) = pull(source, state)
    assert ids([batch]) == [500]
    statements.clear()
    assert list(pull(source, batch.watermark)) == []
    assert len(statements) == 1


@pytest.mark.parametrize("moment", ["0000-00-00 00:00:00", "0000-01-01 00:00:00"])
def test_a_zero_date_is_none_and_no_lower_watermark(maria_register, company_source, moment):
    maria_register.insert([row for row in companies(8) if row[4]])
    source = company_source(maria_register, **STAMPED)
    state = newest(source)
    connection = maria_register.connect()
    connection.cursor().execute("SET SESSION sql_mode = 'ANSI_QUOTES'")
    connection.cursor().execute("INSERT INTO \"市场主体 登记\" VALUES (90, '91', '甲', 1, %s)", (moment,))
    connection.close()
    (batch,) = pull(source, state)
    assert ids([batch]) == [90]
    assert batch.window == "核准时间 is null"
    assert batch.watermark["after"] == state["after"]
