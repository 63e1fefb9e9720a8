from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import combinations

import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.recording import record_administration
from catalog.organisation import Office, Organisation
from catalog.people import People
from catalog.person import EXCLUSIVE, Person, PersonStatus, Role
from catalog.repository import Catalogue
from catalog.system import System
from infra.database import Role as Login
from schemas.errors import AlreadyRegistered, MisplacedOrganisation, NotRegistered, RolesExclude

pytestmark = pytest.mark.server
BUREAU = Organisation("A", "市局", "500000")
DISTRICT = Organisation("B", "区局", "500103", "A")
TOWN = Organisation("C", "街道办", "500103001", "B")
OFFICE = Office("B", "01", "审批科")
SOMEBODY = Person("somebody", "测试甲", "B", frozenset({Role.PUBLISHER, Role.USER}), "01")


@contextmanager
def writing(database):
    with database.engine(Login.APPLICATION).begin() as connection:
        yield Catalogue(connection, record_administration), People(connection, record_administration)


@pytest.fixture
def filled(database):
    with writing(database) as (catalogue, people):
        for organisation in (BUREAU, DISTRICT, TOWN):
            catalogue.add_organisation(organisation, actor="ops")
        people.add_office(OFFICE, actor="ops")
        people.add_person(SOMEBODY, actor="ops")
    return database


def entries(database):
    with database.engine(Login.AUDITOR).connect() as connection:
        return connection.execute(text("SELECT action, facts FROM ledger.entry ORDER BY id")).all()


def test_what_is_written_is_read_and_recorded_without_the_name(filled):
    with writing(filled) as (catalogue, people):
        assert catalogue.organisations() == [BUREAU, DISTRICT, TOWN]
        assert people.offices("B") == [OFFICE]
        assert people.people() == [SOMEBODY]
    told = entries(filled)
    assert [action for action, _ in told] == ["organisation.add"] * 3 + ["office.add", "person.add"]
    assert told[-1].facts == {
        "target": "somebody", "organisation": "B", "office": "01", "roles": ["publisher", "user"],
    }  # fmt: skip
    assert not any("测试甲" in str(facts) for _, facts in told)


def test_roles_and_status_change_and_are_recorded(filled):
    with writing(filled) as (_, people):
        people.set_roles("somebody", frozenset({Role.AUDIT_ADMINISTRATOR}), actor="ops")
        people.set_person_status("somebody", PersonStatus.SUSPENDED, actor="ops")
        (changed,) = people.people()
    assert (changed.roles, changed.status) == ({Role.AUDIT_ADMINISTRATOR}, PersonStatus.SUSPENDED)
    assert [tuple(entry) for entry in entries(filled)[-2:]] == [
        (
            "person.roles",
            {"target": "somebody", "roles": ["audit_administrator"], "before": ["publisher", "user"]},
        ),
        ("person.status", {"target": "somebody", "status": "suspended"}),
    ]


@pytest.mark.parametrize("pair", list(combinations(sorted(EXCLUSIVE), 2)), ids=lambda pair: "+".join(pair))
def test_no_way_leads_to_two_administrators_in_one_person(filled, pair):
    with writing(filled) as (_, people):
        with pytest.raises(RolesExclude):
            people.set_roles("somebody", frozenset(pair), actor="ops")
        assert people.people() == [SOMEBODY]
    by_hand = text("UPDATE catalog.person SET roles = :roles")
    with (
        pytest.raises(DBAPIError, match="administrators_exclude_one_another"),
        filled.engine(Login.APPLICATION).begin() as connection,
    ):
        connection.execute(by_hand, {"roles": list(pair)})


def test_an_organisation_moves_where_it_may(filled):
    with writing(filled) as (catalogue, _):
        catalogue.move_organisation("C", "A", actor="ops")
        assert catalogue.organisation("C").parent == "A"
        catalogue.move_organisation("C", None, actor="ops")
        assert catalogue.organisation("C").parent is None


def test_nothing_stands_under_itself(filled):
    for code, name in (("D", "二局"), ("E", "三局")):
        with writing(filled) as (catalogue, _):
            catalogue.add_organisation(Organisation(code, name, "500000", "A"), actor="ops")
    with writing(filled) as (catalogue, _):
        catalogue.move_organisation("E", "D", actor="ops")
    for parent, line in (("E", "E < D"), ("D", "D")):
        with (
            pytest.raises(MisplacedOrganisation, match=f"stands under D: {line}"),
            writing(filled) as (catalogue, _),
        ):
            catalogue.move_organisation("D", parent, actor="ops")
    with writing(filled) as (catalogue, _):
        assert catalogue.organisation("D").parent == "A"


WRONG = [
    (AlreadyRegistered, lambda c, p: c.add_organisation(BUREAU, actor="ops")),
    (MisplacedOrganisation, lambda c, p: c.add_organisation(Organisation("D", "县局", "500243", "B"), actor="ops")),
    (NotRegistered, lambda c, p: c.add_organisation(Organisation("D", "县局", "500243", "nobody"), actor="ops")),
    (MisplacedOrganisation, lambda c, p: c.move_organisation("A", "B", actor="ops")),
    (NotRegistered, lambda c, p: c.move_organisation("nobody", "A", actor="ops")),
    (NotRegistered, lambda c, p: c.move_organisation("C", "nobody", actor="ops")),
    (AlreadyRegistered, lambda c, p: p.add_office(OFFICE, actor="ops")),
    (NotRegistered, lambda c, p: p.add_office(Office("nobody", "01", "科"), actor="ops")),
    (AlreadyRegistered, lambda c, p: p.add_person(SOMEBODY, actor="ops")),
    (NotRegistered, lambda c, p: p.add_person(Person("other", "乙", "nobody", SOMEBODY.roles), actor="ops")),
    (NotRegistered, lambda c, p: p.add_person(Person("other", "乙", "A", SOMEBODY.roles, "01"), actor="ops")),
    (NotRegistered, lambda c, p: p.set_roles("nobody", SOMEBODY.roles, actor="ops")),
    (NotRegistered, lambda c, p: p.set_person_status("nobody", PersonStatus.ACTIVE, actor="ops")),
]  # fmt: skip


@pytest.mark.parametrize(("error", "act"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_written_is_one_clear_error_and_no_entry(filled, error, act):
    before = len(entries(filled))
    with pytest.raises(error), writing(filled) as (catalogue, people):
        act(catalogue, people)
    assert len(entries(filled)) == before


def test_an_id_is_one_persons_or_one_systems_also_where_both_are_registered_at_once(filled):
    system = System("twin", "B", "t", (OKPKey.generate_key("Ed25519").as_dict(private=False),))
    person = Person("twin", "乙", "B", SOMEBODY.roles)
    with ThreadPoolExecutor(1) as pool:
        with writing(filled) as (catalogue, _):
            catalogue.add_system(system, actor="ops")
            other = pool.submit(_add_person, filled, person)
            with pytest.raises(TimeoutError):
                other.result(0.3)  # it waits
        with pytest.raises(AlreadyRegistered, match="twin is the id of a system"):
            other.result(30)
    with writing(filled) as (catalogue, _), pytest.raises(AlreadyRegistered, match="is the id of a person"):
        catalogue.add_system(System("somebody", "B", "t", system.keys), actor="ops")


def _add_person(database, person):
    with writing(database) as (_, people):
        people.add_person(person, actor="ops")
