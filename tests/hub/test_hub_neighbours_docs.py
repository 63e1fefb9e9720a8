"""``docs/neighbours.md`` says what the code does: its examples run, its tables are whole."""

import re

import documents
import pytest
from rdflib import Graph
from rdflib.namespace import RDF

from catalog.dcat.vocabulary import DCAT
from catalog.entry_elements import ELEMENTS
from schemas.errors import NotAcceptable, NotWritten
from schemas.resource import resources_shipped

pytestmark = pytest.mark.server
PAGE = documents.page("neighbours.md")
UNTOLD = {"id", "format", "mode", "library"}
"""Elements that are the hub's own, or that its distributions say."""


@pytest.fixture(autouse=True)
def _here(hub_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("home", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(hub_settings, name)))


def number_of_datasets(path, format_):
    return len(set(Graph().parse(path, format=format_).subjects(RDF.type, DCAT.Dataset)))


def test_the_catalogue_is_exported_as_shown(tmp_path):
    script = next(block for block in documents.blocks(PAGE, "sh") if "hub catalogue dcat" in block)
    first, _ = documents.run(script)
    assert "2 datasets are in catalogue.ttl." in first
    assert number_of_datasets(tmp_path / "catalogue.ttl", "turtle") == 2
    assert number_of_datasets(tmp_path / "everything.jsonld", "json-ld") == len(resources_shipped())
    assert documents.run("hub catalogue dcat") == [(tmp_path / "catalogue.ttl").read_text(encoding="utf-8")]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    runner = documents.CliRunner()
    assert isinstance(
        runner.invoke(documents.app, ["catalogue", "dcat", "--format", "csv"]).exception, NotAcceptable
    )
    (tmp_path / "folder").mkdir()
    failed = runner.invoke(documents.app, ["catalogue", "dcat", "--output", str(tmp_path / "folder")])
    assert isinstance(failed.exception, NotWritten)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_every_element_has_its_property():
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| \S+ \| .*`\w+:\w+`.* \|$", PAGE, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"\w+", row)}
    assert told == ELEMENTS.keys() - UNTOLD
