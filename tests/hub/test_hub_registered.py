"""The registered sources for who only plans: nothing is started, and the database may be away."""

import json
import stat

import pytest
import yaml
from typer.testing import CliRunner

from hub.airflow.pools import described
from hub.cli import app
from hub.registered import KEPT, registered_sources
from hub.server import free_port
from hub.source_registry import register
from infra.database import Role, connect_if_running
from infra.embedded import EmbeddedPostgres, url_if_running
from schemas.errors import DatabaseUnavailable

SOURCE = {
    "resource": "legal_person",
    "department": "市场监督管理局",
    "title": "企业",
    "connector": "sql",
    "row_id": "id",
    "options": {"url": "mysql+pymysql://reader:${env:SECRET}@db.example:3306/firms", "table": "firms"},
    "mapping": {"credit_code": {"column": "code"}, "name": {"column": "name"}},
}


def _definition(code, ordinal, **changed):
    return yaml.safe_dump(SOURCE | {"code": code, "ordinal": ordinal} | changed, allow_unicode=True)


@pytest.fixture
def settings_with_files(hub_settings, tmp_path):
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "written.yaml").write_text(_definition("written", 1), encoding="utf-8")
    hub_settings.home.mkdir()
    return hub_settings.model_copy(update={"sources": tmp_path / "sources"})


def _register(database, settings, code, ordinal):
    with database.engine(Role.APPLICATION).begin() as connection:
        register(settings, connection, _definition(code, ordinal), "operator:test")


def _away(settings):
    return settings.model_copy(update={"database_url": f"postgresql://hub@127.0.0.1:{free_port()}/hub"})


def test_sources_of_the_database_are_planned_too_and_stand_while_it_is_away(settings_with_files, database):
    assert list(registered_sources(settings_with_files)) == ["written"]
    _register(database, settings_with_files, "added", 5)
    assert list(registered_sources(settings_with_files)) == ["written", "added"]

    away = _away(settings_with_files)

    assert list(registered_sources(away)) == ["written", "added"]
    kept = settings_with_files.home / KEPT
    assert list(json.loads(kept.read_text(encoding="utf-8"))) == ["added"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_before_the_database_was_ever_asked_the_files_stand(settings_with_files):
    assert list(registered_sources(_away(settings_with_files))) == ["written"]


def test_sources_that_meet_or_cannot_be_read_are_left_out_and_the_others_stand(
    settings_with_files, database, caplog
):
    _register(database, settings_with_files, "added", 5)
    (settings_with_files.sources / "later.yaml").write_text(_definition("added", 7), encoding="utf-8")

    found = registered_sources(settings_with_files)
    assert list(found) == ["written"]
    assert "later.yaml: code 'added' is taken by registered source added too" in caplog.text

    (settings_with_files.home / KEPT).write_text(json.dumps({"broken": "code: broken"}), encoding="utf-8")
    assert list(registered_sources(_away(settings_with_files))) == ["written", "added"]
    assert "Source broken is left out" in caplog.text


def test_an_embedded_server_that_does_not_run_is_not_started(settings, tmp_path):
    embedded = settings.model_copy(update={"sources": tmp_path, "database_url": None})

    with pytest.raises(DatabaseUnavailable, match="does not run"), connect_if_running(embedded):
        pytest.fail("nobody answers")

    assert registered_sources(embedded) == {}
    assert not embedded.home.exists()


def test_an_embedded_server_that_runs_is_found(tmp_path):
    with EmbeddedPostgres(tmp_path / "postgres", temporary=True, memory=16) as server:
        assert url_if_running(server.folder, "hub", "someone") == server.url("hub", "someone")
    assert url_if_running(tmp_path / "postgres", "hub", "someone") is None


def test_the_pools_of_an_airflow_of_ones_own_are_written(settings_with_files, monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_SOURCES", str(settings_with_files.sources))
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "nowhere"))

    done = CliRunner().invoke(app, ["schedule", "pools", str(tmp_path / "pools.json")])

    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "pools.json").read_text()) == described({"db.example.3306": 2})
