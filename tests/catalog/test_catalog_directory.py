"""The catalogue in memory: what changed is loaded, and nothing else; what was not heard is found by its version."""

import asyncio
from contextlib import contextmanager
from dataclasses import replace

import asyncpg
import pytest
from test_catalog_agreement import AGREEMENT
from test_catalog_repository import SYSTEM, _until, catalogue, fill

from catalog import held
from catalog.agreement import AgreementStatus
from catalog.conditions import rows_from
from catalog.directory import Directory
from catalog.held import Heard, HeldAgreements
from catalog.system import SystemStatus
from infra.database import Role

pytestmark = pytest.mark.server
PLACE = (AGREEMENT.system, AGREEMENT.resource)


@contextmanager
def counted(monkeypatch):
    """How many agreements were made of rows."""
    made = []

    def agreement_of(row):
        made.append(row["id"])
        return original(row)

    original = held.agreement_of
    monkeypatch.setattr(held, "agreement_of", agreement_of)
    yield made


def test_one_change_loads_one_agreement(database, monkeypatch):
    fill(database)
    with catalogue(database) as writing:
        for number in range(2, 40):
            writing.add_agreement(replace(AGREEMENT, id=f"a-{number}"), actor="ops")
        writing.add_agreement(
            replace(AGREEMENT, id="firms", resource="legal_person", items=("name",), masked=frozenset()),
            actor="ops",
        )

    def change():
        with catalogue(database) as writing:
            writing.set_agreement_status("a-7", AgreementStatus.SUSPENDED, actor="ops")

    async def story():
        directory = Directory(database.url(Role.APPLICATION))
        await directory.start()
        before = directory.snapshot.agreements[PLACE]
        assert [one.id for one in before] == ["a-1", *sorted(f"a-{number}" for number in range(2, 40))]
        with counted(monkeypatch) as made:
            await asyncio.to_thread(change)
            await _until(lambda: made)
        after = directory.snapshot.agreements[PLACE]
        await directory.close()
        assert made == ["a-7"]
        assert [one.id for one in after] == [one.id for one in before]
        assert {one.id for one in after if not one.is_in_force} == {"a-7"}
        assert all(one.is_in_force for one in before)
        assert [one.id for one in directory.snapshot.agreements[("permits", "legal_person")]] == ["firms"]

    asyncio.run(story())


def test_what_nobody_heard_of_is_found_by_its_version(database, monkeypatch):
    fill(database)

    async def story():
        connection = await asyncpg.connect(database.url(Role.OWNER))
        known = HeldAgreements()
        await known.renew(connection, Heard(everything=True))
        assert known.by_place == {PLACE: (AGREEMENT,)}
        with counted(monkeypatch) as made:
            await known.renew(connection, Heard(everything=True))
            assert made == []
            await connection.execute("ALTER TABLE catalog.agreement DISABLE TRIGGER USER")
            await connection.execute(
                """UPDATE catalog.agreement SET terms = '{"rows": [{"cases": "own"}]}'"""
            )
            await known.renew(connection, Heard(everything=True))
        assert known.by_place == {PLACE: (replace(AGREEMENT, rows=rows_from([{"cases": "own"}])),)}
        await connection.execute("UPDATE catalog.agreement SET resource = 'legal_person'")
        heard = Heard()
        heard.add("agreement a-1")
        await known.renew(connection, heard)
        assert list(known.by_place) == [("permits", "legal_person")]
        await connection.execute("DELETE FROM catalog.agreement")
        await known.renew(connection, Heard(everything=True))
        assert known.by_place == {}
        await connection.close()

    asyncio.run(story())


def test_systems_are_renewed_one_by_one_too(database):
    fill(database)

    def suspend():
        with catalogue(database) as writing:
            writing.add_system(replace(SYSTEM, id="other"), actor="ops")
            writing.set_system_status("permits", SystemStatus.SUSPENDED, actor="ops")

    async def story():
        directory = Directory(database.url(Role.APPLICATION))
        await directory.start()
        await asyncio.to_thread(suspend)
        await _until(lambda: "other" in directory.snapshot.systems)
        assert directory.snapshot.systems["permits"].status is SystemStatus.SUSPENDED
        await directory.close()

    asyncio.run(story())


def test_a_notification_of_another_table_loads_nothing():
    heard = Heard()
    heard.add("office")
    assert heard == Heard()
    heard.add("agreement")
    assert heard.everything
