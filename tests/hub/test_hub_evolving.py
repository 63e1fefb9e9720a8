"""A new version over records that are there: readers, an ingest and a kill in the middle of it, and nobody notices."""

import csv
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from joserfc.jwk import OKPKey
from made_resources import MARRIAGE, certificate, citizen, marriages, second, source
from sqlalchemy import text

from audit.recording import record_administration
from base_libraries import rewriting, storage
from base_libraries.reading import GoldenReader
from catalog.agreement import Agreement
from catalog.answer_form import Answer, Form
from catalog.organisation import Organisation
from catalog.published_resource import PublishedResources
from catalog.question import question_from
from catalog.question_register import QuestionRegister
from catalog.repository import Catalogue
from catalog.system import System
from hub.composition import open_hub
from hub.evolving import Evolution
from hub.ingest import ingest_source
from hub.publishing import publish_resource
from infra.clock import now
from infra.database import Role
from infra.keyring import FileKeyring
from schemas.errors import ItemStillUsed, NotRegistered, TablesBusy, VersionRefused
from schemas.resource import parse_resource

CODE, SOURCE = "marriage_registration", "registry"
FIRST, SECOND = parse_resource(MARRIAGE), parse_resource(second())
ROWS = 60


@pytest.fixture
def registry(hub_settings, database, tmp_path, monkeypatch):
    """Settings of a hub with a published resource and a file that feeds it."""
    (tmp_path / "sources").mkdir()
    settings = hub_settings.model_copy(update={"sources": tmp_path / "sources"})
    options = {"path": str(tmp_path / "registry.csv")}
    told = source(SOURCE, connector="file", options=options, ordinal=1)
    (tmp_path / "sources" / "registry.yaml").write_text(
        yaml.safe_dump(told, allow_unicode=True), encoding="utf-8"
    )
    with database.engine(Role.APPLICATION).begin() as connection:
        publish_resource(connection, FIRST, "test")
    monkeypatch.setattr(rewriting, "PAGE", 7)
    deliver(settings, marriages(0, ROWS))
    return settings


def deliver(settings, rows):
    with (settings.sources.parent / "registry.csv").open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, list(rows[0]))
        written.writeheader()
        written.writerows(rows)


def ingested(settings, **how):
    with open_hub(settings) as hub:
        return ingest_source(hub, SOURCE, **how)


def published(database, resource):
    with database.engine(Role.APPLICATION).begin() as connection:
        return publish_resource(connection, resource, "test")


def found(database, reader, item, value):
    with database.engine(Role.APPLICATION).connect() as connection:
        query = reader.lookup_sql(item).replace("$1::bytea[]", "CAST(:values AS bytea[])")
        rows = connection.execute(text(query), {"values": [reader.lookup(item, value)]}).mappings().all()
    names = tuple(one.name for one in reader.resource.items)
    return reader.records(rows, names)


def scalar(database, query):
    with database.engine(Role.APPLICATION).connect() as connection:
        return connection.execute(text(query)).scalar_one()


def test_a_version_without_new_indexes_is_in_force_at_once_and_what_was_there_stays(registry, database):
    ingested(registry)
    wider = parse_resource(
        MARRIAGE.replace("update_cycle: daily", "update_cycle: daily\nversion: 2").replace(
            "length: 6, scale: 2", "length: 9, scale: 3"
        )
        + "  - {name: witness, title: 证婚人, type: C, length: 50, sensitivity: personal}\n"
    )
    assert published(database, wider).in_force
    again = ingested(registry)  # the same file: no record has another version for it
    assert (again.created, again.updated) == (0, 0)
    assert scalar(database, f"SELECT count(*) FROM library.history_{CODE}") == 0
    with open_hub(registry) as hub:
        reader = GoldenReader(hub.resources[CODE], hub.keyring)
        (record,) = found(database, reader, "one_number", citizen(3))
    assert (record["witness"], record["fee"], record["certificate"]) == (None, "9.5", certificate(3))


def test_records_are_indexed_page_by_page_and_a_kill_costs_one_page(registry, database):
    ingested(registry)
    done = published(database, SECOND)
    assert (done.in_force, done.plan.indexed) == (False, ("one_name", "office"))
    with open_hub(registry) as hub:
        assert hub.resources[CODE].version == 1  # until the records are ready
    pages = []

    def killed_at_the_third(_step, records):
        pages.append(records)
        if len(pages) == 3:
            raise KeyboardInterrupt

    keyring = FileKeyring(registry.keyring)
    with pytest.raises(KeyboardInterrupt):
        Evolution(database, keyring, "test", killed_at_the_third).migrate(CODE)
    pages.clear()
    evolved = Evolution(database, keyring, "test", lambda _step, records: pages.append(records)).migrate(CODE)
    assert pages[0] == 28  # four pages, for three were kept
    assert evolved.records == {"index": ROWS}
    with open_hub(registry) as hub:
        reader = GoldenReader(hub.resources[CODE], hub.keyring)
    assert reader.resource.version == 2
    assert len(found(database, reader, "office", "渝中区民政局")) == ROWS
    assert [one["certificate"] for one in found(database, reader, "one_name", "测试7")] == [certificate(7)]
    with pytest.raises(NotRegistered, match="no version that waits"):
        Evolution(database, keyring, "test").migrate(CODE)
    told = "SELECT count(*) FROM ledger.entry WHERE action = 'resource.in_force'"
    before = scalar(database, told)
    with database.engine(
        Role.APPLICATION
    ).begin() as connection:  # as the slower of two does that migrate at once
        PublishedResources(connection, record_administration).put_in_force(CODE, 2, actor="test")
    assert scalar(database, told) == before, "it is in force already, and was told so once"


def test_readers_and_an_ingest_go_on_while_a_version_comes_in_force(registry, database):
    ingested(registry)
    keyring = FileKeyring(registry.keyring)
    deliver(registry, [{**row, "office": "江北区民政局"} for row in marriages(0, 2 * ROWS)])
    migrated, moved, wrong, read = threading.Event(), [], [], []

    def reading(resource):
        reader = GoldenReader(resource, keyring)
        while not migrated.is_set():
            for record in found(database, reader, "one_number", citizen(3)):
                read.append(record)
                if (
                    tuple(record) != tuple(one.name for one in resource.items)
                    or record["one_name"] != "测试3"
                ):
                    wrong.append(record)

    def moving(step):
        if step.stage == "commit" and not moved:  # the run holds batches judged by the first version
            moved.append(published(database, SECOND))
            Evolution(database, keyring, "test").migrate(CODE)

    threads = [threading.Thread(target=reading, args=(FIRST,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        report = ingested(registry, batch_rows=10, progress=moving)
    finally:
        migrated.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(read) > 2
    assert (report.pulled, report.created, report.updated) == (2 * ROWS, ROWS, ROWS)
    with open_hub(registry) as hub:
        reader = GoldenReader(hub.resources[CODE], keyring)
    assert len(found(database, reader, "office", "江北区民政局")) == 2 * ROWS
    assert found(database, reader, "office", "渝中区民政局") == []
    assert (
        len(found(database, GoldenReader(FIRST, keyring), "one_number", citizen(3))) == 1
    )  # who has not heard yet


def test_what_is_written_while_a_version_waits_is_indexed_for_it(registry, database):
    ingested(registry)
    published(database, SECOND)
    deliver(registry, [{**row, "office": "江北区民政局"} for row in marriages(0, ROWS)])
    ingested(registry)
    assert (
        scalar(database, f"SELECT count(*) FROM library.golden_{CODE} WHERE _ix_office IS NOT NULL") == ROWS
    )


def test_what_a_version_drops_is_taken_away_in_its_time(registry, database):
    ingested(registry)
    text_ = "\n".join(
        line for line in MARRIAGE.splitlines() if "name: fee" not in line and "name: other_name" not in line
    )
    shorter = parse_resource(text_.replace("update_cycle: daily", "update_cycle: daily\nversion: 2"))
    published(database, shorter)
    file = registry.sources / "registry.yaml"
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    told["mapping"] = {
        name: how for name, how in told["mapping"].items() if name not in ("fee", "other_name")
    }
    file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    deliver(registry, marriages(0, ROWS + 1))
    report = ingested(registry)
    assert (report.created, report.updated) == (1, 0)
    keyring = FileKeyring(registry.keyring)
    evolution = Evolution(database, keyring, "test")
    with pytest.raises(ItemStillUsed, match="is kept until"):
        evolution.contract(CODE)
    done = evolution.contract(CODE, timedelta(0))
    assert done.dropped == ("fee",)
    assert set(done.records) == {"erase contribution", "erase golden", "erase history"}
    reader = GoldenReader(replace(FIRST), keyring)
    with database.engine(Role.APPLICATION).connect() as connection:
        for kind in ("golden", "contribution"):
            rows = connection.execute(text(f"SELECT * FROM library.{kind}_{CODE}")).mappings().all()
            assert "fee" not in rows[0]
            assert all("other_name" not in opened for opened in reader._vault.open_rows(rows, kind))
            assert all(opened["one_name"] for opened in reader._vault.open_rows(rows, kind))
    assert evolution.contract(CODE, timedelta(0)).dropped == ()
    back = parse_resource(MARRIAGE.replace("update_cycle: daily", "update_cycle: daily\nversion: 3"))
    with pytest.raises(VersionRefused, match="fee was dropped before"):
        published(database, back)


def test_a_version_that_drops_what_is_used_is_refused(registry, database):
    public = OKPKey.generate_key("Ed25519").as_dict(private=False)
    with open_hub(registry) as hub, hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_organisation(Organisation("11500000009275123M", "行政审批局", "500000"), actor="test")
        catalogue.add_system(System("permits", "11500000009275123M", "审批", (public,)), actor="test")
        agreed = Agreement(
            id="a-1", system="permits", resource=CODE, items=("certificate", "fee"), purposes=frozenset({"p"}),
            legal_bases=frozenset({"l"}), valid_from=now(), valid_to=now() + timedelta(days=1),
        )  # fmt: skip
        catalogue.add_agreement(agreed, actor="test")
        cheap = {"name": "cheap", "version": 1, "title": "是否低价", "resource": CODE, "legal_basis": "l"}
        question = question_from(cheap | {"asks": {"item": "fee", "at_most": 10}})
        QuestionRegister(connection, record_administration).add(question, actor="test")
        asks = replace(agreed, id="a-2", items=(), answer=Answer(Form.QUESTION, questions=("cheap@1",)))
        catalogue.add_agreement(asks, actor="test")
    text_ = "\n".join(line for line in MARRIAGE.splitlines() if "name: fee" not in line)
    shorter = parse_resource(text_.replace("update_cycle: daily", "update_cycle: daily\nversion: 2"))
    with pytest.raises(ItemStillUsed, match="agreement a-1, agreement a-2"):
        published(database, shorter)


def test_tables_that_cannot_be_had_are_left_as_they_are(registry, database, monkeypatch):
    monkeypatch.setattr(storage, "_ATTEMPTS", 2)
    ingested(registry)
    engine = database.engine(Role.APPLICATION)
    with engine.connect() as holding, holding.begin():
        holding.execute(text(f"SELECT count(*) FROM library.golden_{CODE}"))
        with pytest.raises(TablesBusy, match="nothing was changed"):
            published(database, SECOND)
    assert scalar(database, "SELECT max(version) FROM catalog.published_resource") == 1
    assert published(database, SECOND).new
