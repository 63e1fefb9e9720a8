"""``docs/organisations.md`` by hand, and what its commands say when they cannot."""

import json
import re
import shlex
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey
from typer.testing import CliRunner

from hub.cli import app
from schemas.errors import ConfigurationError, LastKey, RolesExclude

pytestmark = pytest.mark.server
PAGE = Path(__file__).parents[2] / "docs" / "organisations.md"
DISTRICT = "115001030092751236"


def run(*arguments):
    shown = CliRunner().invoke(app, list(arguments))
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
    assert run("db", "upgrade").exit_code == 0
    return tmp_path


def test_the_page_does_what_it_says(place):
    new = OKPKey.generate_key("Ed25519", {"kid": "new"})
    (place / "new-key.json").write_text(json.dumps(new.as_dict(private=False)))
    for block in re.findall(
        r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        for line in block.splitlines():
            if "OLD" in line:
                line = line.replace("OLD", told("client", "key", "list", "approval-desk")[0]["kid"])
            shown = run(*shlex.split(line)[1:])
            assert shown.exit_code == 0, (line, shown.output)

    organisations = {one["code"]: one for one in told("organisation", "list")}
    assert (organisations[DISTRICT]["level"], organisations[DISTRICT]["parent"]) == (
        "county",
        "11500000MB1670604W",
    )
    assert organisations[DISTRICT]["offices"] == [{"code": "01", "name": "审批一科"}]
    people = {one["person"]: one for one in told("person", "list")}
    assert (people["zhang.desk"]["roles"], people["zhang.desk"]["status"]) == (["user"], "suspended")
    (system,) = told("client", "list")
    old, added = system["keys"]
    assert (added["kid"], added["valid_until"], system["status"]) == ("new", None, "active")
    assert old["valid_until"] is not None
    shown = run("organisation", "list").output
    assert shown.index("市政务服务管理办公室") < shown.index("渝中区行政审批局") < shown.index("审批一科")


def test_what_cannot_be_is_one_clear_error(place):
    run("organisation", "add", DISTRICT, "--name", "渝中区行政审批局", "--division", "500103")
    run("client", "add", "desk", "--organisation", DISTRICT)
    kid = told("client", "key", "list", "desk")[0]["kid"]
    with pytest.raises(LastKey, match="Add the new key first"):
        run("client", "key", "retire", "desk", kid)
    with pytest.raises(RolesExclude, match="different people"):
        run("person", "add", "both", "--name", "甲", "--organisation", DISTRICT,
            "--role", "system_administrator", "--role", "audit_administrator")  # fmt: skip
    with pytest.raises(ConfigurationError, match="no such role"):
        run("person", "add", "king", "--name", "甲", "--organisation", DISTRICT, "--role", "king")
    (place / "two.json").write_text(json.dumps([OKPKey.generate_key("Ed25519").as_dict(private=False)] * 2))
    with pytest.raises(ConfigurationError, match="holds 2 keys"):
        run("client", "key", "add", "desk", "two.json")
    assert told("person", "list") == []


def test_a_moved_organisation_stands_elsewhere(place):
    for code, name in (("A", "甲"), ("B", "乙")):
        run("organisation", "add", code, "--name", name)
    assert told("organisation", "move", "B", "--parent", "A") == {"code": "B", "parent": "A"}
    assert [one["parent"] for one in told("organisation", "list")] == [None, "A"]
    assert "at the top" in run("organisation", "move", "B").output
    assert told("organisation", "rename", "B", "丙") == {"code": "B", "name": "丙"}
    assert [one["name"] for one in told("organisation", "list")] == ["甲", "丙"]
