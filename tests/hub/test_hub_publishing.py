"""Publishing at the database: one transaction, narrow rights, and what every kind of process then knows."""

import json

import pytest
import yaml
from made_resources import MARRIAGE, source
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from typer.testing import CliRunner

from audit.recording import record_administration
from base_libraries.storage import Tables, shape_tables
from hub.cli import app
from hub.composition import open_hub
from hub.published_resources import knowing
from hub.publishing import publish_resource, withdraw_resource
from hub.registered import know_published, registered_sources
from hub.server import free_port
from hub.source_registry import Registry
from hub.upgrade import upgrade_database
from infra.database import Role
from schemas.errors import AlreadyRegistered, DefinitionError, NotRegistered, ResourceWithdrawn
from schemas.resource import (
    RESOURCES,
    parse_resource,
    published_resolver,
    resolve_published_by,
    resource_named,
    resources_shipped,
)

CODE = "marriage_registration"
RESOURCE = parse_resource(MARRIAGE)


@pytest.fixture(autouse=True)
def _known_before():
    before = published_resolver()
    yield
    resolve_published_by(before)


@pytest.fixture
def application(database):
    return database.engine(Role.APPLICATION)


def tables_of(connection, code=CODE):
    query = text(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'library' AND table_name LIKE :name"
    )
    return sorted(connection.execute(query, {"name": f"%\\_{code}"}).scalars())


def test_definition_tables_and_entry_are_one_transaction(application):
    with application.connect() as connection, connection.begin() as begun:
        publish_resource(connection, RESOURCE, "test")
        assert len(tables_of(connection)) == 4
        begun.rollback()
    with application.connect() as connection:
        assert tables_of(connection) == []
        assert connection.execute(text("SELECT count(*) FROM ledger.entry")).scalar_one() == 0
    with application.begin() as connection:
        assert publish_resource(connection, RESOURCE, "test").new
    with application.begin() as connection:
        assert not publish_resource(connection, RESOURCE, "test").new  # the same, word for word
        (entry,) = connection.execute(text("SELECT action, facts FROM ledger.entry")).all()
        assert (entry.action, entry.facts["target"], entry.facts["version"]) == ("resource.publish", CODE, 1)


def test_the_tables_are_those_the_owner_would_lay(application, database):
    shape = text("""
        SELECT c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstattarget
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relname LIKE :name AND a.attnum > 0 ORDER BY c.relname, a.attnum
    """)
    with application.begin() as connection:
        publish_resource(connection, RESOURCE, "test")
        by_application = connection.execute(shape, {"name": f"%\\_{CODE}%"}).all()
    with database.engine(Role.OWNER).begin() as connection:
        for table in tables_of(connection):
            connection.execute(text(f"DROP TABLE library.{table}"))
    upgrade_database(database)
    with application.connect() as connection:
        assert connection.execute(shape, {"name": f"%\\_{CODE}%"}).all() == by_application
        assert by_application


def test_the_application_lays_no_other_tables(application):
    operations = list(Tables(RESOURCE).operations())
    with application.connect() as connection:
        record_administration(connection, actor="test", action="resource.publish", target=CODE, facts={})
        with pytest.raises(DBAPIError, match="is not published"):
            shape_tables(connection, RESOURCE, operations)
    with application.begin() as connection:
        publish_resource(connection, RESOURCE, "test")
    with application.connect() as connection, pytest.raises(DBAPIError, match="no ledger entry"):
        shape_tables(connection, RESOURCE, operations)
    with application.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text("SELECT library.shape('x', '[]')"))


@pytest.mark.parametrize(
    ("operation", "complaint"),
    [
        (
            {"do": "add", "table": "golden", "name": "x", "type": "text DEFAULT pg_sleep(9)"},
            "no type of a column",
        ),
        ({"do": "add", "table": "golden", "name": "x; DROP TABLE y", "type": "text"}, "no name of a column"),
        ({"do": "add", "table": "person", "name": "x", "type": "text"}, "no table of a resource"),
        ({"do": "grant", "table": "golden"}, "nothing that is done"),
    ],
)
def test_nothing_but_a_resources_tables_can_come_of_it(application, operation, complaint):
    with application.connect() as connection:
        publish_resource(connection, RESOURCE, "test")
        with pytest.raises(DBAPIError, match=complaint):
            shape_tables(connection, RESOURCE, [operation])


def test_a_published_definition_never_changes(application):
    with application.begin() as connection:
        publish_resource(connection, RESOURCE, "test")
    other = parse_resource(MARRIAGE.replace("工本费", "费用"))
    with application.connect() as connection, pytest.raises(AlreadyRegistered, match="never changes"):
        publish_resource(connection, other, "test")
    for statement in (
        "UPDATE catalog.published_resource SET digest = ''",
        "DELETE FROM catalog.published_resource",
    ):
        with application.connect() as connection, pytest.raises(IntegrityError, match="never changes"):
            connection.execute(text(statement))


def test_a_shipped_resource_is_not_published_at_its_own_version(application):
    with application.connect() as connection, pytest.raises(DefinitionError, match="the next version is 2"):
        publish_resource(connection, resources_shipped()["place"], "test")


def test_a_withdrawn_resource_keeps_what_it_holds(application, database):
    with application.begin() as connection:
        with pytest.raises(NotRegistered, match="is not published"):
            withdraw_resource(connection, CODE, "test", "none")
        publish_resource(connection, RESOURCE, "test")
        withdraw_resource(connection, CODE, "test", "moved")
        with pytest.raises(ResourceWithdrawn, match="already"):
            withdraw_resource(connection, CODE, "test", "again")
    with knowing(database):
        assert resource_named(CODE).withdrawn
    with application.connect() as connection:
        assert len(tables_of(connection)) == 4


def test_a_hub_that_is_open_hears_of_what_is_published_then(hub_settings, database, application):
    with open_hub(hub_settings) as hub:
        assert CODE not in hub.resources
        with application.begin() as connection:
            publish_resource(connection, RESOURCE, "test")
        published_resolver()._missed_since = 0.0  # as a second later
        assert hub.resources[CODE] == RESOURCE
    assert CODE not in RESOURCES


def test_who_only_plans_knows_published_resources_while_the_database_is_away(
    hub_settings, database, application
):
    hub_settings.home.mkdir()
    with application.begin() as connection:
        publish_resource(connection, RESOURCE, "test")
    registered_sources(hub_settings)
    assert resource_named(CODE) == RESOURCE
    resolve_published_by(None)
    know_published(
        hub_settings.model_copy(update={"database_url": f"postgresql://hub@127.0.0.1:{free_port()}/hub"})
    )
    assert resource_named(CODE) == RESOURCE


def test_the_commands_say_what_is_wrong(hub_settings, monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    file = tmp_path / "marriage.yaml"
    run = lambda *words: CliRunner().invoke(app, ["resource", *words])  # noqa: E731
    file.write_bytes("标题".encode("gb18030"))
    assert "is not UTF-8" in str(run("publish", str(file)).exception)
    file.write_text(MARRIAGE.replace("mask: name", "mask: none"), encoding="utf-8")
    assert "mask 'none' that is unknown" in str(run("publish", str(file)).exception)
    file.write_text(MARRIAGE, encoding="utf-8")
    assert "version 1, is published" in run("publish", str(file)).output
    assert "word for word" in run("publish", str(file)).output
    assert json.loads(run("show", CODE, "--json").output)["versions"][0]["version"] == 1
    assert "sealed" in run("show", CODE).output
    assert CODE in run("list").output
    assert "not published" in str(run("withdraw", "place", "--reason", "x").exception)
    assert "is withdrawn" in run("withdraw", CODE, "--reason", "x").output
    assert "withdrawn" in run("list").output


def test_a_source_that_was_there_first_is_right_once_its_resource_is_published(
    hub_settings, database, application, tmp_path
):
    options = {"path": str(tmp_path / "registry.csv")}
    told = source("registry", connector="file", options=options, ordinal=1)
    (tmp_path / "registry.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    with knowing(database) as known:
        registry = Registry(hub_settings.model_copy(update={"sources": tmp_path}), database)
        assert [one.code for one in registry.definitions().broken] == ["registry"]
        with application.begin() as connection:
            publish_resource(connection, RESOURCE, "test")
        known.renew()  # as the directory does when it hears of it
        assert list(registry.sources()) == ["registry"]
