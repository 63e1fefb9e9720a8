"""A library over a real database: new, changed, unchanged, late and withdrawn words."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from sqlalchemy import text

from base_libraries.intake import Intake
from base_libraries.library import Library
from base_libraries.reading import GoldenReader
from base_libraries.storage import Tables, create_tables
from base_libraries.survivorship import Survivorship
from base_libraries.writer import Writer
from infra.database import Role
from schemas.resource import parse_resource

RESOURCE = parse_resource("""
code: test_person
catalogue_code: 101001001/000009
title: 测试人
title_en: Test person
provider: 某局
sharing: unconditional
update_cycle: daily
items:
  - {name: number, title: 编号, type: C, length: 9, key: true, required: true, sensitivity: sensitive}
  - {name: name, title: 姓名, type: C, sensitivity: personal}
  - {name: sponsor, title: 担保人, type: C, sensitivity: sensitive, lookup: true, identifier: citizen_number}
  - {name: born_on, title: 生日, type: D, sensitivity: personal}
  - {name: status, title: 状态, type: C}
  - {name: capital, title: 资本, type: N, length: 18, scale: 6}
  - {name: shape, title: 范围, type: G, geometry: true}
""")
REGISTER, SURVEY = 1, 2
POLICY = Survivorship(
    RESOURCE,
    {item.name: {REGISTER: 10, SURVEY: 20 if item.name != "status" else 5} for item in RESOURCE.items},
)
POINT = bytes.fromhex("0101000000" + "000000000000f03f" + "0000000000000040")  # POINT (1 2)


def words(*rows: dict) -> pa.Table:
    """Standardised rows; what is not said is null, what was not dated was observed on 1 January 2026."""
    schema = RESOURCE.arrow_schema.remove_metadata()
    schema = schema.append(pa.field("_observed_at", pa.timestamp("us", tz="UTC")))
    schema = schema.append(pa.field("_row", pa.string()))
    dated = [{"_observed_at": datetime(2026, 1, 1, tzinfo=UTC)} | row for row in rows]
    return pa.Table.from_pylist(dated, schema=pa.schema([pa.field(f.name, f.type) for f in schema]))


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


@pytest.fixture
def library(database, keyring):
    with database.engine(Role.OWNER).begin() as connection:
        create_tables(connection, RESOURCE)
    return Library(POLICY, keyring)


@pytest.fixture
def take(library, database, keyring):
    """Take a batch in, as the application, in a transaction; answers (contributed, unchanged, created, updated)."""

    intake = Intake(RESOURCE, keyring)

    def _take(source: int, batch: int, table: pa.Table, gone: pa.Table | None = None):
        with database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
            library.lock(cursor)
            with Writer(cursor) as writer:
                contributed = library.contribute(writer, source, batch, intake.identified(table, gone))
                known = library.consolidate(contributed)
                published = library.publish(writer, known, contributed, day(28))
        return contributed.rows.num_rows, contributed.unchanged, published.created, published.updated

    return _take


@pytest.fixture
def rows(database):
    def _rows(query: str):
        with database.engine(Role.OWNER).connect() as connection:
            return connection.execute(text(query)).mappings().all()

    return _rows


@pytest.fixture
def golden(rows, keyring):
    """All golden records in the clear, by number."""

    def _golden():
        reader = GoldenReader(RESOURCE, keyring)
        names = tuple(item.name for item in RESOURCE.items)
        found = reader.records(rows(f"SELECT * FROM {Tables(RESOURCE).golden}"), names)
        return {record["number"]: record for record in found}

    return _golden


def test_every_type_of_item_comes_back_as_it_went_in(take, golden):
    said = {
        "number": "A1",
        "name": '张三 "\\',
        "sponsor": "11010519491231002X",
        "born_on": day(3).date(),
        "status": "1",
    }
    taken = take(REGISTER, 1, words(said | {"capital": Decimal("12.5"), "shape": POINT}, {"number": "A2"}))

    assert taken == (2, 0, 2, 0)
    assert golden()["A1"] == {
        "number": "A1", "name": '张三 "\\', "sponsor": "11010519491231002X", "born_on": "2026-01-03", "status": "1",
        "capital": "12.5", "shape": {"type": "Point", "coordinates": (1.0, 2.0)},
    }  # fmt: skip
    assert set(golden()["A2"].values()) == {"A2", None}


def test_nothing_sealed_is_in_the_tables(take, rows):
    take(REGISTER, 1, words({"number": "SECRETNR", "name": "机密姓名", "sponsor": "11010519491231002X"}))

    for kind in ("contribution", "golden", "change"):
        dumped = "".join(row["t"] for row in rows(f"SELECT x::text AS t FROM library.{kind}_test_person x"))
        for value in ("SECRETNR", "机密姓名", "11010519491231002X"):
            assert value not in dumped
            assert value.encode().hex() not in dumped


def test_the_same_batch_again_changes_nothing(take, rows):
    batch = words({"number": "A1", "status": "1"}, {"number": "A2", "status": "2"})
    take(REGISTER, 1, batch)

    assert take(REGISTER, 2, batch) == (0, 2, 0, 0)
    assert len(rows("SELECT * FROM library.change_test_person")) == 2


def test_a_change_makes_a_version_keeps_history_and_feeds_the_changed_items(take, rows, golden):
    take(REGISTER, 1, words({"number": "A1", "name": "旧", "capital": Decimal(1)}))

    assert take(
        REGISTER, 2, words({"number": "A1", "name": "新", "capital": Decimal(1), "_observed_at": day(9)})
    ) == (1, 0, 0, 1)

    assert golden()["A1"]["name"] == "新"
    (old,) = rows("SELECT _version, _valid_from, _valid_to FROM library.history_test_person")
    assert (old["_version"], old["_valid_from"], old["_valid_to"]) == (1, day(1), day(9))
    feed = rows("SELECT * FROM library.change_test_person ORDER BY _position")
    assert [(c["_position"], c["_operation"], c["_version"], c["_changed"]) for c in feed] == [
        (1, "insert", 1, None), (2, "update", 2, ["name"]),
    ]  # fmt: skip


def test_another_department_decides_only_where_it_has_authority(take, golden, rows, keyring):
    take(REGISTER, 1, words({"number": "A1", "name": "户籍名", "status": "1"}))
    take(SURVEY, 2, words({"number": "A1", "name": "调查名", "status": "3"}))

    assert (golden()["A1"]["name"], golden()["A1"]["status"]) == ("户籍名", "3")
    (row,) = rows("SELECT * FROM library.golden_test_person")
    provenance = GoldenReader(RESOURCE, keyring).provenance(
        row, ["name", "status", "capital"], {1: "register", 2: "survey"}
    )
    assert provenance == {
        "name": {"source": "register", "batch": 1, "rule": "authority"},
        "status": {"source": "survey", "batch": 2, "rule": "authority"},
    }


def test_a_losing_word_that_changes_makes_no_version_but_keeps_the_provenance_true(take, rows):
    take(REGISTER, 1, words({"number": "A1", "name": "户籍名"}))
    take(SURVEY, 2, words({"number": "A1", "name": "错"}))
    take(REGISTER, 3, words({"number": "A1", "name": "户籍名", "sponsor": None, "_observed_at": day(5)}))
    assert len(rows("SELECT * FROM library.history_test_person")) == 0

    assert take(SURVEY, 4, words({"number": "A1", "name": "又错", "_observed_at": day(6)})) == (1, 0, 0, 0)
    (row,) = rows("SELECT _version, _provenance FROM library.golden_test_person")
    assert row["_version"] == 1
    assert row["_provenance"][1] // 8 == 1


def test_an_older_word_come_late_is_not_taken(take, golden):
    take(REGISTER, 1, words({"number": "A1", "name": "新", "_observed_at": day(9)}))

    assert take(REGISTER, 2, words({"number": "A1", "name": "旧", "_observed_at": day(2)})) == (0, 1, 0, 0)
    assert golden()["A1"]["name"] == "新"


def test_of_two_rows_about_one_subject_the_later_counts(take, golden):
    batch = words(
        {"number": "A1", "name": "后", "_observed_at": day(9)},
        {"number": "A1", "name": "前", "_observed_at": day(2)},
        {"number": "A2", "name": "一"},
        {"number": "A2", "name": "二"},
    )

    assert take(REGISTER, 1, batch) == (2, 2, 2, 0)
    assert {number: record["name"] for number, record in golden().items()} == {"A1": "后", "A2": "二"}


def test_a_row_that_is_gone_closes_the_record_and_history_keeps_it(take, rows, golden):
    take(REGISTER, 1, words({"number": "A1", "name": "一", "_row": "r1"}, {"number": "A2", "_row": "r2"}))

    gone = words({"number": "A1", "_row": "r1", "_observed_at": day(7)})
    assert take(REGISTER, 2, words(), gone) == (0, 0, 0, 0)

    assert set(golden()) == {"A2"}
    (old,) = rows("SELECT _version, _valid_to FROM library.history_test_person")
    assert (old["_version"], old["_valid_to"]) == (1, day(7))
    assert [c["_operation"] for c in rows("SELECT * FROM library.change_test_person ORDER BY _position")] == [
        "insert", "insert", "close",
    ]  # fmt: skip
    assert take(REGISTER, 3, words(), gone) == (0, 1, 0, 0)  # told again, it changes nothing


def test_a_record_that_comes_back_goes_on_from_its_last_version(take, rows):
    take(REGISTER, 1, words({"number": "A1", "_row": "r1"}))
    take(REGISTER, 2, words(), words({"number": "A1", "_row": "r1", "_observed_at": day(7)}))

    assert take(REGISTER, 3, words({"number": "A1", "_row": "r9", "_observed_at": day(9)})) == (1, 0, 1, 0)
    take(REGISTER, 4, words({"number": "A1", "_row": "r9", "status": "2", "_observed_at": day(10)}))
    assert [
        row["_version"] for row in rows("SELECT _version FROM library.history_test_person ORDER BY 1")
    ] == [1, 2]
    assert rows("SELECT _version FROM library.golden_test_person")[0]["_version"] == 3


def test_what_another_department_says_outlives_a_row_that_is_gone(take, golden, rows):
    take(REGISTER, 1, words({"number": "A1", "name": "户籍名", "_row": "r1"}))
    take(SURVEY, 2, words({"number": "A1", "name": "调查名"}))

    assert take(REGISTER, 3, words(), words({"number": "A1", "_row": "r1", "_observed_at": day(7)})) == (
        0,
        0,
        0,
        1,
    )
    assert golden()["A1"]["name"] == "调查名"
    assert len(rows("SELECT * FROM library.contribution_test_person")) == 1


def test_a_row_is_known_to_be_gone_by_its_reference_alone_and_only_by_its_own(take, golden):
    take(REGISTER, 1, words({"number": "A1", "_row": "r2"}, {"number": "A2", "_row": "r3"}))

    take(REGISTER, 2, words(), words({"number": None, "_row": "r2", "_observed_at": day(7)}))
    assert set(golden()) == {"A2"}
    # the department's older row about the same subject ends; the newer one, r3, stands
    take(REGISTER, 3, words(), words({"number": "A2", "_row": "r1", "_observed_at": day(7)}))
    assert set(golden()) == {"A2"}


def test_a_batch_may_end_one_row_and_begin_another_about_the_same_subject(take, golden):
    take(REGISTER, 1, words({"number": "A1", "name": "旧", "_row": "r1"}))
    new = words({"number": "A1", "name": "新", "_row": "r2", "_observed_at": day(7)})
    take(REGISTER, 2, new, words({"number": "A1", "_row": "r1", "_observed_at": day(7)}))

    assert golden()["A1"]["name"] == "新"


def test_positions_of_the_feed_have_no_gaps(take, rows):
    for batch in range(1, 4):
        take(REGISTER, batch, words(*({"number": f"N{batch}{n}"} for n in range(5))))

    positions = [
        row["_position"] for row in rows("SELECT _position FROM library.change_test_person ORDER BY 1")
    ]
    assert positions == list(range(1, 16))


def test_an_empty_batch_is_no_trouble(take):
    assert take(REGISTER, 1, words()) == (0, 0, 0, 0)


def test_a_record_is_found_by_its_lookup_item(take, rows, keyring, database):
    take(REGISTER, 1, words({"number": "A1", "sponsor": "11010519491231002X"}, {"number": "A2"}))
    reader = GoldenReader(RESOURCE, keyring)

    query = reader.lookup_sql("sponsor").replace("$1::bytea[]", "ARRAY[:index]")
    with database.engine(Role.APPLICATION).connect() as connection:
        index = reader.lookup("sponsor", "11010519491231002X")
        found = connection.execute(text(query), {"index": index}).mappings().all()
    assert reader.records(found, ("number",)) == [{"number": "A1"}]


def test_the_bounding_box_of_a_geometry_is_kept(take, rows):
    take(REGISTER, 1, words({"number": "A1", "shape": POINT}, {"number": "A2"}))

    boxes = rows(
        "SELECT _xmin, _ymin, _xmax, _ymax FROM library.golden_test_person ORDER BY _xmin NULLS LAST"
    )
    assert [tuple(box.values()) for box in boxes] == [(1.0, 2.0, 1.0, 2.0), (None, None, None, None)]


def test_nothing_is_reckoned_of_ciphertext_and_digests(library, rows):
    spared = rows(
        "SELECT c.relname AS name, string_agg(a.attname, ' ' ORDER BY a.attname) AS columns FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname LIKE '%\\_test\\_person' AND a.attnum > 0 AND a.attstattarget = 0 "
        "GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row.values()) for row in spared] == [
        ("contribution_test_person", "_digest _sealed"),
        ("golden_test_person", "_digest _provenance _sealed"),
        ("history_test_person", "_digest _provenance _sealed"),
    ]
