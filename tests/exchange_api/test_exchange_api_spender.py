"""Counting in the commit that records: exact over processes, through kills, cut connections and frozen neighbours."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import psycopg
import pytest
from sqlalchemy import text

from audit.entry import Entry, Kind
from audit.recording import record_administration
from catalog.agreement import Agreement
from catalog.allowance import Rate
from catalog.asking import Way
from catalog.claims import USUAL_CLAIMS, Tried, Try
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.spending import Draw
from catalog.system import System
from exchange_api import spender as module
from exchange_api.spender import Spender
from infra.clock import now
from infra.database import Role, open_database
from infra.lanes import Lanes
from infra.settings import Settings
from schemas.errors import (
    AllowanceSpent,
    ClaimsSpent,
    DatabaseUnavailable,
    LedgerUnavailable,
    QuotaSpent,
    TooFast,
)
from schemas.working_days import calendar_of

pytestmark = pytest.mark.server
CALENDAR = calendar_of(None, "Asia/Shanghai").lenient()
AGREEMENT = Agreement(
    id="a-1", system="desk", resource="natural_person", items=("name",), purposes=frozenset({"p"}), legal_bases=frozenset({"l"}),
    valid_from=now() - timedelta(days=1), valid_to=now() + timedelta(days=1), quota_per_day=97,
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    items: tuple[str, ...] = ()
    by: str | None = None
    purpose: str = "p"
    legal_basis: str = "l"
    case_code: str = "c"
    organisation: str = "o"
    provenance: bool = False
    signed: bool = False
    number_of_keys: int = 1
    filtered: tuple[str, ...] | None = None
    way: Way = Way.READ
    question: str = ""


@pytest.fixture
def agreed(database):
    """Puts agreements into the catalogue."""
    with database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_organisation(Organisation("11500000009275123M", "行政审批局", "500000"), actor="test")
        key = {"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
        catalogue.add_system(System("desk", "11500000009275123M", "desk", (key,)), actor="test")
        for one in (AGREEMENT, replace(AGREEMENT, id="a-2", quota_per_day=None, rate=Rate(100, burst=7))):
            catalogue.add_agreement(one, actor="test")
    return database


@asynccontextmanager
async def opened(database):
    lanes = Lanes(await database.pool(Role.APPLICATION, 1, 1))
    try:
        yield Spender(lanes, CALENDAR)
    finally:
        await lanes.close()


async def spend(spender, number, agreement=AGREEMENT, asked=None, at=None):
    """Whether each of so many calls at once is granted: True, or the refusal's type."""
    entries = [
        Entry(Kind.CALL, "record", "answered", actor="desk", agreement=agreement.id) for _ in range(number)
    ]
    draw = Draw(agreement, asked or Asked(), at or now())
    outcomes = await asyncio.gather(
        *(spender.append(entry, draw) for entry in entries), return_exceptions=True
    )
    return [type(one) if isinstance(one, Exception) else True for one in outcomes]


def counts(database, agreement="a-1"):
    """Records counted, and entries on the ledger."""
    with database.engine(Role.OWNER).connect() as connection:
        query = text("SELECT used FROM catalog.agreement_use WHERE agreement = :id")
        used = connection.execute(query, {"id": agreement}).scalar() or 0
        query = text("SELECT count(*) FROM ledger.entry WHERE agreement = :id AND outcome = 'answered'")
        return used, connection.execute(query, {"id": agreement}).scalar_one()


def test_what_is_counted_is_what_is_recorded(agreed):
    async def story():
        async with opened(agreed) as one, opened(agreed) as other:
            both = await asyncio.gather(*(spend(spender, 200) for spender in (one, other)))
            outcomes = [outcome for many in both for outcome in many]
            assert (outcomes.count(True), outcomes.count(QuotaSpent)) == (97, 303)
            assert counts(agreed) == (97, 97)
            assert isinstance(
                AGREEMENT.refusal(Asked(), now(), one.circumstances), QuotaSpent
            )  # before anything is read
            tomorrow = now() + timedelta(days=1)
            assert await spend(one, 2, at=tomorrow) == [True, True]
            assert await spend(other, 1, asked=Asked(number_of_keys=96), at=tomorrow) == [QuotaSpent]
            assert await spend(other, 1, asked=Asked(number_of_keys=95), at=tomorrow) == [True]
            assert await spend(one, 1) == [QuotaSpent]  # who comes late counts to the day that has begun

    asyncio.run(story())


def test_a_small_call_passes_where_a_large_one_does_not(agreed):
    async def story():
        async with opened(agreed) as spender:
            draws = [Draw(AGREEMENT, Asked(number_of_keys=keys), now()) for keys in (90, 8, 7, 1)]
            asked = [
                spender.append(Entry(Kind.CALL, "query", "answered", agreement="a-1"), draw) for draw in draws
            ]
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert [isinstance(outcome, AllowanceSpent) for outcome in outcomes] == [False, True, False, True]
            assert counts(agreed) == (97, 2)

    asyncio.run(story())


def test_a_rate_is_kept_by_two_processes_together(agreed):
    paced = replace(AGREEMENT, id="a-2", quota_per_day=None, rate=Rate(100, burst=7))

    async def story():
        async with opened(agreed) as one, opened(agreed) as other:
            began, granted, refused = time.monotonic(), 0, 0
            while time.monotonic() - began < 0.5:
                for many in await asyncio.gather(spend(one, 5, paced), spend(other, 5, paced)):
                    granted += many.count(True)
                    refused += many.count(TooFast)
            seconds = time.monotonic() - began
            assert 7 <= granted <= 7 + 100 * seconds
            assert refused
            assert counts(agreed, "a-2")[1] == granted

    asyncio.run(story())


def test_a_commit_whose_answer_was_lost_counts_once(agreed):
    async def story():
        async with opened(agreed) as spender:
            original = spender._record

            async def breaking(asked, *, broken):
                outcomes = await original(asked, broken=broken)
                if not broken:
                    raise DatabaseUnavailable("The connection broke when all was committed.")
                return outcomes

            spender._record = breaking
            assert await spend(spender, 60) == [True] * 60
            assert counts(agreed) == (60, 60)
            outcomes = await spend(spender, 60)
            assert (outcomes.count(True), outcomes.count(QuotaSpent)) == (37, 23)
            assert counts(agreed) == (97, 97)

    asyncio.run(story())


def test_a_connection_that_is_cut_is_made_again(agreed, hub_settings):
    async def story():
        async with opened(agreed) as spender:
            assert await spend(spender, 3) == [True] * 3
            with psycopg.connect(hub_settings.database_url) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert await spend(spender, 3) == [True] * 3
            agreed.close()  # its own connections were cut, too
            assert counts(agreed) == (6, 6)

    asyncio.run(story())


def test_who_holds_the_row_too_long_makes_calls_fail_and_spends_nothing(agreed, monkeypatch):
    monkeypatch.setattr(module, "_BEGIN", "BEGIN; SET LOCAL lock_timeout = '100ms'")

    async def story():
        async with opened(agreed) as spender:
            assert await spend(spender, 1) == [True]
            with agreed.engine(Role.OWNER).begin() as connection:
                connection.execute(text("SELECT FROM catalog.agreement_use FOR UPDATE"))
                assert await spend(spender, 2) == [LedgerUnavailable] * 2
            assert await spend(spender, 1) == [True]
            assert counts(agreed) == (2, 2)


def test_a_process_that_is_frozen_in_the_midst_of_it_loses_its_locks(agreed):
    short = module._BEGIN.replace(
        "idle_in_transaction_session_timeout = '5s'", "idle_in_transaction_session_timeout = '200ms'"
    )
    assert short != module._BEGIN

    async def story():
        frozen = await asyncpg.connect(agreed.url(Role.APPLICATION))
        async with opened(agreed) as spender:
            assert await spend(spender, 1) == [True]
            await frozen.execute(short)
            await frozen.execute("SELECT FROM catalog.agreement_use FOR UPDATE")
            assert await spend(spender, 1) == [True]  # waits, and goes on when the frozen one is cut off
            assert counts(agreed) == (2, 2)
        frozen.terminate()

    asyncio.run(story())


def test_an_append_that_fails_counts_nothing(agreed, monkeypatch):
    async def full(connection, _entries):
        await connection.execute("SELECT 1 / 0")

    async def story():
        async with opened(agreed) as spender:
            with monkeypatch.context() as broken:
                broken.setattr(module, "copy_entries", full)
                assert await spend(spender, 5) == [LedgerUnavailable] * 5
            assert counts(agreed) == (0, 0)
            assert await spend(spender, 5) == [True] * 5
            assert counts(agreed) == (5, 5)

    asyncio.run(story())


def test_killed_processes_neither_lose_nor_gain_a_call(agreed, hub_settings):
    """Three processes spend at once; each in turn is killed in the midst of it, the last may finish."""
    place = {"HUB_HOME": str(hub_settings.home), "HUB_DATABASE_URL": hub_settings.database_url}
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])
    with agreed.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="agreement.quota", target="a-1", facts={})
        connection.execute(text("""UPDATE catalog.agreement SET terms = '{"quota_per_day": 1000}'"""))
    children = [
        subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, **place, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    try:
        for child in children:
            assert child.stdout.readline() == b"spending\n"
        for child in children[:2]:
            time.sleep(0.2)
            child.send_signal(signal.SIGKILL)
        assert children[2].wait(120) == 0
    finally:
        for child in children:
            child.kill()
            child.communicate()
    assert counts(agreed) == (1000, 1000)


async def _spend_all() -> None:
    with open_database(Settings(_env_file=None)) as database:
        async with opened(database) as spender:
            agreement = replace(AGREEMENT, quota_per_day=1000)
            await spend(spender, 1, agreement)
            os.write(1, b"spending\n")
            outcomes: list = []
            while QuotaSpent not in outcomes:
                outcomes = await spend(spender, 2, agreement)
                assert set(outcomes) <= {True, QuotaSpent}, outcomes


if __name__ == "__main__":
    asyncio.run(_spend_all())


# ── claims that fail ─────────────────────────────────────────────────────────────────────────────────


def tried(day=date(2026, 6, 1), verdict=False, subject=b"s" * 16):
    told = (Try(subject, 1, {"name": verdict}),)
    return Tried("desk", "natural_person", "a-1", USUAL_CLAIMS, day, 60, told, 1, int(verdict is False))


async def claim(spender, number, one, draw=None):
    """How each of so many calls at once ends, and that only what is granted is recorded."""
    entries = [Entry(Kind.CALL, "verify", "answered", actor="desk", agreement="a-1") for _ in range(number)]
    outcomes = await asyncio.gather(
        *(spender.append(entry, draw, one) for entry in entries), return_exceptions=True
    )
    return [type(outcome) if isinstance(outcome, Exception) else True for outcome in outcomes]


def failures(database):
    with database.engine(Role.OWNER).connect() as connection:
        rows = connection.execute(
            text("SELECT day, sum(failed) FROM catalog.claim_failure GROUP BY 1 ORDER BY 1")
        )
        used = connection.execute(
            text("SELECT coalesce(sum(claims), 0), coalesce(sum(failed), 0) FROM catalog.claim_use")
        ).one()
        return [tuple(row) for row in rows], tuple(used)


def test_claims_fail_as_often_as_agreed_over_all_processes(agreed):
    first = date(2026, 6, 1)

    async def story():
        async with opened(agreed) as one, opened(agreed) as other:
            both = await asyncio.gather(*(claim(spender, 40, tried()) for spender in (one, other)))
            outcomes = [outcome for many in both for outcome in many]
            assert (outcomes.count(True), outcomes.count(ClaimsSpent)) == (5, 75)
            assert await claim(other, 1, tried(verdict=True)) == [ClaimsSpent]  # a right one neither
            assert await claim(other, 2, tried(verdict=True, subject=b"t" * 16)) == [True, True]
            assert failures(agreed) == ([(first, 5)], (7, 5))
            for later in (1, 2):  # those of the day before are kept, for calls that began before midnight
                assert await claim(one, 1, tried(first + timedelta(days=later))) == [True]
            assert [day for day, _ in failures(agreed)[0]] == [
                first + timedelta(days=1),
                first + timedelta(days=2),
            ]

    asyncio.run(story())
    with agreed.engine(Role.OWNER).connect() as connection:
        query = text("SELECT count(*) FROM ledger.entry WHERE action = 'verify'")
        assert connection.execute(query).scalar_one() == 5 + 2 + 2


def test_a_call_spends_its_quota_and_its_claims_or_neither(agreed):
    async def story():
        async with opened(agreed) as spender:
            draw = Draw(AGREEMENT, Asked(number_of_keys=90), now())
            assert await claim(spender, 1, tried(), draw) == [True]
            assert await claim(spender, 1, tried(), draw) == [QuotaSpent]
            assert failures(agreed)[1] == (1, 1)
            few = Draw(AGREEMENT, Asked(number_of_keys=1), now())
            assert (await claim(spender, 6, tried(), few)).count(ClaimsSpent) == 2
            assert counts(agreed)[0] == 90 + 4

    asyncio.run(story())
