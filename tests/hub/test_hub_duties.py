"""Duties watched: each appears when it is due and is gone when it is done, by a clock that walks through the days."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import documents
import pytest
from doubted_hub import AUTHORITY, FIRM, READER, REGISTRAR, STRANGER, TAX, Doubted, fill
from joserfc.jwk import OKPKey
from made_codes import credit_code
from sqlalchemy import text
from typer.testing import CliRunner

from audit.entry import Kind
from audit.notes import ledger_signer
from audit.recording import record_administration
from audit.sealer import seal
from catalog.actor import Actor
from catalog.agreement import AgreementStatus
from catalog.agreement_workflow import AGREEMENT_LIFE, LIFE_DUTIES
from catalog.application_workflow import APPLICATION
from catalog.application_workflow import DUTIES as APPLICATION_DUTIES
from catalog.contact import Bearer
from catalog.entry_workflow import ENTRY, WORKING_DAYS
from catalog.objection_workflow import DUTIES as OBJECTION_DUTIES
from catalog.objection_workflow import OBJECTION
from catalog.person import Role
from catalog.repository import Catalogue
from catalog.system import SystemStatus
from catalog.tables import MATTER
from connectors.definition import Broken, Definitions
from hub.catalogue.counting import coverage_of
from hub.cli import app
from hub.duties.duty import Duty, Severity
from hub.duties.going_round import go_round
from hub.duties.late import Late
from hub.duties.table import DUTIES, duty_named
from hub.duties.watching import ground_in, ground_of, seen_by, watch
from infra.database import Role as Login
from infra.settings import Settings
from schemas.errors import DefinitionError, MalformedRequest, NotRegistered
from schemas.working_days import calendar_of

pytestmark = pytest.mark.server
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
LATE = {duty.name: duty for duty in DUTIES if isinstance(duty.lacks, Late)}


@pytest.fixture
def told(bare_hub, say):
    with bare_hub.database.engine(Login.APPLICATION).begin() as connection:
        fill(connection)
    doubted = Doubted(bare_hub, say)
    doubted.tell("registrar", ("r-1", credit_code(1), "甲公司", None, None, None, "2026-01-01 08:00:00"))
    return doubted


def found(told, *names, at=None, organisation=None, hub=None, **limits):
    """Return subject, organisation and days late of what is found, for the duties named."""
    with told.open() as connection:
        ground = ground_in(hub or told.hub, connection, lambda: at or datetime.now(UTC))
        return watch(ground, [duty_named(name) for name in names] or DUTIES, organisation)


def covered(told):
    """Return of the whole catalogue what is published, has a source, and is up to date."""
    with told.open() as connection:
        everything = coverage_of(connection, told.hub.settings, told.hub.sources)[0]
    return everything.published, everything.with_source, everything.punctual


def short(findings):
    return [(one.lack.subject, one.lack.organisation) for one in findings]


def owner(told, statement, **given):
    """Let time have passed: move what the hub wrote back."""
    with told.hub.database.engine(Login.OWNER).begin() as connection:
        record_administration(connection, actor="test", action="test", target="test", facts={})
        connection.execute(text(statement), given)


def test_a_resource_is_stale_until_it_is_delivered(told):
    assert found(told, "stale_resource") == []
    owner(told, ENTERED, provider=REGISTRAR, in_force=1)
    owner(told, "INSERT INTO catalog.entry_version (entry, version, content, digest, published_by, published_at) VALUES "
          "('legal_person', 1, jsonb_build_object('items', jsonb_build_array()), 'x', 'test', now())")  # fmt: skip
    assert covered(told) == (1, 1, 1)
    for table, column in (("batch", "recorded_at"), ("run", "ended_at")):
        owner(told, f"UPDATE library.{table} SET {column} = {column} - interval '10 days'")
    (stale,) = found(told, "stale_resource")
    assert (stale.lack.subject, stale.lack.organisation, stale.lack.detail) == (
        FIRM,
        REGISTRAR,
        "The cycle is daily.",
    )
    assert 3 <= stale.days_late <= 9
    assert covered(told) == (1, 1, 0)
    assert found(told, "stale_resource", at=NOW - 10 * DAY) == []
    told.tell("registrar", ("r-2", credit_code(2), "乙公司", None, None, None, "2026-01-02 08:00:00"))
    assert found(told, "stale_resource") == []
    assert covered(told) == (1, 1, 1)


def test_an_objection_is_late_until_it_is_answered(told):
    made = told.object(credit_code(1))
    owner(told, "UPDATE catalog.matter SET due_at = :at WHERE id = :id", at=NOW + 10 * DAY, id=made.id)
    assert found(told, "late_objection", at=NOW + 9 * DAY) == []
    (late,) = found(told, "late_objection", at=NOW + 17 * DAY)
    assert (late.lack.subject, late.lack.organisation) == (made.id, REGISTRAR)
    assert 4 <= late.days_late <= 6
    assert found(told, at=NOW + 17 * DAY, organisation=READER) == found(
        told, "unused_agreement", "ending_agreement", at=NOW + 17 * DAY, organisation=READER
    )
    told.act("keeper", "accept", made.id)
    told.act("keeper", "answer", made.id, reason="登记无误")
    assert found(told, "late_objection", at=NOW + 17 * DAY) == []


@pytest.mark.parametrize("name", LATE)
def test_what_is_late_of_a_matter_is_found_by_its_duty(shared_database, name):
    lacks, parties = LATE[name].lacks, {"provider": REGISTRAR, "user": READER}
    states = (*(lacks.states or ("some",)), "elsewhere")
    expected = [(f"{name}/{number}", parties[lacks.side.value]) for number in range(len(lacks.states) or 2)]
    with shared_database.engine(Login.APPLICATION).connect() as connection:
        connection.execute(
            MATTER.insert(),
            [
                {"kind": lacks.kind, "id": f"{name}/{number}", "state": state, "duty": lacks.duty, "due_at": NOW, "opened_at": NOW - DAY,
                 "parties": parties, "position": 1} for number, state in enumerate(states)
            ],
        )  # fmt: skip

        def seen(at):
            return watch(ground_of(Settings(), connection, Definitions({}), lambda: at), [LATE[name]])

        assert seen(NOW - DAY) == []
        late = seen(NOW + 8 * DAY)
        assert short(late) == expected
        assert {one.duty.bearer for one in late} == {LATE[name].bearer}
        connection.execute(MATTER.update().values(duty=None, due_at=None))
        assert seen(NOW + 8 * DAY) == []
        connection.rollback()


def test_every_duty_of_every_workflow_is_watched():
    watched = {(duty.lacks.kind, duty.lacks.duty) for duty in LATE.values()}
    asked = {(APPLICATION.kind, duty.name) for duty in APPLICATION_DUTIES.values()}
    asked |= {(AGREEMENT_LIFE.kind, duty.name) for duty in LIFE_DUTIES.values()}
    asked |= {(OBJECTION.kind, duty) for duty, _ in OBJECTION_DUTIES.values()}
    asked |= {(ENTRY.kind, duty) for duty in WORKING_DAYS if duty != "extend"}
    assert watched == asked
    known = {workflow.kind: workflow.states for workflow in (APPLICATION, AGREEMENT_LIFE, OBJECTION, ENTRY)}
    assert all(set(duty.lacks.states) <= set(known[duty.lacks.kind]) for duty in LATE.values())


def test_an_agreement_that_nobody_reads_by_is_unused_until_it_is_read(told, settled):
    soon = NOW + 60 * DAY
    assert found(told, "unused_agreement", at=soon) == []
    owner(told, "UPDATE catalog.agreement SET valid_from = valid_from - interval '100 days'")
    assert short(found(told, "unused_agreement")) == [("a-archive", READER), ("a-permits", READER)]
    told.read(credit_code(1))
    settled()
    seal(told.hub.database.engine(Login.APPLICATION), ledger_signer(told.hub.keyring, "urn:hub:test"))
    assert short(found(told, "unused_agreement")) == [("a-archive", READER)]
    owner(
        told,
        "UPDATE catalog.item_use SET last_day = last_day - 91, month = date_trunc('month', last_day - 91)::date",
    )
    said = [one.lack.detail for one in found(told, "unused_agreement")]
    assert said[0] == "It was never read under it."
    assert said[1].startswith("Last read on ")


def test_what_ends_soon_is_told_of(told):
    assert found(told, "ending_agreement") == []
    assert short(found(told, "ending_agreement", at=NOW + 80 * DAY)) == [
        ("a-archive", READER),
        ("a-permits", READER),
    ]
    assert found(told, "ending_agreement", at=NOW + 91 * DAY) == []
    owner(told, "UPDATE catalog.system SET keys = jsonb_set(keys, '{0,exp}', to_jsonb(CAST(:exp AS bigint))) WHERE id = 'other'",
          exp=int((NOW + 40 * DAY).timestamp()))  # fmt: skip
    assert found(told, "ending_key") == []
    (ending,) = found(told, "ending_key", at=NOW + 20 * DAY)
    assert (*short([ending])[0], ending.lack.detail, ending.days_late) == (
        "other",
        STRANGER,
        "Its last key ends.",
        0,
    )
    (ended,) = found(told, "ending_key", at=NOW + 50 * DAY)
    assert ended.days_late > 0
    endless = OKPKey.generate_key("Ed25519").as_dict(private=False)
    with told.open() as connection:
        Catalogue(connection, record_administration).add_system_key("other", endless, actor="test")
    assert found(told, "ending_key", at=NOW + 50 * DAY) == []
    owner(told, "UPDATE catalog.system SET keys = keys - 1 WHERE id = 'other'")
    with told.open() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.set_system_status("other", SystemStatus.SUSPENDED, actor="test")
    assert found(told, "ending_key", at=NOW + 20 * DAY) == []


def test_what_is_suspended_and_called_is_told_of(told, settled):
    refused = {"kind": Kind.REFUSAL, "outcome": "refused", "problem": "access_denied", "records": 0}
    told.read(credit_code(1), **refused)
    told.read(credit_code(1), system="other", organisation=STRANGER, **refused)
    settled()
    seal(told.hub.database.engine(Login.APPLICATION), ledger_signer(told.hub.keyring, "urn:hub:test"))
    assert found(told, "suspended_traffic") == []
    with told.open() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.set_system_status("other", SystemStatus.SUSPENDED, actor="test")
        catalogue.set_agreement_status("a-permits", AgreementStatus.SUSPENDED, actor="test")
    calls = found(told, "suspended_traffic")
    assert short(calls) == [("a-permits", READER), ("other", STRANGER)]
    assert calls[0].lack.detail == "1 calls were refused."
    assert found(told, "suspended_traffic", at=NOW + 2 * DAY) == []


ENTERED = """
    INSERT INTO catalog.entry (id, provider, category, name, sharing, state, newest, in_force)
        VALUES ('legal_person', :provider, '102001001', '法人', 'conditional', 'published', 1, :in_force)
"""
RESPONSIBLE = """
    INSERT INTO catalog.responsibility (id, organisation, scope, datum, due_on, entry)
        VALUES ('r-000001', :organisation, '法人', '从业人数', :due, 'legal_person')
"""


def test_a_datum_that_another_is_the_source_of_is_not_collected_again(told):
    title = next(item.title for item in told.hub.resources[FIRM].items if item.name == "staff_count")
    owner(told, ENTERED, provider=REGISTRAR, in_force=1)
    assert found(told, "collected_again") == []
    owner(told, RESPONSIBLE.replace("从业人数", title), organisation=TAX, due=NOW.date() + 5 * DAY)
    (again,) = found(told, "collected_again")
    assert short([again]) == [("registrar/r-000001", REGISTRAR)]
    assert again.lack.detail == "It delivers staff_count, of which TAX is the source."
    sources = {code: one for code, one in told.hub.sources.items() if code != "registrar"}
    assert found(told, "collected_again", hub=replace(told.hub, sources=sources)) == []


def test_who_is_named_the_source_supplies_by_the_day(told):
    owner(told, ENTERED, provider=TAX, in_force=None)
    owner(told, RESPONSIBLE, organisation=TAX, due=NOW.date() + 5 * DAY)
    assert found(told, "late_supply", at=NOW + 4 * DAY) == []
    assert short(found(told, "late_supply", at=NOW + 7 * DAY)) == [("r-000001", TAX)]
    owner(told, "UPDATE catalog.entry SET in_force = 1")
    assert found(told, "late_supply", at=NOW + 7 * DAY) == []


def test_what_the_negative_list_names_since_is_told_of_where_it_is_shared(told):
    assert found(told, "shared_though_listed") == []
    owner(
        told,
        "INSERT INTO catalog.negative (id, organisation, name, items, legal_basis) VALUES "
        "('n-000001', NULL, 'x', :items, '保密法')",
        items=[next(item.title for item in told.hub.resources[FIRM].items if item.name == "name")],
    )
    findings = found(told, "shared_though_listed")
    assert short(findings) == [("a-archive", REGISTRAR), ("a-permits", REGISTRAR)]
    assert {one.lack.detail for one in findings} == {"name (n-000001: 保密法)."}
    owner(told, ENTERED, provider=REGISTRAR, in_force=1)
    owner(told, "INSERT INTO catalog.entry_version (entry, version, content, digest, published_by, published_at) VALUES ('legal_person', 1, "
          "jsonb_build_object('items', jsonb_build_array(jsonb_build_object('name', 'name', 'title', '名称')), 'sharing', 'conditional'), 'x', 'test', now())")  # fmt: skip
    owner(told, "UPDATE catalog.negative SET items = items || '{名称}'")
    assert short(found(told, "shared_though_listed"))[-1] == (FIRM, REGISTRAR)
    owner(told, "UPDATE catalog.negative SET organisation = :tax", tax=TAX)
    assert found(told, "shared_though_listed") == [], "it is about the data of another organisation"


def test_a_version_that_adds_a_condition_is_told_of_until_it_is_decided(told):
    owner(told, ENTERED, provider=REGISTRAR, in_force=1)
    owner(
        told,
        "UPDATE catalog.entry SET newest = 2, draft = jsonb_build_object('sharing', 'conditional', 'condition', '仅限审批')",
    )
    owner(told, "INSERT INTO catalog.entry_version (entry, version, content, digest, published_by, published_at) VALUES "
          "('legal_person', 1, jsonb_build_object('sharing', 'unconditional'), 'x', 'test', now())")  # fmt: skip
    owner(told, "INSERT INTO catalog.matter (kind, id, state, opened_at, parties, position) VALUES "
          "('entry', 'legal_person/2', 'submitted', now(), '{}', 1)")  # fmt: skip
    (added,) = found(told, "added_condition")
    assert (added.lack.subject, added.lack.organisation) == ("legal_person/2", REGISTRAR)
    assert added.lack.detail == "unconditional becomes conditional."
    owner(told, "UPDATE catalog.matter SET state = 'discarded' WHERE id = 'legal_person/2'")
    assert found(told, "added_condition") == []


def test_sources_that_are_broken_or_fail_or_deliver_nothing(told):
    assert [one.lack.subject for one in found(told, "undelivered_source")] == ["statistics", "tax"]
    hub = replace(told.hub, broken=(Broken("old.yaml", "old", DefinitionError("x")),))
    (broken,) = found(told, "broken_source", hub=hub)
    assert (broken.lack.subject, broken.lack.organisation, broken.days_late) == ("old", None, 0)
    assert found(told, "failing_source") == []
    owner(told, "UPDATE library.run SET outcome = 'failed', problem = 'source_unreachable'")
    (failed,) = found(told, "failing_source")
    assert failed.lack.detail == "Its last run has failed: source_unreachable."
    told.tell("registrar", ("r-3", credit_code(3), "丙公司", None, None, None, "2026-01-03 08:00:00"))
    assert found(told, "failing_source") == []


def test_a_year_that_the_calendar_lacks_is_told_before_it_is_needed(told):
    official = calendar_of(None, "Asia/Shanghai")

    def lacking(day):
        with told.open() as connection:
            at = datetime.fromisoformat(f"{day}T09:00+08:00")
            ground = replace(ground_in(told.hub, connection, lambda: at), calendar=official)
            return [
                (one.lack.subject, one.days_late) for one in watch(ground, [duty_named("ending_calendar")])
            ]

    assert lacking("2026-10-15") == []
    assert lacking("2026-10-26") == [("2027", 0)]
    assert lacking("2026-11-20") == [("2027", 1)]
    assert found(told, "ending_calendar") == [], "the tests' own calendar holds the years around today"


def test_a_round_does_what_is_due_once(told):
    made = told.object(credit_code(1))
    owner(told, "UPDATE catalog.matter SET due_at = now() + interval '1 hour' WHERE id = :id", id=made.id)
    gone = go_round(told.hub)
    assert (gone.done, gone.failed) == ({"remind": 1}, {})
    assert gone.found == {"undelivered_source": 2}
    assert go_round(told.hub).done == {}
    owner(told, "UPDATE catalog.matter SET due_at = now() - interval '1 hour' WHERE id = :id", id=made.id)
    assert go_round(told.hub).found == {"undelivered_source": 2, "late_objection": 1}
    told.tell("registrar", ("r-1", credit_code(1), "正名公司", None, None, None, "2026-02-01 08:00:00"))
    assert go_round(told.hub).found == {"undelivered_source": 2}


def test_who_sees_whose():
    assert seen_by(Actor("judge", AUTHORITY, frozenset({Role.CATALOGUE_AUTHORITY}))) is None
    assert seen_by(Actor("keeper", REGISTRAR, frozenset({Role.PUBLISHER}))) == REGISTRAR
    assert [least.value for least in Severity if Severity.WARNING.reaches(least)] == ["warning", "notice"]


def test_the_command_tells_and_fails_where_it_is_asked_to(told, tmp_path, monkeypatch):
    folder = tmp_path / "none"
    folder.mkdir()
    for name, value in (
        ("HOME", told.hub.settings.home),
        ("DATABASE_URL", told.hub.settings.database_url),
        ("SOURCES", folder),
    ):
        monkeypatch.setenv(f"HUB_{name}", str(value))

    def run(*words):
        done = CliRunner().invoke(app, ["duties", *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    assert "Nothing stands undone." in run("--fail-on", "notice").stdout
    made = told.object(credit_code(1))
    owner(told, "UPDATE catalog.matter SET due_at = now() - interval '4 days' WHERE id = :id", id=made.id)
    shown = run("--fail-on", "alert")
    assert (shown.exit_code, made.id in shown.stdout) == (1, True)
    (told_of,) = json.loads(run("--organisation", REGISTRAR, "--json").stdout)
    assert (told_of["duty"], told_of["subject"], told_of["severity"]) == ("late_objection", made.id, "alert")
    assert json.loads(run("--duty", "late_reply", "--fail-on", "notice", "--json").stdout) == []
    assert json.loads(run("--organisation", READER, "--json").stdout) == []
    for wrong, error in ((("--duty", "x"), MalformedRequest), (("--fail-on", "x"), MalformedRequest),
                         (("--organisation", "x"), NotRegistered)):  # fmt: skip
        with pytest.raises(error):
            run(*wrong)


def row(duty: Duty) -> str:
    return f"| `{duty.name}` | {duty.title} | {duty.article} | {duty.bearer} | {duty.severity} | {duty.asks} | {duty.to_do} |"


def test_the_page_is_the_table_s():
    assert "\n".join(map(row, DUTIES)) in documents.page("duties.md")
    assert len({duty.name for duty in DUTIES}) == len(DUTIES)
    assert {duty.bearer for duty in DUTIES} == set(Bearer)
