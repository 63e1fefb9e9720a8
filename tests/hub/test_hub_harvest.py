"""Harvesting neighbours over HTTP: another hub, CKAN, and whatever may go wrong on the way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from ipaddress import ip_network
from urllib.parse import parse_qs, urlsplit

import pytest
from neighbour_site import Reply, json_reply, neighbour_site
from rdflib import Literal, URIRef
from rdflib.namespace import DCTERMS, RDF
from sqlalchemy import text
from typer.testing import CliRunner

from audit.recording import record_administration
from catalog.dcat.describing import Addresses
from catalog.dcat.formats import FORMATS, serialized
from catalog.dcat.vocabulary import DCAT
from catalog.dcat.writing import Page
from catalog.harvest import Kind, RunState
from catalog.harvests import Harvests
from connectors.neighbour_web import Web
from hub.cli import app
from hub.neighbours.exporting import catalogue_graph, offered, passed_on
from hub.neighbours.harvesting import Harvester
from infra.database import Role
from schemas.errors import (
    AlreadyRegistered,
    CatalogueUnreachable,
    ConfigurationError,
    HarvestBusy,
    MalformedRequest,
    NotRegistered,
    OwnCatalogue,
    WrongCatalogue,
)
from schemas.resource import resources_shipped

pytestmark = pytest.mark.server
OWN = Addresses("https://hub.example", "urn:hub:chongqing", "500000")
EVERY = len(resources_shipped())


@pytest.fixture
def site():
    with neighbour_site() as running:
        yield running


@pytest.fixture
def harvester(database):
    return Harvester(database, OWN, Web((ip_network("127.0.0.1/32"),), 10), "test")


@pytest.fixture
def harvests(database):
    with database.engine(Role.APPLICATION).connect() as connection:
        yield Harvests(connection.execution_options(isolation_level="AUTOCOMMIT"), record_administration)


def other_hub(database, site, hub_id="urn:hub:chengdu", limit=2, change=lambda graph: graph, form=FORMATS[0]):
    """Let the site answer with the pages of another hub, as that one would make them."""
    at = Addresses(site.url, hub_id, "510100")

    def answer(path, _headers):
        after = parse_qs(urlsplit(path).query).get("after", [""])[0]
        with database.engine(Role.APPLICATION).connect() as connection:
            found = offered(connection, at, everything=True, after=after, limit=limit)
        following = f"{at.catalogue}?after={found.after}" if found.after else None
        page = Page(site.url + path, at.catalogue, following, found.total)
        return Reply(serialized(change(catalogue_graph(at, found, page)), form), form.media_type)

    site.answer = answer
    return at.catalogue


def told(run):
    counts = run.counts
    return run.pages, counts.created, counts.updated, counts.unchanged, counts.skipped, run.vanished


@pytest.mark.parametrize("form", FORMATS, ids=lambda one: one.name)
def test_another_hub_is_harvested_page_by_page_and_again_changes_nothing(
    database, site, harvester, harvests, form
):
    harvester.add(other_hub(database, site, form=form), "chengdu")
    first = harvester.run("chengdu")
    assert (first.state, told(first)) == (RunState.DONE, (3, EVERY, 0, 0, 0, 0))
    one = harvests.harvest("chengdu")
    assert (one.kind, one.catalogue, one.title) == (Kind.DCAT, "urn:hub:chengdu", "政务数据共享目录")
    entries = harvests.entries("chengdu")
    assert [entry.chain for entry in entries] == [("urn:hub:chengdu",)] * EVERY
    assert "自然人基本信息" in [entry.best_title() for entry in entries]
    assert told(harvester.run("chengdu")) == (3, 0, 0, EVERY, 0, 0)


def test_what_changed_vanished_and_came_back_is_told(database, site, harvester, harvests):
    harvester.add(other_hub(database, site), "chengdu")
    harvester.run("chengdu")

    def changed(graph):
        place = URIRef(site.url + "/v1/resources/place#dataset")
        parcel = URIRef(site.url + "/v1/resources/parcel#dataset")
        if (place, None, None) in graph:
            graph.set((place, DCTERMS.title, Literal("新地名", lang="zh")))
        graph.remove((parcel, RDF.type, DCAT.Dataset))
        return graph

    other_hub(database, site, change=changed)
    assert told(harvester.run("chengdu")) == (3, 0, 1, EVERY - 2, 0, 1)
    assert [one.best_title() for one in harvests.entries("chengdu", vanished=True)] == ["宗地"]
    assert "新地名" in [one.best_title() for one in harvests.entries("chengdu")]
    other_hub(database, site)
    assert told(harvester.run("chengdu")) == (3, 0, 2, EVERY - 2, 0, 0)


def test_a_run_goes_on_where_it_was_interrupted(database, site, harvester, harvests):
    harvester.add(other_hub(database, site), "chengdu")
    healthy = site.answer
    site.answer = lambda path, headers: healthy(path, headers) if "after" not in path else Reply(status=503)
    with pytest.raises(CatalogueUnreachable):
        harvester.run("chengdu")
    standing = harvests.last_run("chengdu")
    assert (standing.state, standing.pages, standing.counts.created) == (RunState.RUNNING, 1, 2)
    site.answer, site.asked = healthy, []
    done = harvester.run("chengdu")
    assert (done.number, told(done)) == (1, (3, EVERY, 0, 0, 0, 0))
    assert all("after" in path for path in site.asked)
    assert harvests.last_run("chengdu") == done


def test_ctrl_c_stops_between_pages_and_the_next_run_goes_on(
    hub_settings, database, site, harvester, harvests
):
    harvester.add(other_hub(database, site), "chengdu")
    healthy = site.answer
    second = threading.Event()

    def answer(path, headers):
        if "after" in path:
            second.set()
            time.sleep(5)
        return healthy(path, headers)

    site.answer = answer
    told_ = {
        "HUB_HOME": str(hub_settings.home),
        "HUB_DATABASE_URL": hub_settings.database_url,
        "HUB_HARVEST_NETWORKS": "127.0.0.0/8",
    }
    command = [sys.executable, "-c", "from hub.cli import main; main()", "harvest", "run", "chengdu"]
    with subprocess.Popen(command, env=os.environ | told_, stderr=subprocess.PIPE, text=True) as running:
        assert second.wait(60)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert (running.returncode, "Stopped" in said) == (130, True)
    standing = harvests.last_run("chengdu")
    assert (standing.state, standing.pages) == (RunState.RUNNING, 1)
    site.answer = healthy
    done = harvester.run("chengdu")
    assert (done.number, told(done)) == (1, (3, EVERY, 0, 0, 0, 0))


def test_a_run_is_given_up_where_that_is_wanted_and_nothing_vanishes_by_it(
    database, site, harvester, harvests
):
    harvester.add(other_hub(database, site), "chengdu")
    harvester.run("chengdu")
    site.answer = lambda _path, _headers: Reply(status=500)
    with pytest.raises(CatalogueUnreachable):
        harvester.run("chengdu")
    other_hub(database, site)
    done = harvester.run("chengdu", restart=True)
    assert (done.number, done.state, told(done)) == (3, RunState.DONE, (3, 0, 0, EVERY, 0, 0))


def test_a_catalogue_does_not_harvest_itself(database, site, harvester, harvests):
    harvester.add(other_hub(database, site, OWN.hub_id), "mirror")
    with pytest.raises(OwnCatalogue):
        harvester.run("mirror")
    assert (harvests.last_run("mirror").state, harvests.last_run("mirror").problem) == (
        RunState.FAILED,
        "own_catalogue",
    )
    assert harvests.entries("mirror") == []
    for address in (
        OWN.catalogue,
        "https://HUB.example:443/",
        "https://hub.example/v1/catalogue/dcat?after=x",
    ):
        with pytest.raises(OwnCatalogue):
            harvester.add(address)


def test_what_comes_back_over_a_detour_is_skipped(database, site, harvester, harvests):
    """Another hub has harvested ours and passes it on beside its own; so does one that knows nothing of chains."""
    detour = Addresses(site.url, "urn:hub:province", "510000")
    with database.engine(Role.APPLICATION).connect() as connection:
        own, theirs = offered(connection, OWN), offered(connection, detour, everything=True)
    ours = [replace(one, chain=(OWN.hub_id, detour.hub_id)) for one in own.datasets]
    unmarked = [replace(one, uri=one.uri + "-copy", chain=()) for one in own.datasets]
    circled = replace(
        theirs.datasets[0], uri=site.url + "/circled", chain=("urn:hub:x", "urn:hub:province", "urn:hub:x")
    )
    far = replace(theirs.datasets[0], uri=site.url + "/far", chain=tuple(f"urn:hub:{n}" for n in range(9)))
    body = serialized(
        catalogue_graph(detour, replace(theirs, datasets=[*theirs.datasets, *ours, *unmarked, circled, far])),
        FORMATS[0],
    )
    site.answer = lambda _path, _headers: Reply(body)
    harvester.add(site.url + "/catalogue", "province")
    run = harvester.run("province")
    assert told(run) == (1, EVERY, 0, 0, 6, 0)
    reasons = [one.reason for one in harvests.skipped(run)]
    assert (
        sum(
            "this hub's own catalogue, and has come back through urn:hub:province" in reason
            for reason in reasons
        )
        == 4
    )
    assert sum("one catalogue twice" in reason for reason in reasons) == 1
    assert sum("more than 8 catalogues" in reason for reason in reasons) == 1


def test_what_was_harvested_is_passed_on_with_its_chain(database, site, harvester):
    harvester.add(other_hub(database, site), "chengdu")
    harvester.run("chengdu")
    with database.engine(Role.APPLICATION).connect() as connection:
        found = passed_on(connection, OWN)
    assert {one.chain for one in found} == {("urn:hub:chengdu", "urn:hub:chongqing")}
    assert len(found) == EVERY


@pytest.mark.parametrize(
    ("following", "words"),
    [
        ("{url}/catalogue", "in a circle"),
        ("http://other.example/catalogue", "another site"),
        ("{url}:x/", "another site"),
    ],
)
def test_pages_that_lead_in_a_circle_or_away_end_the_run_and_nothing_vanishes(
    database, site, harvester, harvests, following, words
):
    at = Addresses(site.url, "urn:hub:chengdu", "510100")
    with database.engine(Role.APPLICATION).connect() as connection:
        found = offered(connection, at)
    here = site.url + "/catalogue"

    def answer(next_page):
        return Reply(serialized(catalogue_graph(at, found, Page(here, here, next_page, 2)), FORMATS[0]))

    site.answer = lambda _path, _headers: answer(None)
    harvester.add(here, "chengdu")
    harvester.run("chengdu")
    site.answer = lambda _path, _headers: answer(following.format(url=site.url))
    with pytest.raises(WrongCatalogue, match=words):
        harvester.run("chengdu")
    assert harvests.last_run("chengdu").state is RunState.FAILED
    assert len(harvests.entries("chengdu")) == 2
    assert len(site.asked) == 2


def test_a_site_that_has_moved_is_followed_with_all_its_pages(database, site, harvester):
    address = other_hub(database, site)
    with neighbour_site() as old:
        old.answer = lambda _path, _headers: Reply(status=301, headers={"Location": address})
        harvester.add(old.url + "/catalogue", "chengdu")
        assert told(harvester.run("chengdu")) == (3, EVERY, 0, 0, 0, 0)
        assert len(old.asked) == 1


def numbered_pages(pages):
    """A document of CKAN that does not say which page is next."""

    def answer(path, _headers):
        number = int(parse_qs(urlsplit(path).query).get("page", ["1"])[0])
        titles = pages[number - 1] if number <= len(pages) else []
        body = "".join(f'<urn:d:{one}> a dcat:Dataset ; dct:title "{one}" .\n' for one in titles)
        head = "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .\n"
        return Reply((head + "<urn:c> a dcat:Catalog .\n" + body).encode())

    return answer


def test_pages_that_are_only_numbered_are_walked_until_one_is_empty(site, harvester, harvests):
    site.answer = numbered_pages([["a", "b"], ["c", "a"]])
    harvester.add(site.url + "/catalog.ttl", "numbers")
    run = harvester.run("numbers")
    assert told(run) == (3, 3, 0, 0, 1, 0)
    assert [(one.foreign_id, one.reason) for one in harvests.skipped(run)] == [
        ("urn:d:a", "it is told twice in this catalogue")
    ]
    assert site.asked == ["/catalog.ttl", "/catalog.ttl?page=2", "/catalog.ttl?page=3"]
    assert harvests.harvest("numbers").catalogue == "urn:c"


def test_a_site_of_ckan_without_dcat_is_read_by_its_interface(site, harvester, harvests):
    packages = [
        {"name": f"set-{n}", "title": f"数据{n}" if n % 100 else "", "notes": "说明"} for n in range(250)
    ]

    def answer(path, _headers):
        asked = urlsplit(path)
        if not asked.path.endswith("/api/3/action/package_search"):
            return Reply(b"<!DOCTYPE html><html></html>", "text/html")
        start = int(parse_qs(asked.query)["start"][0])
        return json_reply(
            {"success": True, "result": {"count": 250, "results": packages[start : start + 100]}}
        )

    site.answer = answer
    harvester.add(site.url + "/data/dataset", "ckan")
    run = harvester.run("ckan")
    assert told(run) == (3, 247, 0, 0, 3, 0)
    assert harvests.harvest("ckan").kind is Kind.CKAN
    assert harvests.entries("ckan", limit=1)[0].uri == site.url + "/data/dataset/set-1"
    site.asked.clear()
    assert told(harvester.run("ckan")) == (3, 0, 0, 247, 3, 0)
    assert all(path.startswith("/data/api/3/action/package_search") for path in site.asked)


def test_what_is_neither_is_told(site, harvester):
    site.answer = lambda _path, _headers: Reply(b"<!DOCTYPE html><html></html>", "text/html")
    harvester.add(site.url + "/")
    with pytest.raises(WrongCatalogue, match=r"neither a document of DCAT nor a site of CKAN"):
        harvester.run("at_127_0_0_1")


def test_one_at_a_time_and_only_what_is_registered(database, site, harvester):
    harvester.add(site.url, "one")
    with pytest.raises(AlreadyRegistered):
        harvester.add(site.url + "/other", "one")
    with pytest.raises(ConfigurationError):
        harvester.add(site.url + "/other", "No Code")
    with pytest.raises(NotRegistered):
        harvester.run("another")
    with database.engine(Role.APPLICATION).connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtextextended('harvest.one', 0))"))
        with pytest.raises(HarvestBusy):
            harvester.run("one")


def test_every_page_has_its_ledger_entry_in_the_same_transaction(database, site, harvester):
    harvester.add(other_hub(database, site), "chengdu")
    harvester.run("chengdu")
    query = text("SELECT action, facts FROM ledger.entry WHERE facts->>'target' = 'chengdu' ORDER BY id")
    with database.engine(Role.AUDITOR).connect() as connection:
        entries = connection.execute(query).all()
    assert [action for action, _ in entries] == [
        "harvest.add", "harvest.begin", *["harvest.name", "harvest.page"], *["harvest.page"] * 2, "harvest.end",
    ]  # fmt: skip
    assert sum(facts.get("created", 0) for _, facts in entries) == EVERY


def test_the_commands_tell_what_was_harvested(hub_settings, database, site, monkeypatch):
    address = other_hub(database, site)
    for name, value in {
        "home": hub_settings.home,
        "database_url": hub_settings.database_url,
        "harvest_networks": "127.0.0.0/8",
    }.items():
        monkeypatch.setenv(f"HUB_{name.upper()}", str(value))

    def run(*arguments):
        done = CliRunner().invoke(app, ["harvest", *arguments])
        assert done.exit_code == 0, (done.output, done.exception)
        return " ".join(done.output.split())

    assert "hub harvest run chengdu" in run("add", address, "--code", "chengdu")
    assert (
        f"{EVERY} datasets on 3 pages = {EVERY} new + 0 changed + 0 unchanged + 0 skipped; 0 vanished."
        in run("run", "chengdu")
    )
    assert "chengdu 政务数据共享目录 dcat done" in run("list")
    assert json.loads(run("list", "--json"))[0]["last run"] == "done"
    assert "自然人基本信息 公安局" in run("show", "chengdu")
    shown = json.loads(run("show", "chengdu", "--limit", "2", "--json"))
    assert (shown["last_run"]["created"], len(shown["datasets"]), shown["skipped"]) == (EVERY, 2, [])
    run("add", "http://127.0.0.1:1/gone", "--code", "gone")
    every = CliRunner().invoke(app, ["harvest", "run", "--all", "--json"])
    told = json.loads(every.stdout)
    assert (every.exit_code, told["runs"]["chengdu"]["unchanged"], list(told["failed"])) == (
        1,
        EVERY,
        ["gone"],
    )
    assert isinstance(CliRunner().invoke(app, ["harvest", "run"]).exception, MalformedRequest)
    exported = CliRunner().invoke(app, ["catalogue", "dcat", "--harvested"]).output
    assert f"{site.url}/v1/resources/natural_person#dataset" in exported
    run("remove", "gone")
    assert f"with {EVERY} datasets" in run("remove", "chengdu")
    assert json.loads(run("list", "--json")) == []
    assert isinstance(CliRunner().invoke(app, ["harvest", "remove", "chengdu"]).exception, NotRegistered)
