"""``hub question``: tried on made-up records, registered, listed and agreed on."""

import json

import pytest
from typer.testing import CliRunner

from hub.cli import app

MADE = """
name: of_district
version: 1
title: 是否渝中区户籍
resource: natural_person
legal_basis: 户口登记条例第六条
asks: {item: registered_division, in_division: "500103"}
"""


def run(*arguments):
    done = CliRunner().invoke(app, ["question", *arguments, "--json"], catch_exceptions=True)
    return done if done.exception else json.loads(done.stdout)


@pytest.fixture
def made(tmp_path):
    file = tmp_path / "made.yaml"
    file.write_text(MADE, encoding="utf-8")
    return str(file)


def test_a_question_is_tried_without_a_hub(made, tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "none"))
    record = '{"date_of_birth": "2008-01-31"}'
    assert [
        run("test", "adult", "--record", record, "--on", day)["answer"]
        for day in ("2026-01-31", "2026-01-30")
    ] == [True, False]
    assert run("test", "adult")["answer"] is None
    assert run("test", made, "--record", '{"registered_division": "500103001002"}')["answer"] is True
    assert run("show", "adult@1")["items"] == ["date_of_birth"]
    assert "JSON" in str(run("test", "adult", "--record", "[1]").exception)
    assert not (tmp_path / "none").exists()


@pytest.mark.server
def test_a_question_is_registered_once_and_listed(made, hub_settings, monkeypatch):
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    assert run("add", made)["items"] == ["registered_division"]
    assert run("add", made).exception.code == "already_registered"
    assert [one["name"] for one in run("list")][-1] == "of_district"
    assert run("show", "of_district")["version"] == 1
    assert run("show", "nothing").exception.code == "unknown_question"
