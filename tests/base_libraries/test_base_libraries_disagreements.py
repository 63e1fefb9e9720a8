"""Two departments' words about the same subjects, compared over a real database."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from base_libraries.disagreements import Disagreement, Example, compare
from base_libraries.intake import Intake
from base_libraries.library import Library
from base_libraries.storage import create_tables
from base_libraries.survivorship import Survivorship
from base_libraries.writer import Writer
from infra.database import Role
from schemas.resource import parse_resource

RESOURCE = parse_resource("""
code: compared_person
catalogue_code: 101001001/000009
title: 测试人
title_en: Test person
provider: 某局
sharing: unconditional
update_cycle: daily
items:
  - {name: number, title: 编号, type: C, length: 18, key: true, required: true, sensitivity: sensitive, mask: citizen_number}
  - {name: name, title: 姓名, type: C, sensitivity: personal, mask: name}
  - {name: born_on, title: 生日, type: D, sensitivity: personal}
  - {name: status, title: 状态, type: C}
  - {name: capital, title: 资本, type: N, length: 18, scale: 6}
  - {name: remark, title: 备注, type: C}
""")
ONE, TWO, THREE = 1, 2, 3
SHARED = ("number", "name", "born_on", "status", "capital")
POLICY = Survivorship(
    RESOURCE, {name: {ONE: 10, TWO: 20, THREE: 30} for name in SHARED} | {"remark": {ONE: 10}}
)


@pytest.fixture
def say(database, keyring):
    with database.engine(Role.OWNER).begin() as connection:
        create_tables(connection, RESOURCE)
    library, intake = Library(POLICY, keyring), Intake(RESOURCE, keyring)

    def _say(source: int, *rows: dict) -> None:
        schema = RESOURCE.arrow_schema.remove_metadata()
        schema = schema.append(pa.field("_observed_at", pa.timestamp("us", tz="UTC"))).append(
            pa.field("_row", pa.string())
        )
        now = datetime(2026, 1, 1, tzinfo=UTC)
        table = pa.Table.from_pylist([{"_observed_at": now} | row for row in rows], schema=schema)
        with database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
            library.lock(cursor)
            with Writer(cursor) as writer:
                contributed = library.contribute(writer, source, source, intake.identified(table))
                library.publish(writer, library.consolidate(contributed), contributed, now)

    return _say


@pytest.fixture
def compared(database, keyring):
    def _compared(**how):
        with database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
            return compare(cursor, POLICY, keyring, **how)

    return _compared


def _person(number: int, **rest) -> dict:
    return {"number": f"{number:018}", "name": "张三", "status": "1"} | rest


def test_each_pair_of_sources_is_compared_item_by_item(say, compared):
    born = date(1990, 1, 1)
    say(ONE, _person(1, born_on=born, capital=Decimal(1)), _person(2), _person(3), _person(4, remark="x"))
    say(
        TWO, _person(1, born_on=date(1991, 1, 1), capital=Decimal("1.0")), _person(2, name="李四"), _person(9)
    )
    say(THREE, _person(2, name="王五", status=None), _person(3, status="2"))

    found = compared()
    assert (found.items, found.subjects, found.records) == (SHARED[1:], 3, 7)
    assert set(found.disagreements) == {
        Disagreement("name", ONE, TWO, 2, 1),
        Disagreement("name", ONE, THREE, 2, 1),
        Disagreement("name", TWO, THREE, 1, 1),
        Disagreement("status", ONE, TWO, 2, 0),
        Disagreement("status", ONE, THREE, 1, 1),
        Disagreement("born_on", ONE, TWO, 1, 1),
        Disagreement("capital", ONE, TWO, 1, 0),
    }


def test_examples_are_masked(say, compared):
    say(ONE, _person(1, born_on=date(1990, 1, 1)))
    say(TWO, _person(1, born_on=date(1991, 1, 1), name="李四", status="2"))

    key = "000000********0001"
    assert set(compared().examples) == {
        Example("name", ONE, TWO, key, "张*", "李*"),
        Example("born_on", ONE, TWO, key, "***", "***"),
        Example("status", ONE, TWO, key, "1", "2"),
    }
    assert compared(examples=0).examples == ()


def test_slices_of_any_size_count_the_same(say, compared):
    say(ONE, *(_person(number) for number in range(300)))
    say(TWO, *(_person(number, status="2" if number % 3 else "1") for number in range(100, 400)))

    whole, sliced = compared(), compared(slice_rows=7)
    assert Disagreement("status", ONE, TWO, 200, 134) in whole.disagreements
    assert sliced.disagreements == whole.disagreements
    assert (sliced.subjects, sliced.records) == (whole.subjects, whole.records) == (200, 400)
    assert sliced.examples == whole.examples
    assert len([e for e in whole.examples if e.item == "status"]) == 3


def test_an_empty_library_has_nothing_to_compare(say, compared):
    found = compared()
    assert (found.subjects, found.records, found.disagreements, found.examples) == (0, 0, (), ())
