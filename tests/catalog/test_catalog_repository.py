import asyncio
from contextlib import contextmanager
from dataclasses import replace

import asyncpg
import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from test_catalog_agreement import AGREEMENT

from audit.recording import record_administration
from catalog.agreement import AgreementStatus
from catalog.directory import Directory
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.system import System, SystemStatus
from infra.database import Role
from schemas.errors import AlreadyRegistered, NotRegistered, UnknownItem, UnknownResource

pytestmark = pytest.mark.server
OFFICE = Organisation("11500000009275123M", "行政审批局", "500000")
SYSTEM = System("permits", OFFICE.code, "审批系统", (OKPKey.generate_key("Ed25519").as_dict(private=False),))


@contextmanager
def catalogue(database, record=record_administration):
    with database.engine(Role.APPLICATION).begin() as connection:
        yield Catalogue(connection, record)


def fill(database):
    with catalogue(database) as writing:
        writing.add_organisation(OFFICE, actor="ops")
        writing.add_system(SYSTEM, actor="ops")
        writing.add_agreement(AGREEMENT, actor="ops")


def test_what_is_written_is_read_and_recorded(database):
    fill(database)
    with catalogue(database) as reading:
        assert reading.organisations() == [OFFICE]
        assert reading.systems() == [SYSTEM]
        assert reading.agreements() == [AGREEMENT]
    with database.engine(Role.AUDITOR).connect() as connection:
        told = connection.execute(
            text("SELECT actor, action, facts->>'target' FROM ledger.entry ORDER BY id")
        ).all()
    assert [tuple(row) for row in told] == [
        ("ops", "organisation.add", OFFICE.code), ("ops", "system.add", "permits"), ("ops", "agreement.add", "a-1"),
    ]  # fmt: skip


def test_a_change_nobody_recorded_does_not_commit(database):
    def forget(connection, **_told):
        return None

    with pytest.raises(DBAPIError, match="no ledger entry"), catalogue(database, forget) as writing:
        writing.add_organisation(OFFICE, actor="ops")
    fill(database)
    with (
        pytest.raises(DBAPIError, match="no ledger entry"),
        database.engine(Role.OWNER).begin() as connection,
    ):
        connection.execute(text("UPDATE catalog.agreement SET status = 'ended'"))
    with catalogue(database) as reading:
        assert reading.agreements() == [AGREEMENT]


WRONG = [
    (AlreadyRegistered, lambda c: c.add_organisation(OFFICE, actor="ops")),
    (AlreadyRegistered, lambda c: c.add_system(SYSTEM, actor="ops")),
    (AlreadyRegistered, lambda c: c.add_agreement(AGREEMENT, actor="ops")),
    (NotRegistered, lambda c: c.add_system(replace(SYSTEM, id="other", organisation="nobody"), actor="ops")),
    (NotRegistered, lambda c: c.add_agreement(replace(AGREEMENT, id="a-2", system="nobody"), actor="ops")),
    (UnknownResource, lambda c: c.add_agreement(replace(AGREEMENT, id="a-2", resource="nothing"), actor="ops")),
    (UnknownItem, lambda c: c.add_agreement(replace(AGREEMENT, id="a-2", items=("nothing", "mobile_phone")), actor="ops")),
    (NotRegistered, lambda c: c.set_system_status("nobody", SystemStatus.SUSPENDED, actor="ops")),
    (NotRegistered, lambda c: c.set_agreement_status("none", AgreementStatus.ENDED, actor="ops")),
]  # fmt: skip


def test_wrong_changes_leave_nothing(database):
    fill(database)
    for error, change in WRONG:
        with pytest.raises(error), catalogue(database) as writing:
            change(writing)
    with catalogue(database) as reading:
        assert (len(reading.organisations()), reading.systems(), reading.agreements()) == (
            1,
            [SYSTEM],
            [AGREEMENT],
        )
    with database.engine(Role.AUDITOR).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger.entry")).scalar_one() == 3


async def _until(condition):
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about")


def test_a_process_hears_of_changes_also_after_a_cut(database, hub_settings):
    async def story():
        directory = Directory(database.url(Role.APPLICATION))
        await directory.start()
        assert directory.snapshot.systems == {}
        await asyncio.to_thread(fill, database)
        await _until(lambda: directory.snapshot.agreements == {("permits", "natural_person"): (AGREEMENT,)})
        other = await asyncpg.connect(hub_settings.database_url)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()

        def suspend():
            database.close()
            with catalogue(database) as writing:
                writing.set_system_status("permits", SystemStatus.SUSPENDED, actor="ops")

        await asyncio.to_thread(suspend)
        await _until(lambda: directory.snapshot.systems["permits"].status is SystemStatus.SUSPENDED)
        await directory.close()

    asyncio.run(story())
