"""The page of the ``sql`` connector is true: its example is run against the table that it has the department make."""

import documents
import pytest
from registers import MariaRegister
from servers import PASSWORD, USER

from connectors.definition import read_source
from connectors.kinds import options_of
from connectors.options import table
from connectors.pull import pull
from connectors.standardise import standardise
from schemas.resource import resource_named

PAGE = documents.page("connectors/sql.md")


def blocks(language: str) -> list[str]:
    return documents.blocks(PAGE, language)


def test_its_table_is_that_of_the_options():
    assert table(options_of("sql")) in PAGE


@pytest.fixture
def department(mariadb, monkeypatch):
    """The department's database with what the page has it make; the hub's user is made and dropped again."""
    register = MariaRegister(mariadb)
    user = f"hub_{register.name}"
    (statements,) = blocks("sql")
    with mariadb.connect("root", "", register.name) as connection, connection.cursor() as cursor:
        for statement in statements.replace("exchange_hub", f"'{user}'@'%'").split(";\n")[:-1]:
            cursor.execute(statement)
    monkeypatch.setenv("MARKET_PASSWORD", "by-hand")
    yield register, user
    register.execute(f"DROP USER '{user}'@'%'")


def test_its_example_reads_the_department_s_table(department):
    register, user = department
    (example,) = blocks("yaml")
    told = example.replace("127.0.0.1:3306/register", f"127.0.0.1:{register.server.port}/{register.name}")
    source = read_source(told.replace("exchange_hub", user), "example.yaml", {})
    firm = "INSERT INTO 企业登记 VALUES (%s, '91500000MA5U00000X', '重庆甲公司', 7, '存续', '2026-01-01 08:00:00', %s)"
    register.execute(firm, [(2**63 + 1, 0), (2**63 + 2, 1)])
    (batch,) = pull(source)
    assert batch.table.column("_row").to_pylist() == [str(2**63 + 1), str(2**63 + 2)]
    assert batch.table.column("_gone").to_pylist() == [False, True]
    records = standardise(source, resource_named("legal_person"), batch)
    assert records.problems.num_rows == 0
    assert records.table.column("name").to_pylist() == ["重庆甲公司"] * 2
    (again,) = pull(source, batch.watermark)  # within the overlap
    assert again.digest == batch.digest
    assert USER not in repr(source)
    assert PASSWORD not in repr(source)
