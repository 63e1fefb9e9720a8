"""The commands of ``hub quality``, and Data Docs that can be read without a network and show no value."""

import json
import re
from dataclasses import replace

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from hub.cli import app
from hub.data_docs import build
from hub.ingest import ingest_source
from infra.database import Role
from schemas.errors import DataDocsNotMade

SOURCES = ("credit_penalty", "social_security")


@pytest.fixture
def filled(hub):
    """A hub of two sources, both ingested."""
    chosen = replace(hub, sources={code: hub.sources[code] for code in SOURCES})
    for code in SOURCES:
        ingest_source(chosen, code)
    return chosen


def test_data_docs_are_whole_and_need_no_network(filled, tmp_path):
    index = build(filled, tmp_path / "docs")

    pages = {
        page.relative_to(tmp_path / "docs"): page.read_text("utf-8")
        for page in (tmp_path / "docs").rglob("*.html")
    }
    assert len(pages) == 1 + 2 * len(SOURCES)  # the index, and for each source its suite and its one batch
    for page in pages.values():
        assert "<script" not in page
        assert not re.search(r"(src|href)=['\"]https?:", page)
        assert "default-src 'none'" in page
    shown = index.read_text("utf-8")
    links = re.findall(r'href="([^"#]+\.html)"', shown)
    assert links
    assert all((index.parent / link).exists() for link in links)
    assert "social_security" in shown


def test_no_value_of_a_record_is_on_a_page(filled, tmp_path):
    build(filled, tmp_path / "docs")

    whole = "".join(page.read_text("utf-8") for page in (tmp_path / "docs").rglob("*.html"))
    assert not re.search(r"\b\d{17}[\dX]\b", whole)
    with filled.database.engine(Role.APPLICATION).connect() as connection:
        numbers = connection.execute(text("SELECT row_reference FROM library.quarantine")).scalars().all()
    assert numbers
    assert not any(number in whole for number in numbers)


def test_data_docs_replace_data_docs_and_nothing_else(filled, tmp_path):
    first = build(filled, tmp_path / "docs")
    assert build(filled, tmp_path / "docs") == first
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")

    with pytest.raises(DataDocsNotMade, match="something else"):
        build(filled, tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "keep me"


def test_the_commands(filled, own_settings, monkeypatch):
    for name in ("home", "database_url", "city"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(own_settings, name)))

    def run(*told):
        done = CliRunner().invoke(app, ["quality", *told], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    cards = json.loads(run("scorecard", "--json"))
    assert {card["subject"] for card in cards["scorecards"]} == set(SOURCES)
    assert cards["failed_runs"] == []
    assert "identifier" in run("scorecard", "social_security")
    past = json.loads(run("history", "social_security", "--json"))
    assert (past["trend"], len(past["scorecards"])) == (None, 1)
    compared = json.loads(run("consistency", "natural_person", "--json"))
    assert (compared["resource"], compared["subjects"], compared["examples"]) == ("natural_person", 0, [])
    assert "nothing to compare" in run("consistency", "parcel")
