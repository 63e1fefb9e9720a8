"""What is in doubt is known to a process within a second; what was not heard is found all the same."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text

from audit.recording import record_administration
from catalog.directory import Directory
from catalog.held import Heard
from catalog.held_doubts import HeldDoubts
from infra.database import Role

pytestmark = pytest.mark.server
ONE, OTHER = bytes([1]) * 16, bytes([2]) * 16
RAISE = """
    INSERT INTO catalog.objection (id, kind, resource, items, subject, case_code, version, sealed)
    VALUES (:id, 'quality', 'firm', '{}', :subject, 'C', 1, '')
"""
DOUBT = """
    INSERT INTO catalog.doubt (objection, item, resource, subject, organisation, since, is_open)
    VALUES (:id, :item, 'firm', :subject, :organisation, now(), true)
"""


CLOSE = "UPDATE catalog.doubt SET is_open = false WHERE objection = :id"


def change(database, *statements, **values):
    with database.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="test", target="", facts={})
        for statement in statements:
            connection.execute(text(statement), values)


def raise_one(database, id_, subject, item):
    change(database, RAISE, DOUBT, id=id_, subject=subject, item=item, organisation=id_)


def known(directory):
    return {
        (resource, subject): sorted((one.objection, one.item) for one in doubts)
        for resource, of_subject in directory.snapshot.doubts.items()
        for subject, doubts in of_subject.items()
    }


async def becomes(directory, expected):
    for _ in range(1000):
        if known(directory) == expected:
            return
        await asyncio.sleep(0.01)
    assert known(directory) == expected


def test_doubts_come_and_go_in_a_process_s_memory(database):
    raise_one(database, "OB1", ONE, "name")

    async def story():
        directory = Directory(database.url(Role.APPLICATION))
        await directory.start()
        try:
            assert known(directory) == {("firm", ONE): [("OB1", "name")]}
            await asyncio.to_thread(raise_one, database, "OB2", ONE, "")
            await asyncio.to_thread(raise_one, database, "OB3", OTHER, "status")
            both = {("firm", ONE): [("OB1", "name"), ("OB2", "")], ("firm", OTHER): [("OB3", "status")]}
            await becomes(directory, both)
            await asyncio.to_thread(change, database, CLOSE, id="OB2")
            await becomes(directory, both | {("firm", ONE): [("OB1", "name")]})
        finally:
            await directory.close()

    asyncio.run(story())


def test_what_was_not_heard_is_found_when_everything_is_loaded(database):
    raise_one(database, "OB1", ONE, "name")
    raise_one(database, "OB2", OTHER, "name")

    async def story():
        connection, held = await asyncpg.connect(database.url(Role.APPLICATION)), HeldDoubts()
        try:
            await held.renew(connection, Heard(everything=True))
            assert sorted(held.by_resource["firm"]) == [ONE, OTHER]
            change(database, CLOSE, id="OB1")
            await held.renew(connection, Heard())
            assert sorted(held.by_resource["firm"]) == [ONE, OTHER], "nothing was heard"
            await held.renew(connection, Heard(everything=True))
            assert sorted(held.by_resource["firm"]) == [OTHER]
            change(database, CLOSE, id="OB2")
            await held.renew(connection, Heard(everything=True))
            assert held.by_resource == {}, "nobody looks in vain"
        finally:
            await connection.close()

    asyncio.run(story())
