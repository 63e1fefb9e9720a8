"""Entries on their way, in one database: codes, versions, deadlines, consent, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from joserfc.jwk import OKPKey
from made_entries import (
    HEAD,
    OTHER_PROVIDER,
    PROVIDER,
    REVIEWER,
    SECOND_REVIEWER,
    START,
    STRANGER,
    USER,
    WRITER,
    approved_and_published,
    assessed,
    catalogue_of,
    changed,
    made,
    published,
    registered,
    submitted,
)  # fmt: skip
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.recording import record_administration
from catalog.categories import Category
from catalog.entry import entry_of
from catalog.entry_elements import UpdateCycle
from catalog.entry_reader import Standing
from catalog.entry_steps import Effects
from catalog.repository import Catalogue
from catalog.system import System
from hub.imported_code_sets import ImportedCodeSets
from infra.database import Role
from schemas.errors import (
    AlreadyRegistered,
    ConsentMissing,
    ForbiddenTransition,
    NotRegistered,
    NotSaid,
    NotYourPart,
    OwnWork,
    UnknownEntry,
    WrongEntry,
)  # fmt: skip
from schemas.resource import resource_named

pytestmark = pytest.mark.server
KEY = OKPKey.generate_key("Ed25519").as_dict(private=False)


@pytest.fixture
def departments(database):
    registered(database)
    return database


def count(database, table):
    with database.engine(Role.OWNER).connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_an_entry_goes_all_the_way_and_what_is_published_is_told_elsewhere_in_the_same_transaction(
    departments,
):
    told = []
    effects = Effects(lambda connection, entry, actor: told.append((entry, actor)))
    with catalogue_of(departments, effects=effects) as entries:
        assert entries.draft(made(), WRITER).state == "draft"
        assert entries.possible("rent_subsidy", HEAD) == ["edit", "assess", "discard"]
        assert assessed(entries, "rent_subsidy").state == "assessed"
        assert entries.reader.standing("rent_subsidy").code is None
        after = entries.submit("rent_subsidy", WRITER)
        assert (after.duty, after.due_at) == ("review_and_publish", datetime(2026, 3, 4, 16, tzinfo=UTC))
        assert entries.reader.standing("rent_subsidy").code == "307001002/000001"
        assert entries.approve("rent_subsidy", REVIEWER).due_at == after.due_at
        assert not told
        assert entries.publish("rent_subsidy", REVIEWER).due_at is None
        assert entries.possible("rent_subsidy", WRITER) == ["note_change", "ask_withdrawal", "change"]
        assert entries.possible("rent_subsidy", REVIEWER) == ["note_change", "withdraw"]
        assert entries.possible("rent_subsidy", STRANGER) == entries.possible("rent_subsidy", USER) == []
        ((entry, who),) = told
        assert (entry.code, entry.version, entry.published_on, who) == (
            "307001002/000001",
            1,
            date(2026, 3, 2),
            REVIEWER,
        )
        assert (
            entry
            == entries.reader.version("rent_subsidy")
            == replace(made(), code=entry.code, published_on=date(2026, 3, 2))
        )
        assert entry.as_resource().catalogue_code == "307001002/000001"
        assert [one.id for one in entries.reader.in_force()] == ["rent_subsidy"]
        history = entries.reader.history("rent_subsidy")
        assert [(h.version, h.act, h.actor) for h in history] == [
            (1, "draft", "writer"), (1, "assess", "head"), (1, "submit", "writer"), (1, "approve", "reviewer"),
            (1, "publish", "reviewer"),
        ]  # fmt: skip
        assert history[1].facts["secrecy"] == "不涉及国家秘密"
        assert history[-1].facts["digest"] == entry.digest
    with departments.engine(Role.AUDITOR).connect() as connection:
        acts = connection.execute(
            text("SELECT action FROM ledger.entry WHERE action LIKE 'entry.%' ORDER BY id")
        )
        assert acts.scalars().all() == [f"entry.{h.act}" for h in history]
        assert "不涉及" not in str(connection.execute(text("SELECT facts FROM ledger.entry")).all())


def test_what_is_refused_leaves_nothing(departments, monkeypatch):
    monkeypatch.setattr("schemas.code_sets._imported", [ImportedCodeSets(departments)])
    for entry, error in (
        (made(code="307001002/000009"), WrongEntry),
        (made(provider_code="91350100M000100Y43"), NotRegistered),
        (made(provider_code=OTHER_PROVIDER), NotYourPart),
        (made(id="parcel"), WrongEntry),
        (replace(entry_of(resource_named("parcel"), PROVIDER), update_cycle=UpdateCycle.YEARLY), WrongEntry),
    ):
        with pytest.raises(error), catalogue_of(departments) as entries:
            entries.draft(entry, WRITER)
    rows = made().as_dict()["items"]
    rows[3]["code_set"] = "division:nowhere@2026-01-01"
    unknown = made(items=rows)
    with (
        pytest.raises(WrongEntry, match=r"items\[4\]\.code_set cannot be found"),
        catalogue_of(departments) as entries,
    ):
        entries.draft(unknown, WRITER)
    assert (count(departments, "catalog.entry"), count(departments, "catalog.matter")) == (0, 0)
    with catalogue_of(departments) as entries:
        entries.draft(made(), WRITER)
    attempts = (
        (AlreadyRegistered, lambda e: e.draft(made(), HEAD)),
        (OwnWork, lambda e: assessed(e, "rent_subsidy", WRITER)),
        (NotSaid, lambda e: e.assess("rent_subsidy", HEAD, "不涉密", "")),
        (NotYourPart, lambda e: assessed(e, "rent_subsidy", STRANGER)),
        (NotYourPart, lambda e: e.edit(made(), USER)),
        (ForbiddenTransition, lambda e: e.submit("rent_subsidy", WRITER)),
        (ForbiddenTransition, lambda e: e.publish("rent_subsidy", REVIEWER)),
        (ForbiddenTransition, lambda e: e.change(made(), WRITER)),
        (ForbiddenTransition, lambda e: e.withdraw("rent_subsidy", REVIEWER, "停用")),
        (UnknownEntry, lambda e: e.submit("nothing", WRITER)),
        (UnknownEntry, lambda e: e.reader.version("rent_subsidy", 7)),
    )
    for error, attempt in attempts:
        with pytest.raises(error), catalogue_of(departments) as entries:
            attempt(entries)
    with (
        pytest.raises(DBAPIError, match="no ledger entry"),
        catalogue_of(departments, record=lambda *_, **__: None) as entries,
    ):
        entries.edit(made(name="别名"), WRITER)
    with catalogue_of(departments) as entries:
        assert entries.reader.standing("rent_subsidy") == Standing(
            "rent_subsidy", None, "公租房补贴发放", PROVIDER, "307001002", "conditional", "draft", 1, None
        )
        assert len(entries.reader.history("rent_subsidy")) == 1


def test_codes_are_a_sequence_of_their_category_without_gaps_and_no_number_twice(departments):
    names = [f"resource_{number}" for number in range(12)]
    with catalogue_of(departments) as entries:
        for name in names:
            entries.draft(made(id=name), WRITER)
            assessed(entries, name)
        submitted(entries, entry_of(resource_named("parcel"), PROVIDER))
        submitted(entries, replace(made(id="roads"), category=Category("103003001")))
        assert [s.code for s in entries.reader.listed({"category": "103"})] == [
            "103003001/000001",
            "103003001/000002",
        ]

    class Interrupted(Exception):
        pass

    def submit(name):
        try:
            with catalogue_of(departments) as entries:
                entries.submit(name, WRITER)
                if name.endswith("5"):
                    raise Interrupted
        except Interrupted:
            return

    with ThreadPoolExecutor(6) as many:
        list(many.map(submit, names))
    with catalogue_of(departments) as entries:
        codes = sorted(s.code for s in entries.reader.listed({"category": "307001002"}) if s.code)
        assert codes == [f"307001002/{number:06}" for number in range(1, 12)]
        entries.submit("resource_5", WRITER)
        assert entries.reader.standing("resource_5").code == "307001002/000012"


def test_of_two_reviewers_at_once_one_is_told_that_it_is_done(departments):
    with catalogue_of(departments) as entries:
        submitted(entries, made())

    def review(how):
        try:
            with catalogue_of(departments) as entries:
                return how(entries).state
        except ForbiddenTransition as error:
            return f"too late: {error.context['state']}"

    with ThreadPoolExecutor(2) as both:
        done = list(both.map(review, (
            lambda e: e.approve("rent_subsidy", REVIEWER), lambda e: e.give_back("rent_subsidy", SECOND_REVIEWER, "摘要不清"),
        )))  # fmt: skip
    assert sorted(done) in (["returned", "too late: returned"], ["reviewed", "too late: reviewed"])


def test_of_two_who_begin_the_next_version_at_once_one_is_told_that_it_is_under_way(departments):
    with catalogue_of(departments) as entries:
        published(entries, made())

    def change(who):
        try:
            with catalogue_of(departments) as entries:
                return entries.change(replace(made(), office=who.id), who).id
        except ForbiddenTransition as error:
            return error.context["state"]

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(change, (WRITER, HEAD))) == ["draft", "rent_subsidy/2"]


def test_what_is_returned_is_written_anew_assessed_again_and_keeps_its_code(departments):
    with catalogue_of(departments) as entries:
        submitted(entries, made())
        entries.give_back("rent_subsidy", REVIEWER, "摘要不清")
        assert entries.edit(made(summary="公租房租金补贴发放记录，按月"), WRITER).state == "draft"
        assessed(entries, "rent_subsidy")
        entries.submit("rent_subsidy", WRITER)
        assert entries.reader.standing("rent_subsidy").code == "307001002/000001"
        with pytest.raises(WrongEntry, match="which the code 307001002/000001 says"):
            entries.edit(made(category="307001003"), WRITER)
        with pytest.raises(WrongEntry, match="whose entry it is"):
            entries.edit(made(provider_code=OTHER_PROVIDER), WRITER)
        entries.discard("rent_subsidy", WRITER)
        assert entries.reader.standing("rent_subsidy").state == "discarded"
        assert entries.possible("rent_subsidy", WRITER) == ["change"]
        assert entries.change(made(), WRITER).state == "draft"


def agreement(departments, id_, items):
    with departments.engine(Role.APPLICATION).begin() as connection:
        now = datetime.now(UTC)
        connection.execute(text(
            "INSERT INTO catalog.agreement (id, system, resource, items, masked, purposes, legal_bases, valid_from, valid_to, "
            "status, max_keys) VALUES (:id, 'desk', 'rent_subsidy', :items, '{}', '{x}', '{x}', :a, :b, 'in_force', 10)"),
            {"id": id_, "items": items, "a": now - timedelta(days=1), "b": now + timedelta(days=9)},
        )  # fmt: skip
        record_administration(connection, actor="test", action="agreement.add", target=id_, facts={})


def test_a_breaking_change_takes_consent_names_agreements_and_keeps_the_old_version_in_force(departments):
    with departments.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_system(System("desk", OTHER_PROVIDER, "窗口系统", (KEY,)), actor="test")
    with catalogue_of(departments) as entries:
        published(entries, made())
    agreement(departments, "desk.amounts", ["grant_number", "amount"])
    agreement(departments, "desk.sexes", ["sex"])
    without = tuple(item for item in made().items if item.name != "amount")
    with catalogue_of(departments, START + timedelta(days=1)) as entries:
        changed(entries, replace(made(), items=without, name="公租房补贴"))
        assert entries.reader.standing("rent_subsidy").name == "公租房补贴发放", "what is in force is listed"
        found = entries.changes("rent_subsidy")
        assert [(c.place, c.breaking) for c in found] == [("name", False), ("items.amount", True)]
        assert [a.agreement for a in entries.agreements_affected("rent_subsidy", found)] == ["desk.amounts"]
        with pytest.raises(ConsentMissing, match=r"items.amount: .*Agreements concerned: desk\.amounts"):
            entries.approve("rent_subsidy", REVIEWER)
        approved_and_published(entries, "rent_subsidy", "已商使用部门，同意")
        standing = entries.reader.standing("rent_subsidy")
        assert (standing.in_force, standing.newest, standing.state, standing.name) == (
            2,
            2,
            "published",
            "公租房补贴",
        )
        assert entries.reader.version("rent_subsidy", 1) == replace(
            made(), code="307001002/000001", published_on=date(2026, 3, 2)
        )
        acts = {(h.version, h.act, h.state) for h in entries.reader.history("rent_subsidy")}
        assert {(1, "supersede", "changed"), (2, "publish", "published")} <= acts
    with pytest.raises(DBAPIError, match="append-only"), departments.engine(Role.OWNER).begin() as connection:
        connection.execute(text("UPDATE catalog.entry_version SET digest = 'x'"))


def test_a_change_of_law_is_reflected_within_ten_working_days_and_five_more_with_consent(departments):
    with catalogue_of(departments) as entries:
        published(entries, made())
        noted = entries.note_change("rent_subsidy", HEAD, "《住房保障条例》修订", date(2026, 3, 2))
        assert (noted.state, noted.due_at) == ("outdated", datetime(2026, 3, 16, 16, tzinfo=UTC))
        longer = entries.extend("rent_subsidy", REVIEWER, "征求意见")
        assert longer.due_at == datetime(2026, 3, 23, 16, tzinfo=UTC)
        with pytest.raises(ForbiddenTransition, match="five working days more"):
            entries.extend("rent_subsidy", REVIEWER, "再延")
        assert entries.reader.duties("rent_subsidy") == [(1, "reflect_change", longer.due_at)]
        changed(entries, replace(made(), summary="按新条例"))
        assert [duty for _, duty, _ in entries.reader.duties("rent_subsidy")] == ["review_and_publish"]
        assert entries.give_back("rent_subsidy", REVIEWER, "名称也要改").due_at == longer.due_at
        entries.edit(replace(made(), name="租赁补贴"), WRITER)
        assessed(entries, "rent_subsidy")
        assert entries.reader.duties("rent_subsidy") == [(2, "reflect_change", longer.due_at)]
        entries.submit("rent_subsidy", WRITER)
        approved_and_published(entries, "rent_subsidy")
        assert entries.reader.duties("rent_subsidy") == []


def test_what_is_withdrawn_is_out_of_force_with_what_was_under_way_and_may_come_back(departments):
    gone = []
    effects = Effects(withdrawn=lambda connection, entry, actor: gone.append(entry.version))
    with catalogue_of(departments, effects=effects) as entries:
        published(entries, made())
        entries.change(replace(made(), name="租赁补贴"), WRITER)
        assert entries.ask_withdrawal("rent_subsidy", WRITER, "职能划转").state == "published"
        with pytest.raises(NotYourPart):
            entries.withdraw("rent_subsidy", WRITER, "职能划转")
        entries.withdraw("rent_subsidy", REVIEWER, "职能划转")
        assert gone == [1]
        assert list(entries.reader.in_force()) == []
        assert entries.reader.standing("rent_subsidy").state == "withdrawn"
        ends = {(h.version, h.state) for h in entries.reader.history("rent_subsidy")}
        assert {(1, "withdrawn"), (2, "discarded")} <= ends
        changed(entries, made())
        approved_and_published(entries, "rent_subsidy")
        standing = entries.reader.standing("rent_subsidy")
        assert (standing.in_force, standing.code) == (3, "307001002/000001")


def test_entries_are_listed_by_page_and_filter(departments):
    with catalogue_of(departments) as entries:
        for number in range(5):
            entries.draft(made(id=f"resource_{number}"), WRITER)
        entries.draft(made(id="streams", format="streaming_media", items=[], category="208002"), WRITER)
        assert [s.id for s in entries.reader.listed(after="resource_2", limit=2)] == [
            "resource_3",
            "resource_4",
        ]
        assert [s.id for s in entries.reader.listed({"category": "2", "state": "draft"})] == ["streams"]
        assert entries.reader.listed({"provider": OTHER_PROVIDER}) == []
