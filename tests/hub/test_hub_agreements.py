"""``docs/agreements.md`` by hand: agreements are made and calls explained by commands."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from hub.cli import app
from hub.commands.term_options import terms_stated
from schemas.errors import AccessDenied, ConfigurationError, NotRegistered, UnknownItem

pytestmark = pytest.mark.server
PAGE = Path(__file__).parents[2] / "docs" / "agreements.md"
EXPLAIN = (
    "explain",
    "call",
    "approval-desk",
    "division_area",
    "--purpose",
    "选址审查",
    "--legal-basis",
    "城乡规划法",
)


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def blocks(language):
    return re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def test_the_page_does_what_it_says_and_so_do_its_neighbours(hub_settings, monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    run("db", "upgrade")
    of_terms, block = blocks("sh")
    shown = [run(*shlex.split(line)[1:]) for line in block.splitlines()]
    assert [one.exit_code for one in shown] == [0, 0, 0, 1]
    assert "Allowed, under agreement approval-desk.division_area." in shown[2].output
    assert "Refused: Agreement approval-desk.division_area is not in force at this time." in shown[3].output
    refusing = [line.split()[0] for line in shown[3].output.splitlines() if " refuses " in line]
    assert refusing == ["validity", "items"]

    told = json.loads(run(*EXPLAIN, "--item", "name", "--keys", "1001", "--json").output)
    assert (told["allowed"], told["refusal"]["term"]) == (False, "batch_size")
    assert isinstance(run(*EXPLAIN, "--item", "nothing").exception, UnknownItem)
    assert isinstance(run("explain", "call", "nobody", *EXPLAIN[3:]).exception, NotRegistered)
    check_terms(of_terms, tmp_path)
    run("client", "suspend", "approval-desk")
    assert isinstance(run(*EXPLAIN).exception, AccessDenied)


def check_terms(script, folder):
    """What the page shows of rows, hours, quotas and answers; one database serves both stories."""
    shown = [run(*shlex.split(line)[1:]) for line in script.replace("\\\n", " ").splitlines()]
    assert [one.exit_code for one in shown] == [0, 0, 0, 0, 0], [one.output for one in shown]
    written = yaml.safe_load(shown[3].output)
    assert written["rows"] == [{"item": "division", "within": "500103"}, {"item": "status", "in": ["1", "2"]}]
    assert (written["quota_per_day"], written["rate"]) == (5000, {"per_second": 5.0, "burst": 10})
    assert shown[3].output.endswith("# in force, 0 of 5000 records used today\n")
    assert "5000, 5000 left" in shown[4].output

    (in_file,) = blocks("yaml")
    (folder / "city.yaml").write_text(in_file, encoding="utf-8")
    added = run("agreement", "add", str(folder / "city.yaml"))
    assert added.exit_code == 0, added.exception
    told = json.loads(run("agreement", "show", "city-2026-17", "--json").output)
    agreed = yaml.safe_load(in_file)
    assert {name: told[name] for name in ("rows", "hours", "quota_per_day")} == {
        name: agreed[name] for name in ("rows", "hours", "quota_per_day")
    }
    assert (told["used_today"], told["answer"]["at_least"]) == (0, "50")
    assert isinstance(run("agreement", "show", "none").exception, NotRegistered)
    assert isinstance(run("agreement", "add", str(folder / "nothing.yaml")).exception, ConfigurationError)
    wrong = (
        "agreement",
        "add",
        "labour-desk",
        "legal_person",
        "--purpose",
        "x",
        "--legal-basis",
        "y",
        "--number",
        "z",
    )
    for terms in (
        ("--within", "status=500103"),
        ("--within", "division"),
        ("--hours", "noon"),
        ("--answer", "maybe"),
        ("--answer", "name>=5"),
        ("--rate", "0"),
    ):
        assert isinstance(run(*wrong, *terms).exception, ConfigurationError), terms
    listed = {one["agreement"]: one["terms"] for one in json.loads(run("agreement", "list", "--json").output)}
    assert listed["labour-desk.large"] == "rows, answer"
    asked = (
        "explain",
        "call",
        "approval-desk",
        "legal_person",
        "--purpose",
        "用工核查",
        "--legal-basis",
        "劳动法",
    )
    for at, allowed in (("2026-06-06T21:59:59", 1), ("2026-06-06T22:00:00", 0), ("2026-06-07T05:59:59", 0)):
        told = run(*asked, "--case", "11500000MB1670604W3", "--at", at)
        assert told.exit_code == allowed, "hours are the hub's, whatever the machine's zone"
    assert "z" not in listed


def test_a_signature_asked_for_is_a_term():
    none = dict.fromkeys(("within", "one_of", "hours", "quota", "rate", "answer"))
    assert terms_stated(**none, own_cases=False, burst=1, signed=True) == {"authentication": "signed"}
    assert terms_stated(**none, own_cases=False, burst=1, signed=False) == {}
