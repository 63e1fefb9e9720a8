"""``docs/neighbours.md`` says what the code does: its examples run, its tables are whole."""

import json
import re

import documents
import pytest
import yaml
from neighbour_site import Reply, neighbour_site
from rdflib import Graph
from rdflib.namespace import RDF

from catalog.dcat.vocabulary import DCAT
from catalog.entry_elements import ELEMENTS
from connectors.neighbour_web import MOST_BYTES
from hub.neighbours.exporting import MOST_DATASETS
from hub.neighbours.harvesting import MOST_PAGES
from hub.neighbours.pages import LONGEST_CHAIN
from schemas.errors import NotAcceptable, NotRegistered, NotWritten, UnknownEntry
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


def test_a_neighbour_is_harvested_as_shown(monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_HARVEST_NETWORKS", "127.0.0.1/32")
    (script,) = [block for block in documents.blocks(PAGE, "sh") if "hub harvest run" in block]
    head = "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .\n"
    with neighbour_site() as site:
        site.answer = lambda _path, _headers: Reply(
            (head + '<urn:d:1> a dcat:Dataset ; dct:title "水库水位" .').encode()
        )
        said = documents.run(script.replace("https://data.neighbour.example", site.url))
    assert "1 new" in said[1]
    assert "水库水位" in said[3]
    assert number_of_datasets(tmp_path / "with-neighbours.ttl", "turtle") == 3


def test_contracts_and_policies_are_written_as_shown(tmp_path):
    scripts = documents.blocks(PAGE, "sh")
    _, place = documents.run(next(one for one in scripts if "hub catalogue contract" in one))
    assert json.loads(place)["kind"] == "DataContract"
    written = yaml.safe_load((tmp_path / "natural_person.odcs.yaml").read_text(encoding="utf-8"))
    assert (written["apiVersion"], written["name"]) == ("v3.1.0", "自然人基本信息")
    script = next(one for one in scripts if "hub agreement odrl" in one)
    offer, *_, agreed = documents.run(script)
    assert json.loads(offer)["type"] == ["Policy", "Offer"]
    (permission,) = json.loads(agreed)["permission"]
    assert {"recordsPerDay", "purpose"} <= {
        one["leftOperand"].removeprefix("hub:") for one in permission["constraint"]
    }
    runner = documents.CliRunner()
    assert isinstance(
        runner.invoke(documents.app, ["catalogue", "contract", "nothing"]).exception, UnknownEntry
    )
    assert isinstance(runner.invoke(documents.app, ["agreement", "odrl", "nothing"]).exception, NotRegistered)


def test_every_operand_of_the_hubs_own_is_listed():
    named = set(
        re.findall(r'"(hub:[A-Za-z]+)"', (documents.ROOT / "catalog" / "odrl.py").read_text(encoding="utf-8"))
    )
    untold = {"hub:article", "hub:status", "hub:organisation", "hub:condition", "hub:endOfPurpose"}
    assert {name for name in named - untold if name not in PAGE} == set()


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


def test_the_limits_are_those_of_the_code():
    assert f"more than {MOST_BYTES // 2**20} MiB a page" in PAGE
    assert f"send {MOST_PAGES:,} pages" in PAGE
    assert f"holds up to {MOST_DATASETS} datasets" in PAGE
    assert f"through more than {LONGEST_CHAIN} is skipped" in PAGE
