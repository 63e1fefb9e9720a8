"""Sources registered in the database: added, changed, shown, seen by who plans, removed while they said nothing."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from hub.cli import app
from hub.registered import registered_sources
from hub.source_registry import Registry, register, remove
from infra.database import Role, open_database
from infra.settings import Settings
from schemas.errors import SourceHasContributed, UnknownSource

DEFINITION = """
code: {code}
resource: legal_person
department: 市场监督管理局
title: {title}
connector: push
options: {{systems: [pusher]}}
row_id: id
mapping:
  credit_code: {{column: code}}
  name: {{column: name}}
"""


@pytest.fixture
def run(hub_settings, monkeypatch):
    for name in ("home", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(hub_settings, name)))

    def invoke(*words: str) -> str:
        done = CliRunner().invoke(app, ["source", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return invoke


def test_a_source_is_added_changed_shown_and_removed(run, hub_settings, tmp_path):
    file = tmp_path / "firms.yaml"
    file.write_text(DEFINITION.format(code="firms", title="推送"), encoding="utf-8")
    files = registered_sources(hub_settings)
    free = max(source.ordinal for source in files.values()) + 1

    assert json.loads(run("add", str(file), "--json")) == {
        "source": "firms",
        "ordinal": free,
        "registered": "new",
    }
    file.write_text(DEFINITION.format(code="firms", title="改名"), encoding="utf-8")
    assert "changed" in run("add", str(file))

    assert set(registered_sources(hub_settings)) == {*files, "firms"}
    told = json.loads(run("show", "firms", "--json"))
    assert (told["title"], told["batches"], told["paused"]) == ("改名", 0, None)
    assert "改名" in told["definition"]
    assert told["defined_by"].startswith("operator:")
    assert "a file" in run("show", "public_security")

    run("remove", "firms")
    assert set(registered_sources(hub_settings)) == set(files)
    with open_database(hub_settings) as database, database.engine(Role.AUDITOR).connect() as connection:
        actions = connection.execute(text("SELECT action FROM ledger.entry ORDER BY at")).scalars().all()
    assert actions == ["source.add", "source.change", "source.remove"]


def test_a_source_that_has_contributed_stays(hub_settings, database):
    with database.engine(Role.APPLICATION).begin() as connection:
        register(hub_settings, connection, DEFINITION.format(code="firms", title="推送"), "operator:test")
        connection.execute(
            text(
                "INSERT INTO library.batch (number, source, resource, digest, pull_window, pulled, contributed, unchanged, "
                "quarantined, created, updated, withdrawn, closed, report, recorded_at) "
                "VALUES (1, 'firms', 'legal_person', 'd', 'push a', 1, 1, 0, 0, 1, 0, 0, 0, '{}', now())"
            )
        )
    with database.engine(Role.APPLICATION).connect() as connection:
        with pytest.raises(SourceHasContributed, match="firms"):
            remove(connection, "firms", "operator:test")
        with pytest.raises(UnknownSource, match="public_security"):  # a file's
            remove(connection, "public_security", "operator:test")


def test_sources_registered_at_once_get_ordinals_of_their_own(hub_settings, database):
    def add(code: str) -> int:
        with database.engine(Role.APPLICATION).begin() as connection:
            return register(hub_settings, connection, DEFINITION.format(code=code, title="甲"), "test")[
                0
            ].ordinal

    registry = Registry(hub_settings, database)
    before = len(registry.sources())
    with ThreadPoolExecutor(4) as pool:
        ordinals = list(pool.map(add, [f"firms_{number}" for number in range(4)]))
    assert len(set(ordinals)) == 4
    assert len(registry.sources()) == before + 4


def test_who_plans_makes_no_database(tmp_path):
    settings = Settings(home=tmp_path / "nothing-yet")
    assert "public_security" in registered_sources(settings)
    assert not settings.home.exists()


def test_a_definition_that_holds_the_hub_up_can_be_removed(run, hub_settings, database):
    definition = DEFINITION.format(code="firms", title="推送")
    add = partial(register, hub_settings, definition=definition, actor="test")
    with database.engine(Role.APPLICATION).begin() as connection:
        add(connection=connection)
        query = "UPDATE catalog.source SET definition = 'no: source'"
        connection.execute(text(query))  # as one of an older hub may be that this one no longer understands
    run("remove", "firms")
    assert "firms" not in registered_sources(hub_settings)
