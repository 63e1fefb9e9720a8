"""A definition that is wrong: told clearly, in the way of no other source, and what it contributed keeps its authority."""

import json
from contextlib import contextmanager

import pytest
from hub_registers import REGISTERS, SOURCE
from made_codes import credit_code
from sqlalchemy import text
from typer.testing import CliRunner

from audit.recording import record_administration
from hub.cli import app
from hub.composition import open_hub
from hub.consistency import inspect
from hub.ingest import ingest_source
from hub.misses import record_given_up
from hub.registered import registered_sources
from hub.source_registry import Registry, register
from hub.upgrade import upgrade_database
from infra.database import Role
from schemas.errors import DefinitionError

FIRST, SECOND = credit_code(1), credit_code(2)
NEW = """
code: added
resource: legal_person
department: 税务局
title: 推送
connector: push
options: {systems: [pusher]}
row_id: id
mapping:
  credit_code: {column: code}
"""


@pytest.fixture
def folder(tmp_path):
    """Definitions of three registers, one file each."""
    (tmp_path / "sources").mkdir()
    for code, (department, ordinal, rank, extra) in REGISTERS.items():
        told = SOURCE.format(code=code, department=department, ordinal=ordinal, rank=rank, extra=extra)
        path = tmp_path / "sources" / f"{code}.yaml"
        path.write_text(told.replace("${folder}", str(tmp_path)), encoding="utf-8")
    return tmp_path / "sources"


@pytest.fixture
def opened(hub_settings, database, folder):
    """Open the hub over the definitions as they are now."""
    upgrade_database(database)
    settings = hub_settings.model_copy(update={"sources": folder})

    @contextmanager
    def _open():
        with open_hub(settings) as hub:
            yield hub

    _open.settings = settings
    return _open


@pytest.fixture
def command(opened, monkeypatch):
    for name in ("home", "database_url", "sources"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(opened.settings, name)))
    return lambda *words: CliRunner().invoke(app, list(words))


def broken(folder, code="registrar"):
    path = folder / f"{code}.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("connector: sql", "connector: sqll"), encoding="utf-8"
    )


def golden(hub):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return {
            tuple(row)
            for row in connection.execute(
                text("SELECT name, staff_count, registered_capital FROM library.golden_legal_person")
            )
        }


def test_the_others_come_in_and_the_command_fails_with_its_name(command, folder, say):
    for register_ in REGISTERS:
        say(register_, ("1", FIRST, "甲公司", None, "5", "1", "2026-01-01"))
    broken(folder)

    ran = command("ingest", "--all", "--json")

    assert ran.exit_code == 1
    told = json.loads(ran.stdout)
    assert [(one["source"], one["contributed"]) for one in told["sources"]] == [("tax", 1), ("statistics", 1)]
    assert list(told["failures"]) == ["registrar"]
    assert told["failures"]["registrar"].startswith("registrar.yaml: connector 'sqll' is not one of sql,")
    assert "registrar: registrar.yaml" in ran.stderr
    assert command("ingest", "--due", "--json").exit_code == 1
    assert command("ingest", "tax").exit_code == 0


def test_it_is_shown_where_sources_are(command, folder):
    broken(folder)
    (folder / "tax.yaml").write_text("code: [", encoding="utf-8")

    listed = json.loads(command("source", "list", "--json").stdout)
    assert [one["code"] for one in listed] == ["statistics", "registrar", "tax"]
    assert listed[1]["from"] == "registrar.yaml"
    assert "is not readable YAML" in listed[2]["error"]
    assert "sqll" in command("source", "list").stdout
    status = json.loads(command("status", "--json").stdout)
    assert [row[0] for row in status["sources"]] == ["statistics"]
    assert [row[:2] for row in status["broken"]] == [["registrar", "registrar.yaml"], ["tax", "tax.yaml"]]
    assert "Definitions that are wrong" in command("status").stdout
    assert "registrar is left out" in command("schedule").stderr
    refused = command("source", "check", "registrar").exception
    assert isinstance(refused, DefinitionError)
    assert str(refused).startswith("registrar.yaml: connector 'sqll'")


def test_its_word_stands_while_its_definition_is_wrong(opened, folder, say):
    say("registrar", ("1", FIRST, "登记的名称", None, "5", None, "2026-01-01"))
    say("tax", ("1", FIRST, "税务的名称", None, "9", "7", "2026-01-01"))
    with opened() as hub:
        ingest_source(hub, "registrar")
        ingest_source(hub, "tax")
        assert golden(hub) == {("登记的名称", 5, 70000)}
    broken(folder)
    say(
        "tax",
        ("1", FIRST, "税务的新名称", None, "9", "8", "2026-02-01"),
        ("2", SECOND, "乙", None, "1", "1", "2026-02-01"),
    )

    with opened() as hub:
        assert [told.source for told in hub.standing] == ["registrar"]
        ingest_source(hub, "tax")
        assert golden(hub) == {("登记的名称", 5, 80000), ("乙", 1, 10000)}
        found = inspect(hub, "legal_person", "operator:test").as_dict()
        assert {(one["source"], one["other"]) for one in found["disagreements"]} == {("registrar", "tax")}
        record_given_up(hub, "registrar", error=None, run="r", tries=1)

    (folder / "registrar.yaml").write_text("[", encoding="utf-8")
    (folder / "registrar.yaml").rename(
        folder / "register of firms.yaml"
    )  # whose it is cannot be told any more
    with opened() as hub:
        assert [told.source for told in hub.standing] == ["registrar"]


def test_two_that_meet_are_both_left_out(opened, folder):
    for code, taken in (("copy", "ordinal: 90"), ("tax", "ordinal: 73")):
        told = (folder / "tax.yaml").read_text(encoding="utf-8")
        (folder / f"{code}.yaml").write_text(told.replace("ordinal: 72", taken), encoding="utf-8")
    with opened() as hub:
        assert list(hub.sources) == ["registrar"]
        told = {one.name: str(one.error) for one in hub.broken}
    assert "code 'tax' is taken by tax.yaml too" in told["copy.yaml"]
    assert "ordinal 73 is taken by tax.yaml too" in told["statistics.yaml"]
    assert set(told) == {"copy.yaml", "statistics.yaml", "tax.yaml"}


def test_none_is_added_while_an_ordinal_may_be_taken_unseen(opened, database, folder):
    def add(definition):
        with database.engine(Role.APPLICATION).begin() as connection:
            return register(opened.settings, connection, definition, "operator:test")

    add(NEW)
    broken(folder)
    with pytest.raises(DefinitionError, match=r"while a definition is wrong.*registrar\.yaml"):
        add(NEW.replace("added", "later"))
    assert add(NEW.replace("推送", "改名"))[0].title == "改名"
    with database.engine(Role.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="source.change", target="added", facts={})
        connection.execute(text("UPDATE catalog.source SET definition = 'code: added'"))
    registry = Registry(opened.settings, database)
    assert list(registry.sources()) == list(registered_sources(opened.settings)) == ["tax", "statistics"]
    with pytest.raises(DefinitionError, match="'ordinal' of source added cannot change"):
        add(NEW + "ordinal: 99")
    assert add(NEW)[1] is False
    assert "added" in registry.sources()
