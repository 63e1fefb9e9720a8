"""``docs/catalogue.md`` by hand, and what its commands say when they cannot."""

import json
import sys
from dataclasses import replace

import documents
import pytest
import yaml
from made_entries import (
    PROVIDER,
    REVIEWER,
    WRITER,
    approved_and_published,
    catalogue_of,
    changed,
    made,
    published,
    registered,
)
from made_resources import MARRIAGE
from typer.testing import CliRunner

from audit.recording import record_administration
from catalog.entry import entry_of
from catalog.entry_steps import Effects
from catalog.published_resource import PublishedResources
from hub.catalogue.effects import publish_entry as published_elsewhere
from hub.catalogue.effects import withdraw_entry as withdrawn_elsewhere
from hub.cli import app, main
from infra.database import Role, open_database
from schemas.errors import (
    ConsentMissing,
    ForbiddenTransition,
    MalformedRequest,
    NotRegistered,
    NotSaid,
    NotYourPart,
    OwnWork,
    WrongEntry,
)  # fmt: skip
from schemas.resource import resource_named

pytestmark = pytest.mark.server
PAGE = documents.page("catalogue.md")


def run(*arguments):
    shown = CliRunner().invoke(app, ["catalogue", *arguments])
    if shown.exception and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    return shown


def told(*arguments):
    return json.loads(run(*arguments, "--json").output)


@pytest.fixture
def place(hub_settings, monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["db", "upgrade"]).exit_code == 0
    (example,) = documents.blocks(PAGE, "yaml")
    (tmp_path / "rent_subsidy.yaml").write_text(example, encoding="utf-8")
    entry = yaml.safe_load(example)
    entry["items"] = [item for item in entry["items"] if item["name"] != "sex"]
    (tmp_path / "without_sex.yaml").write_text(yaml.safe_dump(entry, allow_unicode=True), encoding="utf-8")
    return tmp_path


def refused(error, *arguments):
    with pytest.raises(error) as found:
        run(*arguments)
    return str(found.value)


def test_the_page_does_what_it_says_and_what_is_forbidden_is_refused(place, capsys, monkeypatch):
    first, second, *_ = documents.blocks(PAGE, "sh")
    begun, reviewed = first.split("hub catalogue possible")
    documents.run(begun)
    assert told("possible", "rent_subsidy", "--as", "wang.housing")["possible"] == [
        "edit",
        "assess",
        "discard",
    ]
    signing = ("--secrecy", "不涉密", "--personal-information", "可控")
    assert "did draft" in refused(OwnWork, "assess", "rent_subsidy", "--as", "li.housing", *signing)
    assert "not possible now" in refused(
        ForbiddenTransition, "publish", "rent_subsidy", "--as", "zhao.authority"
    )
    refused(NotYourPart, "discard", "rent_subsidy", "--as", "zhao.authority")
    refused(NotRegistered, "submit", "rent_subsidy", "--as", "nobody")
    documents.run("hub catalogue possible" + reviewed)

    standing = told("show", "rent_subsidy")
    assert (standing["state"], standing["code"], standing["in_force"]) == ("published", "307001002/000001", 1)
    assert standing["says"]["published_on"]
    assert run("show", "rent_subsidy").output.startswith(
        "# rent_subsidy is published; in force: 1, newest: 1\nid: rent_subsidy"
    )
    assert [one["id"] for one in told("list", "--category", "307")] == ["rent_subsidy"]

    resource = json.loads(CliRunner().invoke(app, ["resource", "show", "rent_subsidy", "--json"]).output)
    assert (resource["state"], resource["catalogue_code"]) == ("published", "307001002/000001"), (
        "queryable now"
    )
    with_more = MARRIAGE.replace("code: marriage_registration", "code: rent_subsidy")
    (place / "resource.yaml").write_text(with_more, encoding="utf-8")
    for command in (("withdraw", "rent_subsidy", "--reason", "x"), ("publish", "resource.yaml")):
        by_operator = CliRunner().invoke(app, ["resource", *command])
        assert isinstance(by_operator.exception, NotYourPart), "the authority's review is not gone round"

    changing, consenting = second.split("hub catalogue review rent_subsidy --as zhao.authority --approve")
    documents.run(changing)
    found = told("diff", "rent_subsidy")
    assert (found["compatible"], [one["element"] for one in found["changes"]]) == (False, ["items.sex"])
    assert "items.sex" in run("diff", "rent_subsidy").output
    refused(ConsentMissing, "review", "rent_subsidy", "--as", "zhao.authority", "--approve")
    refused(MalformedRequest, "review", "rent_subsidy", "--as", "zhao.authority")
    refused(NotSaid, "review", "rent_subsidy", "--as", "zhao.authority", "--return", " ")
    documents.run("hub catalogue review rent_subsidy --as zhao.authority --approve" + consenting)
    acts = [one["act"] for one in told("history", "rent_subsidy") if one["version"] == 1]
    assert acts[-4:] == ["note_change", "extend", "reflect", "supersede"]
    assert [
        one["element"] for one in told("diff", "rent_subsidy", "--from", "2", "--to", "1")["changes"]
    ] == ["items.sex"]

    done = told("draft", "--from-resource", "parcel", "--as", "li.housing")
    assert (done["entry"], done["state"]) == ("parcel", "draft")
    assert told("show", "parcel")["says"]["provider"] == "住房和城乡建设委员会"
    assert told("discard", "parcel", "--as", "li.housing", "--reason", "误建")["state"] == "discarded"
    refused(MalformedRequest, "draft", "--as", "li.housing")


def test_everything_wrong_with_a_file_is_told_line_by_line(tmp_path, monkeypatch, capsys):
    file = tmp_path / "wrong.yaml"
    file.write_text(
        "id: rent_subsidy\nname: 公租房\nitems: [{title: 公民身份号码, type: C}]\n", encoding="utf-8"
    )
    with pytest.raises(WrongEntry):
        run("check", str(file))
    monkeypatch.setattr(sys, "argv", ["hub", "catalogue", "check", str(file)])
    with pytest.raises(SystemExit, match="1"):
        main()
    lines = capsys.readouterr().err.splitlines()
    assert "is not complete and right" in lines[0]
    assert any("Elsewhere it is called citizen_number" in line for line in lines)
    monkeypatch.setattr(sys, "argv", ["hub", "catalogue", "check", str(file), "--json"])
    with pytest.raises(SystemExit, match="1"):
        main()
    faults = json.loads(capsys.readouterr().err)["faults"]
    assert {"provider_code", "items", "items[1].name", "sharing"} <= {fault["element"] for fault in faults}


def _failing(*_given):
    raise LookupError


def test_what_is_published_in_the_catalogue_is_queryable_until_it_is_withdrawn_or_shared_no_more(
    hub_settings,
):
    with open_database(hub_settings) as database:
        registered(database)

        def standing(code):
            with database.engine(Role.APPLICATION).begin() as connection:
                return PublishedResources(connection, record_administration).in_force(code)

        with catalogue_of(database, effects=Effects(published_elsewhere, withdrawn_elsewhere)) as entries:
            published(entries, made())
            published(entries, made(id="films", format="streaming_media", items=[]))
            published(entries, entry_of(resource_named("parcel"), PROVIDER, provider="规划局"))
        assert standing("rent_subsidy").resource.catalogue_code == "307001002/000001"
        assert standing("films") is standing("parcel") is None, "no records, or queryable as it came"
        with catalogue_of(database) as entries:
            changed(entries, replace(made(), name_en="x" * 200))
            entries.approve("rent_subsidy", REVIEWER)
        with pytest.raises(LookupError), catalogue_of(database, effects=Effects(_failing)) as entries:
            entries.publish("rent_subsidy", REVIEWER)
        assert standing("rent_subsidy").resource.version == 1
        with catalogue_of(database) as entries:
            assert entries.reader.standing("rent_subsidy").state == "reviewed", "all or nothing"
            entries.discard("rent_subsidy", WRITER)
        with catalogue_of(database, effects=Effects(published_elsewhere, withdrawn_elsewhere)) as entries:
            secret = made(sharing="not_shared", legal_basis="《保密法》", condition=None)
            changed(entries, secret)
            approved_and_published(entries, "rent_subsidy", "同意")
        assert standing("rent_subsidy").resource.withdrawn
        with catalogue_of(database, effects=Effects(published_elsewhere, withdrawn_elsewhere)) as entries:
            changed(entries, made())
            approved_and_published(entries, "rent_subsidy", "同意")
        assert (standing("rent_subsidy").resource.version, standing("rent_subsidy").resource.withdrawn) == (
            4,
            False,
        )
        with catalogue_of(database, effects=Effects(published_elsewhere, withdrawn_elsewhere)) as entries:
            entries.withdraw("rent_subsidy", REVIEWER, "停用")
        assert standing("rent_subsidy").resource.withdrawn
