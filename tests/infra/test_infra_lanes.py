import asyncio

import asyncpg
import pytest

from infra import lanes
from infra.database import Role
from infra.lanes import Lanes
from schemas.errors import DatabaseUnavailable

pytestmark = pytest.mark.server


def with_lanes(database, story, connections=1):
    async def opened():
        hand = Lanes(await database.pool(Role.APPLICATION, 1, connections))
        try:
            return await story(hand)
        finally:
            await hand.close()

    return asyncio.run(opened())


async def backend(hand):
    async with hand.one() as connection:
        return await connection.fetchval("SELECT pg_backend_pid()")


def test_more_users_than_connections_take_turns(database, monkeypatch):
    monkeypatch.setattr(lanes, "SECONDS", 30.0)

    async def story(hand):
        async with asyncio.timeout(20):  # a connection that is kept must be handed on, not waited for
            return await asyncio.gather(*(backend(hand) for _ in range(50)))

    assert len(set(with_lanes(database, story, connections=2))) <= 2


def test_who_finds_none_free_for_too_long_is_told(database, monkeypatch):
    monkeypatch.setattr(lanes, "SECONDS", 0.1)

    async def story(hand):
        async with hand.one():
            with pytest.raises(DatabaseUnavailable):
                await backend(hand)
        return await backend(hand)

    assert with_lanes(database, story) > 0


def test_a_cut_connection_is_replaced(database, hub_settings):
    async def story(hand):
        cut = await backend(hand)
        other = await asyncpg.connect(hub_settings.database_url)
        await other.execute("SELECT pg_terminate_backend($1)", cut)
        await other.close()
        try:
            replaced = await backend(hand)
        except DatabaseUnavailable:  # the cut was noticed only in use
            replaced = await backend(hand)
        return cut, replaced

    cut, replaced = with_lanes(database, story)
    assert cut != replaced


def test_an_error_of_the_statement_is_the_users_own(database):
    async def story(hand):
        with pytest.raises(asyncpg.UndefinedTableError):
            async with hand.one() as connection:
                await connection.fetch("SELECT * FROM nothing_of_that_name")
        return await backend(hand)

    assert with_lanes(database, story) > 0
