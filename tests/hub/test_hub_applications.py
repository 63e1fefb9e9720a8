"""``docs/sharing.md`` by hand, and what the commands of applications and agreements say when they cannot."""

import json
import re
from datetime import date

import documents
import pytest
from typer.testing import CliRunner

from hub.cli import app
from schemas.errors import (
    ConfigurationError,
    DefinitionError,
    ForbiddenTransition,
    NotRegistered,
    NotYourPart,
    OwnWork,
    UnknownMatter,
)

pytestmark = pytest.mark.server
PAGE = documents.page("sharing.md")
YEAR = date.today().year  # noqa: DTZ011 - the commands ask the machine, too
APPLICATION = f"AP{YEAR}-000001"


def run(*arguments):
    shown = CliRunner().invoke(app, list(arguments))
    if shown.exception and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    return shown


def told(*arguments):
    return json.loads(run(*arguments, "--json").output)


@pytest.fixture
def place(hub_settings, monkeypatch, tmp_path):
    """A hub whose calendar has this year and the next ones, whatever year it is."""
    days = tmp_path / "days"
    days.mkdir()
    for year in range(YEAR - 1, YEAR + 3):
        (days / f"{year}.yaml").write_text(f"whole_year: {year}", encoding="utf-8")
    for name, value in (
        ("HOME", hub_settings.home),
        ("DATABASE_URL", hub_settings.database_url),
        ("CALENDAR", days),
    ):
        monkeypatch.setenv(f"HUB_{name}", str(value))
    monkeypatch.chdir(tmp_path)
    assert run("db", "upgrade").exit_code == 0
    (tmp_path / "application.yaml").write_text(documents.blocks(PAGE, "yaml")[1], encoding="utf-8")
    return tmp_path


def test_the_page_does_what_it_says_and_errors_say_what_to_do(place):
    _calendar, parties, way = documents.blocks(PAGE, "sh")
    documents.run(parties)
    said = dict(zip(way.splitlines(), documents.run(way.replace("AP2026", f"AP{YEAR}")), strict=True))
    by = {line.split()[1] + " " + line.split()[2]: output for line, output in said.items()}
    assert "awaiting examination. Due: reply" in by["application support"]
    assert "examine" in by["application possible"]
    assert re.search(r"Due: deliver, late from \S+ 00:00\.", by["application approve"]), "by the hub's days"
    assert "核验身份不需要" in by["application history"]
    assert "Nothing is due" in by["application tick"]
    assert "is narrower from now on" in said[next(line for line in said if "--quota 500" in line)]
    assert told("agreement", "show", APPLICATION)["quota_per_day"] == 500
    assert f"It takes an application: AP{YEAR}-000002 is draft" in by["agreement amend"], "hours are lifted"
    assert told("application", "show", f"AP{YEAR}-000002")["elements"]["terms"] == {"quota_per_day": 500}
    assert f"It takes an application: AP{YEAR}-000003 is draft" in by["agreement renew"]
    assert "disposed" in by["agreement confirm-disposal"]
    assert [(one["id"], one["state"]) for one in told("application", "list")] == [
        (APPLICATION, "delivered"), (f"AP{YEAR}-000002", "draft"), (f"AP{YEAR}-000003", "draft"),
    ]  # fmt: skip
    operators_ones()
    refused_ones(place)
    shown_ones()


def refused_ones(place):
    (place / "other.yaml").write_text("resource: natural_person", encoding="utf-8")
    (place / "broken.yaml").write_text("a: [", encoding="utf-8")
    drafted = told("application", "draft", "other.yaml", "--as", "clerk")["id"]
    lacking = run("application", "check", drafted)
    assert (lacking.exit_code, "what the purpose" in lacking.output, "legal_bases" in lacking.output) == (
        1,
        False,
        True,
    )
    assert len(told("application", "check", drafted)["faults"]) == 12
    run("application", "edit", drafted, "application.yaml", "--as", "clerk")
    run("application", "submit", drafted, "--as", "clerk")
    for error, words in (
        (OwnWork, f"application support {drafted} --as clerk"),
        (NotYourPart, f"application support {drafted} --as chief"),
        (NotRegistered, f"application support {drafted} --as nobody"),
        (ForbiddenTransition, f"application deliver {drafted} --as chief"),
        (UnknownMatter, "application show AP1"),
        (UnknownMatter, "application history AP1"),
        (DefinitionError, "application draft broken.yaml --as clerk"),
        (ConfigurationError, f"application return {drafted} --as officer --missing scenario"),
        (ForbiddenTransition, f"agreement renew {APPLICATION} --as clerk --until 2036-12-31"),
        (UnknownMatter, "agreement history AP1 --as clerk"),
    ):
        with pytest.raises(error):
            run(*words.split())
    run(
        "person",
        "add",
        "outside",
        "--name",
        "测试外",
        "--organisation",
        "11500000MB1670604W",
        "--role",
        "user",
    )
    with pytest.raises(NotYourPart, match="another organisation's"):
        run("agreement", "history", APPLICATION, "--as", "outside")
    run("person", "suspend", "head")
    with pytest.raises(NotYourPart):
        run("application", "support", drafted, "--as", "head")
    run("application", "withdraw", drafted, "--as", "clerk", "--note", "重复申请")
    assert told("application", "history", drafted)[-1]["facts"] == {"note": "重复申请"}


def operators_ones():
    run("agreement", "add", "approval-desk", "place", "--purpose", "选址", "--legal-basis", "城乡规划法")
    for act, status in (("suspend", "suspended"), ("resume", "in_force"), ("end", "ended")):
        assert told("agreement", act, "approval-desk.place", "--reason", "x")["status"] == status
    assert [one["status"] for one in told("agreement", "list")][1] == "ended"
    with pytest.raises(ForbiddenTransition, match="--as"):
        run("agreement", "suspend", APPLICATION)
    for words in (
        "amend approval-desk.place --as clerk --max-keys 1",
        "history approval-desk.place --as clerk",
    ):
        with pytest.raises(UnknownMatter, match=r"came from no application.*without --as"):
            run("agreement", *words.split())


def shown_ones():
    shown = told("application", "show", APPLICATION)
    assert (shown["elements"]["keys_per_call"], shown["provider"]) == (20, "115000000092750357")
    assert "purposes:\n- 许可审查" in run("application", "show", APPLICATION).output
    listed = told("application", "list", "--state", "delivered", "--organisation", "115000000092750357")
    assert [one["id"] for one in listed] == [APPLICATION]
    assert told("application", "list", "--organisation", "11500000MB1670604W") == []
    assert told("agreement", "possible", APPLICATION, "--as", "clerk")["possible"] == []
    assert [one["act"] for one in told("agreement", "history", APPLICATION, "--as", "clerk")][
        -1
    ] == "confirm_disposal"
    (ledger,) = [one for one in told("audit", "tail", "-n", "400") if one["action"] == "application.approve"]
    assert ledger["facts"]["via"].startswith("operator:")
    assert ledger["actor"] == "chief"
