"""Calls by subject: the index finds what a reading of the whole ledger finds, whatever is sealed, indexed, or neither yet."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.entry import Entry, Kind
from audit.notes import ledger_signer
from audit.recording import append_sync
from audit.sealer import seal
from audit.segments import readings
from infra.database import Role

pytestmark = pytest.mark.server
START = datetime(2026, 3, 2, tzinfo=UTC)
DAY, READ = timedelta(days=1), ("record", "query")
NAMES = [bytes([head]) + bytes([n]) * 15 for head in (1, 1, 7) for n in range(8)]
NEAR = [NAMES[0][:5] + bytes([9]) * 11, NAMES[0][8:] + NAMES[0][:8]]
"""Subjects that only a full comparison tells from others: the same first bytes, and one that lies across two of them."""


def call(number, subjects, **changed):
    told = {
        "kind": Kind.CALL, "action": READ[len(subjects) > 1], "outcome": "answered", "actor": "permits", "organisation": "o",
        "agreement": "a", "resource": "firm", "keys": len(subjects), "subjects": b"".join(subjects) or None, "items": ("name",),
        "case_code": f"CASE-{number}", "records": len(subjects), "at": START + timedelta(minutes=number),
    }  # fmt: skip
    return Entry(**told | changed)


def entries(chance, first, last):
    changes = [{}] * 6 + [{"kind": Kind.REFUSAL}, {"resource": "other"}, {"action": "lineage.record"}, {"outcome": "not_found"}]  # fmt: skip
    for number in range(first, last):
        subjects = chance.sample(NAMES + NEAR, chance.choice((1, 1, 1, 2, 5)))
        yield call(number, subjects, **chance.choice(changes))
    yield call(last, [])


def wanted(told, subject, since, until):
    return [
        one.id for one in sorted(told, key=lambda one: (one.at, one.id))
        if (one.kind, one.outcome, one.resource) == (Kind.CALL, "answered", "firm") and one.action in READ and since <= one.at < until
        and one.subjects and subject in [one.subjects[place : place + 16] for place in range(0, 16 * one.keys, 16)]
    ]  # fmt: skip


@pytest.fixture
def append(database, keyring, settled):
    def _append(told, *, sealed):
        for one in told:
            with database.engine(Role.APPLICATION).begin() as connection:
                append_sync(connection, one)
        if sealed:
            settled()
            seal(database.engine(Role.APPLICATION), ledger_signer(keyring, "hub"))

    return _append


def test_the_index_finds_what_reading_the_ledger_finds(database, append, monkeypatch):
    monkeypatch.setattr("audit.segments.LEAVES", 16)
    chance, told = random.Random(26), []
    for first, last, sealed in ((0, 50, True), (50, 90, True), (90, 100, False)):
        new = list(entries(chance, first, last))
        append(new, sealed=sealed)
        told += new
    with database.engine(Role.APPLICATION).connect() as connection:
        segments = connection.execute(text("SELECT count(*) FROM ledger.segment")).scalar_one()
        assert segments == 92 // 16
        for since, until in (
            (START, START + DAY),
            (START + timedelta(minutes=20), START + timedelta(minutes=95)),
        ):
            for subject in (*NAMES, *NEAR):
                found = readings(connection, "firm", [subject], READ, since, until)
                assert [one.entry for one in found] == wanted(told, subject, since, until)
        both = readings(connection, "firm", NAMES[:2], READ, START, START + DAY)
        assert len({one.entry for one in both}) == len(both) > 2
        assert {(one.system, one.organisation, one.items, one.agreement) for one in both} == {
            ("permits", "o", ("name",), "a")
        }


def test_a_ledger_that_was_there_before_its_index_is_taken_up_bit_by_bit(database, append, monkeypatch):
    monkeypatch.setattr("audit.segments.LEAVES", 4)
    monkeypatch.setattr("audit.segments._AT_ONCE", 1)
    append([call(number, [NAMES[0]]) for number in range(12)], sealed=True)
    for expected in (1, 2):
        with database.engine(Role.APPLICATION).connect() as connection:
            assert (
                connection.execute(text("SELECT max(number) + 1 FROM ledger.segment")).scalar_one()
                == expected
            )
            assert len(readings(connection, "firm", [NAMES[0]], READ, START, START + DAY)) == 11 + expected
        append([call(20 + expected, [NAMES[0]])], sealed=True)


def test_nobody_changes_the_index(database, append, monkeypatch):
    monkeypatch.setattr("audit.segments.LEAVES", 1)
    append([call(1, [NAMES[0]])], sealed=True)
    for forbidden in ("DELETE FROM ledger.segment", "UPDATE ledger.segment_subject SET prints = ''"):
        with (
            pytest.raises(DBAPIError, match="append-only"),
            database.engine(Role.OWNER).begin() as connection,
        ):
            connection.execute(text(forbidden))
