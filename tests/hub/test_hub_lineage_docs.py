"""The examples of docs/lineage.md run, on a small city."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.ingest import ingest_source

pytestmark = pytest.mark.server
PAGE = (Path(__file__).parents[2] / "docs" / "lineage.md").read_text(encoding="utf-8")


def test_every_example_runs(hub, monkeypatch):
    for code in ("natural_resources_district", "social_security"):
        ingest_source(hub, code)
    for name in ("home", "city", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(hub.settings, name)))

    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 7
    for line in lines:
        done = CliRunner().invoke(app, shlex.split(line)[1:], catch_exceptions=False)
        assert done.exit_code == 0, (line, done.output)
        assert done.stdout.strip(), line


def test_the_page_names_what_an_answer_has(hub):
    from hub.lineage.backward import Question, Reason, inspect

    ingest_source(hub, "natural_resources_district")
    answer = inspect(hub, "division_area", "500103", Question(("name",)), Reason("test"))

    origin = answer["items"][0]["origin"]
    assert all(f"`{name}`" in PAGE for name in origin if name != "batch")
