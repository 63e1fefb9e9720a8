"""``docs/agreements.md`` by hand: agreements are made and calls explained by commands."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from schemas.errors import AccessDenied, NotRegistered, UnknownItem

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


def test_the_page_does_what_it_says_and_so_do_its_neighbours(hub_settings, monkeypatch):
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    run("db", "upgrade")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
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
    run("client", "suspend", "approval-desk")
    assert isinstance(run(*EXPLAIN).exception, AccessDenied)
