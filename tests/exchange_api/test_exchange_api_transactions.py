"""What a person writes behind the door is committed with its ledger entries, or not at all."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from starlette.requests import Request

from audit.recording import record_administration
from catalog.organisation import Organisation
from catalog.people import People
from catalog.person import Person, PersonStatus, Role
from catalog.repository import Catalogue
from catalog.session import Method, Session, SignedIn
from exchange_api.door import Attempt
from exchange_api.transactions import Transactions
from infra.database import Role as Login
from schemas.errors import AccessDenied

pytestmark = pytest.mark.server
SOMEBODY = Person("zhang", "测试", "A", frozenset({Role.CATALOGUE_AUTHORITY}))


def attempt(person=SOMEBODY):
    session = Session(uuid4(), person.id, Method.PASSWORD, True, datetime.now(UTC) + timedelta(hours=1))
    made = Attempt(Request({"type": "http", "headers": []}), "test", signed_in=SignedIn(session, person))
    made.identify()
    return made


@pytest.fixture
def filled(database):
    with database.engine(Login.APPLICATION).begin() as connection:
        Catalogue(connection, record_administration).add_organisation(
            Organisation("A", "局", "500000"), actor="t"
        )
        People(connection, record_administration).add_person(SOMEBODY, actor="t")
    return database


def add(transaction, code="B"):
    catalogue = Catalogue(transaction.connection, transaction.record)
    catalogue.add_organisation(Organisation(code, "二局", "500000"), actor=transaction.actor.id)
    return transaction.actor


def test_the_entry_names_actor_organisation_and_request(filled):
    given = attempt()
    actor = asyncio.run(Transactions(filled).committed(given, add))
    assert actor.roles == {Role.CATALOGUE_AUTHORITY}
    with filled.engine(Login.AUDITOR).connect() as connection:
        query = text("SELECT actor, organisation, request FROM ledger.entry ORDER BY id DESC LIMIT 1")
        assert tuple(connection.execute(query).one()) == ("zhang", "A", given.id)


def test_what_fails_halfway_leaves_neither_change_nor_entry(filled):
    def _half(transaction):
        add(transaction)
        raise AccessDenied("no")

    with pytest.raises(AccessDenied):
        asyncio.run(Transactions(filled).committed(attempt(), _half))
    with filled.engine(Login.APPLICATION).connect() as connection:
        assert len(Catalogue(connection, record_administration).organisations()) == 1
    with filled.engine(Login.AUDITOR).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger.entry")).scalar_one() == 2


def test_nobody_writes_nothing(filled):
    nobody = Attempt(Request({"type": "http", "headers": []}), "test")
    with pytest.raises(AccessDenied, match="Nobody"):
        asyncio.run(Transactions(filled).committed(nobody, add))


def test_who_is_suspended_acts_in_no_role():
    suspended = Person("zhang", "测试", "A", SOMEBODY.roles, status=PersonStatus.SUSPENDED)
    assert attempt(suspended).actor.roles == frozenset()
