"""Changes from the log of a real PostgreSQL: all rows once, then every change, whatever breaks in between."""

import json
import logging
import uuid

import documents
import psycopg
import pytest

from connectors.definition import read_source
from connectors.kinds import options_of
from connectors.options import table
from connectors.pull import pull, standing
from connectors.stream import refusals
from connectors.stream.pgoutput import UNCHANGED, Begin, Change, Commit, Decoder, Truncate
from infra.embedded import EmbeddedPostgres
from schemas.errors import (
    ChangesLost,
    DefinitionError,
    MissingColumn,
    SourceBusy,
    SourceError,
    SourceLoginFailed,
    SourceUnreachable,
    WrongFormat,
)

pytestmark = pytest.mark.server

MAPPING = {"credit_code": "代码", "name": "名称", "business_scope": "范围"}
SLOT_SIZE = ("wal_level=logical", "max_wal_senders=4", "max_slot_wal_keep_size=64MB", "max_wal_size=64MB")


@pytest.fixture(scope="module")
def logging_server(tmp_path_factory, server_programs):
    """A server that keeps a logical log."""
    folder = tmp_path_factory.mktemp("changes") / "server"
    with EmbeddedPostgres(
        folder, binaries=server_programs, temporary=True, memory=64, settings=SLOT_SIZE
    ) as server:
        yield server


class Register:
    """A department's table with its publication; ``library`` is what the hub knows of it."""

    def __init__(self, server, columns='"编号" integer PRIMARY KEY, "代码" text, "名称" text, "范围" text'):
        name = f"changes_{uuid.uuid4().hex[:8]}"
        server.ensure_database(name)
        self.url, self.slot = server.url(name), f"hub_{name}"
        self.execute(f'CREATE TABLE "企业" ({columns})')
        self.execute('CREATE PUBLICATION hub FOR TABLE "企业"')
        self.library: dict[str, tuple] = {}
        self.state = None

    def execute(self, *statements, values=()):
        with psycopg.connect(self.url) as connection:
            for statement in statements:
                connection.execute(statement, values)

    def insert(self, first, last):
        self.execute(
            f"INSERT INTO \"企业\" SELECT n, '91' || n, '企业' || n, '范围' FROM generate_series({first}, {last - 1}) n"
        )

    def rows(self):
        with psycopg.connect(self.url) as connection:
            return {
                str(row[0]): row
                for row in connection.execute('SELECT "编号"::text, "代码", "名称", "范围" FROM "企业"')
            }

    def store(self, batch):
        """Take a batch in, as the library does: by the row's reference, and the state with it."""
        for row in batch.table.to_pylist():
            if row["_gone"]:
                self.library.pop(row["_row"], None)
            else:
                self.library[row["_row"]] = tuple(row[name] for name in ("编号", "代码", "名称", "范围"))
        self.state = json.loads(json.dumps(batch.watermark))

    def pull(self, source, batch_rows=10):
        batches = list(pull(source, self.state, batch_rows))
        for batch in batches:
            self.store(batch)
        return batches

    def confirmed(self):
        with psycopg.connect(self.url) as connection:
            query = "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = %s"
            return connection.execute(query, (self.slot,)).fetchone()[0]

    def drop_slot(self):
        with psycopg.connect(self.url, autocommit=True) as connection:
            query = (
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s"
            )
            connection.execute(query, (self.slot,))


@pytest.fixture
def register(logging_server):
    made = Register(logging_server)
    yield made
    made.drop_slot()


@pytest.fixture
def log_source(define):
    def make(register, url=None, mapping=None, **fields):
        changes = {"table": "企业", "publication": "hub", "slot": register.slot} | fields.pop("changes", {})
        fields = {"resource": "legal_person", "row_id": "编号"} | fields
        options = {"url": url or register.url, "changes": changes}
        return define("stream", options, mapping or MAPPING, **fields)

    return make


# ── rows, then changes ───────────────────────────────────────────────────────────────────────────────


def test_all_rows_come_once_and_then_what_happens_to_them(register, log_source):
    source = log_source(register)
    register.insert(0, 25)
    batches = register.pull(source)
    assert [batch.number_of_rows for batch in batches] == [10, 10, 5]
    assert register.library == register.rows()
    assert batches[0].shape == {"编号": "integer", "代码": "text", "名称": "text", "范围": "text"}
    assert register.pull(source) == []

    register.insert(100, 103)
    register.execute(
        'UPDATE "企业" SET "名称" = \'改名\' WHERE "编号" = 3', 'DELETE FROM "企业" WHERE "编号" = 4'
    )
    (batch,) = register.pull(source)
    assert batch.table.column("_row").to_pylist() == ["100", "101", "102", "3", "4"]
    assert batch.table.column("_gone").to_pylist() == [False] * 4 + [True]
    assert register.library == register.rows()


def test_of_several_changes_of_a_row_the_last_counts(register, log_source):
    source = log_source(register)
    register.insert(0, 3)
    register.pull(source)
    register.execute(
        'UPDATE "企业" SET "名称" = \'一\' WHERE "编号" = 0',
        'DELETE FROM "企业" WHERE "编号" = 0',
        "INSERT INTO \"企业\" VALUES (0, '90', '二', '新')",
        'UPDATE "企业" SET "名称" = \'三\' WHERE "编号" = 1',
        'DELETE FROM "企业" WHERE "编号" = 1',
        'UPDATE "企业" SET "编号" = 22 WHERE "编号" = 2',
    )
    (batch,) = register.pull(source)
    assert list(zip(batch.table["_row"].to_pylist(), batch.table["_gone"].to_pylist(), strict=True)) == [
        ("0", False), ("1", True), ("2", True), ("22", False),
    ]  # fmt: skip
    assert register.library == register.rows()


def test_changes_made_while_the_rows_are_read_are_not_lost(register, log_source):
    source = log_source(register)
    register.insert(0, 30)
    batches = pull(source, None, 10)
    register.store(next(batches))
    register.execute(
        'UPDATE "企业" SET "名称" = \'改\' WHERE "编号" IN (1, 25)',
        'DELETE FROM "企业" WHERE "编号" IN (2, 26)',
    )
    register.insert(100, 101)
    for batch in batches:
        register.store(batch)
    assert register.library == register.rows()
    assert register.pull(source) == []


def test_every_batch_can_be_gone_on_from(register, log_source):
    source = log_source(register)
    register.insert(0, 25)
    whole = register.pull(source)
    for done in range(len(whole) - 1):
        rest = list(pull(source, whole[done].watermark, 10))
        assert [batch.digest for batch in rest] == [batch.digest for batch in whole[done + 1 :]]
    state = register.state
    for first in range(100, 160, 20):  # three transactions of twenty
        register.insert(first, first + 20)
    changes = list(pull(source, state, 7))
    assert sum(batch.number_of_rows for batch in changes) == 60
    for done in range(len(changes) - 1):
        rest = list(pull(source, changes[done].watermark, 7))
        assert [batch.digest for batch in rest] == [batch.digest for batch in changes[done + 1 :]]
        assert rest[-1].watermark["done"] == 0


def test_what_is_not_stored_comes_again_and_what_is_stored_is_let_go(register, log_source):
    source = log_source(register)
    register.insert(0, 5)
    register.pull(source)
    register.insert(100, 110)
    lost = list(pull(source, register.state))  # as if the hub was killed before it stored
    before = register.confirmed()
    again = register.pull(source)
    assert [batch.digest for batch in again] == [batch.digest for batch in lost]
    assert register.confirmed() == before
    assert register.pull(source) == []
    assert register.confirmed() != before
    assert register.library == register.rows()


def test_a_run_takes_no_more_than_it_may(register, log_source):
    source = log_source(register, changes={"most_changes": 30})
    register.insert(0, 1)
    register.pull(source)
    for first in range(100, 200, 10):
        register.insert(first, first + 10)
    runs = 0
    while register.pull(source):
        runs += 1
    assert runs > 2
    assert register.library == register.rows()


def test_other_tables_do_not_hold_the_log_back(register, log_source):
    source = log_source(register)
    register.insert(0, 5)
    register.pull(source)
    register.execute("CREATE TABLE other (n integer)", "INSERT INTO other SELECT generate_series(1, 1000)")
    before = register.confirmed()
    assert register.pull(source) == []
    assert register.confirmed() != before


def test_values_are_written_alike_in_rows_and_changes(logging_server, log_source):
    register = Register(
        logging_server,
        '"编号" integer PRIMARY KEY, "代码" numeric(12, 2), "名称" timestamptz, "范围" double precision, "日" date, "真" boolean,'
        ' "节" bytea, "字" char(5)',
    )
    values = "1234.50, '2026-01-02 03:04:05+00', 0.1, '2026-01-02', true, '\\x00ff', 'ab'"
    register.execute(f'INSERT INTO "企业" VALUES (1, {values})')
    mapping = MAPPING | {"established_on": "日", "status": "真", "address": "节", "phone": "字"}
    source = log_source(register, mapping=mapping)
    (rows,) = pull(source)
    register.execute(f'INSERT INTO "企业" VALUES (2, {values})')
    (changes,) = pull(source, rows.watermark)
    of_rows, of_changes = (
        batch.table.drop_columns(["编号", "_row"]).to_pylist()[0] for batch in (rows, changes)
    )
    assert of_rows == of_changes
    assert of_rows["名称"] == "2026-01-02 11:04:05+08"
    register.drop_slot()


@pytest.mark.parametrize("full", [False, True])
def test_a_large_value_that_an_update_left_is_kept(register, log_source, full):
    """Such a value is stored beside the row, and the log does not repeat it."""
    source = log_source(register)
    large = uuid.uuid4().hex * 1000
    register.execute('ALTER TABLE "企业" ALTER "范围" SET STORAGE EXTERNAL')
    if full:
        register.execute('ALTER TABLE "企业" REPLICA IDENTITY FULL')
    for number in (1, 2):
        register.execute("INSERT INTO \"企业\" VALUES (%s, '91', '旧', %s)", values=(number, large))
    register.pull(source)
    register.execute('UPDATE "企业" SET "名称" = \'新\' WHERE "编号" = 1')
    register.execute('UPDATE "企业" SET "名称" = \'新\' WHERE "编号" = 2')
    register.execute('DELETE FROM "企业" WHERE "编号" = 2')
    register.pull(source, 1)
    assert register.library == register.rows()
    assert register.library["1"] == ("1", "91", "新", large)


def test_all_references_are_told(register, log_source):
    register.insert(0, 25)
    source = log_source(register, deletions={"by": "comparison"})
    found = {reference for part in standing(source) for reference in part.to_pylist()}
    assert found == {str(n) for n in range(25)}


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_restarts_has_lost_nothing(tmp_path, server_programs, log_source):
    with EmbeddedPostgres(
        tmp_path / "server", binaries=server_programs, temporary=True, memory=64, settings=SLOT_SIZE
    ) as server:
        register = Register(server)
        source = log_source(register)
        register.insert(0, 25)
        batches = pull(source, None, 10)
        register.store(next(batches))
        server._postmaster.stop()
        with pytest.raises(SourceUnreachable, match="cannot be reached"):
            list(batches)
        with pytest.raises(SourceUnreachable):
            list(pull(source, register.state, 10))
        server.start()
        register.pull(source)
        register.insert(100, 110)
        server._postmaster.stop()
        server.start()
        register.pull(source)
        assert register.library == register.rows()


def test_a_slot_that_is_gone_or_lost_is_told_and_taken_in_anew(register, log_source, caplog):
    source = log_source(register, changes={"largest_lag_mb": 1})
    register.insert(0, 5)
    register.pull(source)
    register.drop_slot()
    register.insert(5, 10)
    with pytest.raises(ChangesLost, match="reset its state"):
        register.pull(source)
    register.state = None
    register.pull(source)
    assert register.library == register.rows()
    register.execute("CREATE TABLE filler (text text)")
    register.execute("INSERT INTO filler SELECT repeat(md5(n::text), 8) FROM generate_series(1, 40000) n")
    with caplog.at_level(logging.WARNING):
        register.pull(source)
    assert "keeps" in caplog.text
    for _ in range(12):
        register.execute("INSERT INTO filler SELECT repeat(md5(n::text), 8) FROM generate_series(1, 40000) n")
        register.execute("SELECT pg_switch_wal()")
    with psycopg.connect(register.url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    with pytest.raises(ChangesLost, match="is lost"):
        register.pull(source)


def test_a_truncated_table_is_told_and_taken_in_anew(register, log_source):
    source = log_source(register)
    register.insert(0, 5)
    register.pull(source)
    register.execute('TRUNCATE "企业"')
    register.insert(5, 8)
    with pytest.raises(ChangesLost, match="was truncated"):
        register.pull(source)
    register.state, register.library = None, {}
    register.pull(source)
    assert register.library == register.rows()
    assert register.pull(source) == []


def test_what_a_stream_needs_and_has_not_is_named(register, log_source, server):
    with pytest.raises(SourceError, match=r"no table '没有'"):
        list(pull(log_source(register, changes={"table": "没有"})))
    with pytest.raises(MissingColumn, match="'法人'"):
        list(pull(log_source(register, mapping=MAPPING | {"representative_name": "法人"})))
    with pytest.raises(SourceError, match="no publication 'none'"):
        list(pull(log_source(register, changes={"publication": "none"})))
    with pytest.raises(SourceError, match=r"replica identity .* does not hold 代码"):
        list(pull(log_source(register, row_id="代码")))
    partial = {
        "inserts": ("FOR TABLE \"企业\" WITH (publish = 'insert')", "every kind of change"),
        "some_columns": ('FOR TABLE "企业" ("编号", "代码")', "the column"),
        "some_rows": ('FOR TABLE "企业" WHERE ("编号" > 5)', "every row"),
    }
    for name, (told, lacks) in partial.items():
        register.execute(f"CREATE PUBLICATION {name} {told}")
        with pytest.raises(SourceError, match=f"does not publish {lacks}"):
            list(pull(log_source(register, changes={"publication": name})))
    unlogged = Register(server)  # of the hub's own settings: no logical log
    with pytest.raises(SourceError, match="keeps no logical log"):
        list(pull(log_source(unlogged)))


def test_a_row_without_a_key_is_named(logging_server, log_source):
    register = Register(logging_server, '"编号" integer, "代码" text, "名称" text, "范围" text')
    register.execute(
        'ALTER TABLE "企业" REPLICA IDENTITY FULL', "INSERT INTO \"企业\" VALUES (NULL, 'a', 'b', 'c')"
    )
    with pytest.raises(WrongFormat, match="a row has no 编号"):
        list(pull(log_source(register)))
    register.drop_slot()


def test_a_slot_of_another_kind_is_refused(register, log_source):
    with psycopg.connect(register.url, autocommit=True) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot(%s)", (register.slot,))
    with pytest.raises(SourceError, match="another database's or plugin's"):
        list(pull(log_source(register)))


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("42501", SourceLoginFailed),
        ("55006", SourceBusy),
        ("57014", SourceUnreachable),
        ("57P01", SourceUnreachable),
        (None, SourceUnreachable),
        ("55000", ChangesLost),
        ("22012", SourceError),
    ],
)
def test_what_the_database_refuses_is_told_by_its_state(log_source, register, state, error):
    source = log_source(register)
    assert type(refusals.from_sqlstate(source, "here", state, source.option("changes"))) is error


def test_refused_logins_show_no_secret(register, log_source, monkeypatch):
    monkeypatch.setenv("SECRET", "p4ss-w0rd")
    for url, error in (
        (register.url.replace("postgres@", "nobody_here:${env:SECRET}@"), SourceLoginFailed),
        ("postgresql://reader:${env:SECRET}@127.0.0.1:1/register", SourceUnreachable),
    ):
        with pytest.raises(error) as caught:
            list(pull(log_source(register, url)))
        assert "p4ss" not in str(caught.value)
        assert caught.value.__suppress_context__
    with pytest.raises(DefinitionError, match="holds a password") as refused:
        log_source(register, "postgresql://reader:p4ss-w0rd@127.0.0.1:1/register")
    assert "p4ss" not in str(refused.value)
    role = f"reader_{uuid.uuid4().hex[:8]}"
    register.execute(f"CREATE ROLE {role} LOGIN", f'GRANT SELECT ON "企业" TO {role}')
    with pytest.raises(SourceLoginFailed, match="REPLICATION"):
        list(pull(log_source(register, register.url.replace("postgres@", f"{role}@"))))


@pytest.mark.parametrize(
    ("options", "fields", "words"),
    [
        ({"queue": {"name": "q"}}, {}, "either 'changes' or 'queue'"),
        ({}, {"row_id": []}, "row_id is missing"),
        ({}, {"watermark": {"column": "名称"}}, "of no use to a stream"),
        ({"changes": {"table": "t", "publication": "p", "slot": "Slot!"}}, {}, r"options\.changes\.slot"),
    ],
)
def test_a_wrong_definition_is_named(define, options, fields, words):
    told = {"url": "postgresql://x/y", "changes": {"table": "t", "publication": "p", "slot": "s"}} | options
    with pytest.raises(DefinitionError, match=words):
        define("stream", told, MAPPING, **({"resource": "legal_person", "row_id": "编号"} | fields))


# ── the decoder ──────────────────────────────────────────────────────────────────────────────────────


def _relation():
    columns = (
        b"\x01id\0"
        + (23).to_bytes(4, "big")
        + b"\xff" * 4
        + b"\x00name\0"
        + (25).to_bytes(4, "big")
        + b"\xff" * 4
    )
    return b"R" + (7).to_bytes(4, "big") + b"public\0t\0d" + (2).to_bytes(2, "big") + columns


def _tuple(*values):
    written = b""
    for value in values:
        text = value.encode() if isinstance(value, str) else b""
        written += value if isinstance(value, bytes) else b"t" + len(text).to_bytes(4, "big") + text
    return len(values).to_bytes(2, "big") + written


SEVEN = (7).to_bytes(4, "big")


def test_messages_are_decoded_and_unknown_ones_passed_over():
    decoder, table = Decoder(), ("public", "t")
    assert decoder.decoded(_relation()) is None
    assert decoder.decoded(b"B" + (99).to_bytes(8, "big") + b"\0" * 12) == Begin(99)
    assert decoder.decoded(b"C\0" + b"\0" * 8 + (120).to_bytes(8, "big") + b"\0" * 8) == Commit(120)
    assert decoder.decoded(b"I" + SEVEN + b"N" + _tuple("1", b"n")) == Change(
        table, None, {"id": "1", "name": None}
    )
    updated = b"U" + SEVEN + b"K" + _tuple("1", b"n") + b"N" + _tuple("2", b"u")
    assert decoder.decoded(updated) == Change(table, {"id": "1"}, {"id": "2", "name": UNCHANGED})
    full = b"D" + SEVEN + b"O" + _tuple("1", "甲")
    assert decoder.decoded(full) == Change(table, {"id": "1", "name": "甲"}, None)
    assert decoder.decoded(b"T" + (1).to_bytes(4, "big") + b"\0" + SEVEN) == Truncate((table,))
    assert [decoder.decoded(kind + b"anything") for kind in (b"O", b"Y", b"M", b"?")] == [None] * 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"B\0",
        b"I" + SEVEN,
        b"I" + (8).to_bytes(4, "big"),
        b"I" + SEVEN + b"N" + _tuple("1"),
        b"I" + SEVEN + b"N\0\2x",
    ],
)
def test_a_broken_message_is_no_other(data):
    decoder = Decoder()
    decoder.decoded(_relation())
    with pytest.raises(ValueError):
        decoder.decoded(data)


def test_the_page_is_true():
    """Its examples are sources, its table that of the options."""
    page = documents.page("connectors/stream.md")
    for example in documents.blocks(page, "yaml"):
        assert read_source(example, "example.yaml", {}).connector == "stream"
    assert table(options_of("stream")) in page
