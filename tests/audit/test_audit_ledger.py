import asyncio
from datetime import UTC, datetime

import asyncpg
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.appender import Appender
from audit.entry import LEAF_SQL, Entry, Kind
from audit.notes import ledger_signer
from audit.proving import verify
from audit.reading import entry as entry_of
from audit.reading import statistics, tail
from audit.receipts import Receipts, entry_id
from audit.recording import append_sync, insert_statement, record_administration
from audit.sealer import seal
from infra.database import Role
from infra.lanes import Lanes
from schemas.errors import ConfigurationError, LedgerBroken, LedgerUnavailable

pytestmark = pytest.mark.server


def call(number=0, **changed):
    told = {
        "kind": Kind.CALL,
        "action": "record",
        "outcome": "answered",
        "actor": "permits",
        "resource": "natural_person",
        "keys": 1,
        "subjects": number.to_bytes(16, "big"),
        "items": ("name", "sex"),
        "purpose": "企业开办",
        "case_code": f"CASE-{number}",
        "records": 1,
        "duration": 900,
        "detail": b"\x00sealed",
    }
    return Entry(**told | changed)


def append(database, entries):
    async def write():
        lanes = Lanes(await database.pool(Role.APPLICATION, 1, 2))
        appender = Appender(lanes)
        try:
            await appender.check()
            return await asyncio.gather(
                *(appender.append(entry) for entry in entries), return_exceptions=True
            )
        finally:
            await lanes.close()

    return asyncio.run(write())


@pytest.fixture
def signer(keyring):
    return ledger_signer(keyring, "urn:hub:test")


@pytest.fixture
def ledger(database):
    with database.engine(Role.AUDITOR).connect() as connection:
        yield connection


@pytest.fixture
def seal_all(database, signer, settled):
    """Seal everything written so far, whatever other tests do on the shared server."""

    def _seal():
        settled()
        return seal(database.engine(Role.APPLICATION), signer)

    return _seal


def test_concurrent_entries_are_all_written(database, ledger):
    entries = [call(number) for number in range(300)]
    assert append(database, entries) == [None] * 300
    stored = tail(ledger, 1000)
    assert {row["id"] for row in stored} == {entry.id for entry in entries}
    for column, value in (
        ("items", ["name", "sex"]),
        ("purpose", "企业开办"),
        ("detail", b"\x00sealed"),
        ("facts", None),
    ):
        assert all(row[column] == value for row in stored)
    # coalesced: far fewer transactions than entries
    assert (
        ledger.execute(text("SELECT count(DISTINCT transaction::text) FROM ledger.entry")).scalar_one() < 20
    )


def test_the_three_ways_in_store_the_same(database, ledger):
    facts = {"pulled": 3, "share": 1.5, "sources": ["民政"]}
    kinds = [call(number, kind=Kind.INGEST, facts=facts) for number in range(3)]
    append(database, [kinds[0]])
    with database.engine(Role.APPLICATION).begin() as connection:
        append_sync(connection, kinds[1])
    with database.bulk(Role.APPLICATION) as connection, connection.cursor() as cursor:
        cursor.execute(*insert_statement(kinds[2]))
    for entry in kinds:
        row = entry_of(ledger, entry.id)
        assert {name: row[name] for name in ("at", "kind", "subjects", "facts", "duration")} == {
            "at": entry.at, "kind": "ingest", "subjects": entry.subjects, "facts": facts, "duration": 900,
        }  # fmt: skip


def test_an_entry_in_a_transaction_falls_with_it(database, ledger):
    with database.engine(Role.APPLICATION).begin() as connection:
        append_sync(connection, call())
        connection.rollback()
    assert tail(ledger, 10) == []


CHANGES = (
    "UPDATE ledger.entry SET purpose = ''",
    "DELETE FROM ledger.entry",
    "TRUNCATE ledger.entry CASCADE",
)


def test_nobody_changes_the_ledger(database):
    append(database, [call()])
    for role in Role:
        for statement in CHANGES:
            with database.engine(role).connect() as connection, pytest.raises(DBAPIError):
                connection.execute(text(statement))


def test_no_entry_when_the_ledger_is_shut(database, ledger):
    with database.engine(Role.OWNER).begin() as connection:
        connection.execute(text("REVOKE INSERT ON ledger.entry FROM hub_application"))
    assert all(isinstance(outcome, LedgerUnavailable) for outcome in append(database, [call(), call(1)]))
    with pytest.raises(LedgerUnavailable), database.engine(Role.APPLICATION).begin() as connection:
        append_sync(connection, call())
    assert tail(ledger, 10) == []


def test_a_server_that_does_not_wait_for_the_disk_is_refused(database, hub_settings):
    with psycopg.connect(hub_settings.database_url) as connection:
        name = connection.execute("SELECT current_database()").fetchone()[0]
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(ConfigurationError, match="durable"):
        append(database, [call()])


def test_the_leaf_says_everything_unambiguously(database, ledger):
    told = call(
        7, at=datetime(2026, 5, 4, 10, 0, 0, 5, tzinfo=UTC), facts={"b": 1, "a": "民政"}, detail=b"\x01"
    )
    append(database, [told])
    (leaf,) = ledger.execute(text(f"SELECT {LEAF_SQL} FROM ledger.entry")).scalars()
    assert leaf.decode() == (
        f"36:{told.id},27:2026-05-04T10:00:00.000005Z,4:call,6:record,8:answered,7:permits,-,-,14:natural_person,"
        f'12:企业开办,-,6:CASE-7,-,-,1:1,32:{"0" * 31}7,8:name,sex,1:1,3:900,2:01,23:{{"a": "民政", "b": 1}},'
    )


def test_sealing_in_steps_proves_itself(database, ledger, signer, seal_all):
    assert (
        seal_all().size,
        verify(ledger, signer.verifier).checkpoints,
    ) == (0, 0)
    for total in (3, 7, 12):
        append(database, [call(number) for number in range(total - tail(ledger, 100).__len__())])
        assert seal_all().size == total
    assert seal_all().entries == 0
    append(database, [call()])
    proof = verify(ledger, signer.verifier)
    assert (proof.entries, proof.sealed, proof.checkpoints) == (13, 12, 3)


def test_sealing_more_than_one_portion(database, ledger, signer, monkeypatch, seal_all):
    monkeypatch.setattr("audit.sealer.MOST", 5)
    append(database, [call(number) for number in range(23)])
    assert seal_all().entries == 23
    assert verify(ledger, signer.verifier).sealed == 23


def test_the_leaf_order_waits_for_open_transactions(database, ledger, signer, seal_all):
    engine = database.engine(Role.APPLICATION)
    with engine.begin() as slow:
        append_sync(slow, call(1))
        append(database, [call(2)])
        assert seal(engine, signer).size == 0  # the first may still commit, and would come first
    assert seal_all().size == 2
    order = text("SELECT case_code FROM ledger.leaf JOIN ledger.entry ON id = entry ORDER BY number")
    assert ledger.execute(order).scalars().all() == ["CASE-1", "CASE-2"]


def test_a_restored_ledger_goes_on(database, ledger, signer, seal_all):
    """Dumps keep transaction numbers; the new cluster starts far below them."""
    far = text("ALTER TABLE ledger.entry ALTER transaction SET DEFAULT '900000000000'::xid8")
    now = text("ALTER TABLE ledger.entry ALTER transaction SET DEFAULT pg_current_xact_id()")
    for setting, number in ((far, 1), (now, 2)):
        with database.engine(Role.OWNER).begin() as connection:
            connection.execute(setting)
        append(database, [call(number)])
        assert seal_all().size == number
    assert verify(ledger, signer.verifier).sealed == 2


def test_statistics_are_sealed_with_the_entries(database, ledger, signer, seal_all):
    hour = datetime(2026, 5, 4, 10, tzinfo=UTC)
    answered = [call(number, at=hour.replace(minute=number)) for number in range(4)]
    refused = call(
        9, at=hour, kind=Kind.REFUSAL, outcome="refused", problem="missing_purpose", purpose=None, records=0
    )
    append(database, answered[:2])
    seal_all()
    append(database, [*answered[2:], refused])
    assert statistics(ledger)[0]["entries"] == 2
    seal_all()
    first, second = statistics(ledger)
    assert [first[k] for k in ("hour", "outcome", "purpose", "entries", "records", "duration")] == [
        hour,
        "answered",
        "企业开办",
        4,
        4,
        3600,
    ]
    assert [second[k] for k in ("problem", "entries", "records")] == ["missing_purpose", 1, 0]


TAMPERINGS = [
    (
        "UPDATE ledger.entry SET purpose = '别的' WHERE id = (SELECT entry FROM ledger.leaf WHERE number = 1)",
        "altered",
    ),
    ("DELETE FROM ledger.leaf WHERE number = 1", "missing"),
    ("DELETE FROM ledger.leaf WHERE number = 3", "missing"),
    ("UPDATE ledger.leaf SET number = number + 10 WHERE number = 3", "missing"),
    ("UPDATE ledger.checkpoint SET root = sha256('x')", "does not fit"),
    ("UPDATE ledger.checkpoint SET note = replace(note, '4', '5')", "signature"),
    ("UPDATE ledger.statistic SET entries = 3", "statistics"),
]


def test_what_a_superuser_tampers_with_is_found(database, signer, seal_all):
    append(database, [call(number) for number in range(4)])
    seal_all()
    with database.engine(Role.OWNER).begin() as connection:
        for table in ("entry", "leaf", "checkpoint", "statistic"):
            connection.execute(text(f"ALTER TABLE ledger.{table} DISABLE TRIGGER append_only"))
    for statement, says in TAMPERINGS:
        with database.engine(Role.OWNER).connect() as connection:
            assert verify(connection, signer.verifier).sealed == 4
            connection.execute(text(statement))
            with pytest.raises(LedgerBroken, match=says):
                verify(connection, signer.verifier)


def test_a_promise_holds_for_its_entry_only(database, ledger, keyring):
    receipts, entry = Receipts(keyring), call()
    promise = receipts.promise(entry)
    append(database, [entry])
    row = entry_of(ledger, entry_id(str(entry.id)))
    receipts.check(row, promise)
    for other in (
        None,
        row | {"records": 0},
        row | {"purpose": "别的"},
        row | {"subjects": bytes(16) + b"x"},
    ):
        with pytest.raises(LedgerBroken):
            receipts.check(other, promise)
    with pytest.raises(LedgerBroken):
        entry_id("not an id")


def test_administration_is_told_with_its_target(database, ledger):
    with database.engine(Role.APPLICATION).begin() as connection:
        record_administration(
            connection, actor="ops", action="system.add", target="permits", facts={"title": "T"}
        )
    (row,) = tail(ledger, 10)
    assert (row["kind"], row["actor"], row["facts"]) == (
        "administration",
        "ops",
        {"target": "permits", "title": "T"},
    )


def test_tail_goes_on_after_an_entry(database, ledger):
    append(database, [call(1)])
    (first,) = tail(ledger, 10)
    append(database, [call(2)])
    assert [row["case_code"] for row in tail(ledger, 10, after=first["id"])] == ["CASE-2"]


def test_the_appender_comes_back_after_its_connection_was_cut(database, ledger, hub_settings):
    async def story():
        lanes = Lanes(await database.pool(Role.APPLICATION, 1, 2))
        appender = Appender(lanes)
        await appender.append(call(1))
        other = await asyncpg.connect(hub_settings.database_url)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%' AND pid <> pg_backend_pid()"
        )
        await other.close()
        await asyncio.sleep(0.2)
        await appender.append(call(2))
        await lanes.close()

    asyncio.run(story())
    assert len(tail(ledger, 10)) == 2
